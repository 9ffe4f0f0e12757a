"""ALAE: Pidhorskyi et al., Adversarial Latent Autoencoders, CVPR 2020."""

from __future__ import annotations

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_backbones() -> Mapping[str, str]:
    """What recognises and loads the files."""
    return {"alae": "interpgan_alae.backbone:backbone"}
