"""The operator `biggan`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from interpgan_core import LoadGenerator

Statistics = Literal["exact", "corrected"]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class LoadBigGAN(LoadGenerator):
    """Load a BigGAN or BigGAN-deep, with the options that these alone have."""

    family: ClassVar[str | None] = "biggan"

    truncation: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of Hugging Face's networks: z and the statistics of the batch norms; 1 when left out."""
    statistics: Statistics = "exact"
    """Of the same: exact: as the original code reads them; corrected: its rounding and its blend mended."""
    bn_eps: Positive | None = None
    """What the batch norms add to variances, where the file cannot know it."""
    sn_eps: Positive | None = None
    """What the spectral norms divide by at least, where the file cannot know it."""
