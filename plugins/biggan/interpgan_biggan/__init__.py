"""BigGAN and BigGAN-deep: Brock et al., Large Scale GAN Training, ICLR 2019."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"biggan": "interpgan_biggan.operators:LoadBigGAN"}


@hookimpl
def interpgan_backbones() -> Mapping[str, str]:
    return {"biggan": "interpgan_biggan.backbone:backbone"}


@hookimpl
def interpgan_models() -> Mapping[str, str]:
    from interpgan_biggan.models import MODELS

    return dict.fromkeys(MODELS, "interpgan_biggan.models:MODELS")
