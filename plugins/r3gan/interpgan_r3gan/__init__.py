"""R3GAN: Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, NeurIPS 2024."""

from __future__ import annotations

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_backbones() -> Mapping[str, str]:
    """What recognises and loads the files."""
    return {"r3gan": "interpgan_r3gan.backbone:backbone"}
