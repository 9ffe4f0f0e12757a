"""DCGAN: Radford et al., Unsupervised Representation Learning with Deep Convolutional GANs, ICLR 2016."""

from __future__ import annotations

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    """The step that loads one."""
    return {"dcgan": "interpgan_dcgan.operators:LoadDCGAN"}


@hookimpl
def interpgan_backbones() -> Mapping[str, str]:
    """What recognises and loads the files."""
    return {"dcgan": "interpgan_dcgan.backbone:backbone"}


@hookimpl
def interpgan_models() -> Mapping[str, str]:
    """Three trained networks that packages carry."""
    names = ("dcgan.digiface-64", "dcgan.celeba-64", "dcgan.eyes-128")
    return dict.fromkeys(names, "interpgan_dcgan.models:MODELS")
