"""StyleGAN 2 of lucidrains: the checkpoints of the package stylegan2-pytorch."""

from __future__ import annotations

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    """The step that loads one."""
    return {"lucidrains": "interpgan_lucidrains.operators:LoadLucidrains"}


@hookimpl
def interpgan_backbones() -> Mapping[str, str]:
    """What recognises and loads the files."""
    return {"lucidrains": "interpgan_lucidrains.backbone:backbone"}
