"""PGGAN: Karras et al., Progressive Growing of GANs, ICLR 2018."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"pggan": "interpgan_pggan.operators:LoadPGGAN"}


@hookimpl
def interpgan_backbones() -> Mapping[str, str]:
    return {"pggan": "interpgan_pggan.backbone:backbone"}


@hookimpl
def interpgan_models() -> Mapping[str, str]:
    from interpgan_pggan.models import MODELS

    return dict.fromkeys(MODELS, "interpgan_pggan.models:MODELS")
