"""The operator `lucidrains`."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from interpgan_core import LoadGenerator


class LoadLucidrains(LoadGenerator):
    """Load a checkpoint of lucidrains' stylegan2-pytorch.

    Source: the package stylegan2-pytorch 1.9.0; Karras et al., Analyzing and Improving the Image Quality of StyleGAN,
    CVPR 2020.
    """

    family: ClassVar[str | None] = "lucidrains"

    lr_mlp: float | None = Field(default=None, gt=0)
    """The learning rate of the mapping in training, by which its weights are multiplied. When left out, that of
    `.config.json` beside the file, or else 0.1."""
