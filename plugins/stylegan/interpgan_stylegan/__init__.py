"""StyleGAN 1, 2 and 3: Karras et al., CVPR 2019, CVPR 2020, NeurIPS 2020 and NeurIPS 2021."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"stylegan": "interpgan_stylegan.operators:LoadStyleGAN"}


@hookimpl
def interpgan_backbones() -> Mapping[str, str]:
    return {
        "stylegan.v1": "interpgan_stylegan.v1.backbone:backbone",
        "stylegan.v2": "interpgan_stylegan.v2.backbone:backbone",
        "stylegan.v3": "interpgan_stylegan.v3.backbone:backbone",
    }


@hookimpl
def interpgan_models() -> Mapping[str, str]:
    from interpgan_stylegan.models import MODELS

    return dict.fromkeys(MODELS, "interpgan_stylegan.models:MODELS")
