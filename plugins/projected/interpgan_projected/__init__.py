"""Projected GAN: Sauer et al., Projected GANs Converge Faster, NeurIPS 2021."""

from __future__ import annotations

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_backbones() -> Mapping[str, str]:
    """What recognises and loads the files."""
    return {"projected": "interpgan_projected.backbone:backbone"}
