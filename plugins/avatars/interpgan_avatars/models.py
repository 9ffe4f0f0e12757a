"""The named models of this plugin; no torch."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.plugin import NamedModel

if TYPE_CHECKING:
    from interpgan_core import Generator

LICENCE = "Apache-2.0"
MODELS = ("stylegan2", "pggan", "biggan")
"""Of each there is one more, trained from it, whose layer is interpretable."""
DATA = "avatars drawn by interpgan"
OF_CLASSES = f"{DATA}, by hair style"


def weights(name: str) -> Path:
    """The file of weights that comes with the package."""
    return Path(str(files(__package__).joinpath("weights", f"{name}.safetensors")))


def _load(name: str, **options: Any) -> Generator:
    from interpgan_core import load_generator

    return load_generator(weights(name), **options)


def _named(name: str, family: str, data: str = DATA) -> NamedModel:
    loader = f"{__name__}:load_{name.replace('-', '_')}"
    return NamedModel(family, 64, data, LICENCE, loader, weights(name))


load_stylegan2, load_pggan, load_biggan = (partial(_load, name) for name in MODELS)
load_stylegan2_interpretable, load_pggan_interpretable, load_biggan_interpretable = (
    partial(_load, f"{name}-interpretable") for name in MODELS
)

stylegan2 = _named("stylegan2", "StyleGAN 2")
pggan = _named("pggan", "PGGAN")
biggan = _named("biggan", "BigGAN", OF_CLASSES)
stylegan2_interpretable = _named("stylegan2-interpretable", "StyleGAN 2")
pggan_interpretable = _named("pggan-interpretable", "PGGAN")
biggan_interpretable = _named("biggan-interpretable", "BigGAN", OF_CLASSES)
