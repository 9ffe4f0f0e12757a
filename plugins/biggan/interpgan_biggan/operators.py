"""The operator `biggan`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from interpgan_core import LoadGenerator

Statistics = Literal["exact", "corrected"]
Positive = Annotated[float, Field(gt=0)]


class LoadBigGAN(LoadGenerator):
    """Load a BigGAN or BigGAN-deep, with the options that these alone have."""

    family: ClassVar[str | None] = "biggan"

    truncation: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of Hugging Face's networks: z is this much of a truncated normal distribution, and the batch norms have its
    statistics; 1 when left out."""
    statistics: Statistics = "exact"
    """Of the same: exact: as the original code reads them; corrected: without its errors of rounding and weights."""
    bn_eps: Positive | None = None
    """Added to the variances of the batch norms; as the program that wrote the file has it when left out."""
    sn_eps: Positive | None = None
    """Of ajbrock's networks: lower bound of the divisors in the power iteration; likewise when left out."""
