"""MobileStyleGAN, FFHQ at 1024 pixels: a small StyleGAN2 that renders photographs on a CPU."""

from __future__ import annotations

from interpgan_core import hookimpl


@hookimpl
def interpgan_models() -> dict[str, str]:
    """Named weights of this plugin."""
    return {"mobilestylegan.ffhq": "interpgan_mobilestylegan.models:ffhq"}


@hookimpl
def interpgan_backbones() -> dict[str, str]:
    """What makes a saved generator of this plugin again."""
    return {"mobilestylegan": "interpgan_mobilestylegan.backbone:backbone"}
