"""The named models of this plugin; no torch."""

from __future__ import annotations

from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core import NamedModel

if TYPE_CHECKING:
    from interpgan_core import Generator

LICENCE = "Apache-2.0"
MODELS = ("stylegan2", "pggan", "biggan")
INTERPRETABLE = ("pggan",)
"""Those of them that there is one of whose layer is interpretable, trained from it."""
DATA = "avatars drawn by interpgan"


def weights(name: str) -> Path:
    """The file of weights that comes with the package."""
    return Path(str(files(__package__).joinpath("weights", f"{name}.safetensors")))


def _load(name: str, **options: Any) -> Generator:
    from interpgan_core import load_generator

    return load_generator(weights(name), **options)


load_stylegan2, load_pggan, load_biggan = (partial(_load, name) for name in MODELS)

stylegan2 = NamedModel("StyleGAN 2", 64, DATA, LICENCE, f"{__name__}:load_stylegan2", weights("stylegan2"))
pggan = NamedModel("PGGAN", 64, DATA, LICENCE, f"{__name__}:load_pggan", weights("pggan"))
biggan = NamedModel(
    "BigGAN", 64, f"{DATA}, by hair style", LICENCE, f"{__name__}:load_biggan", weights("biggan")
)

load_pggan_interpretable = partial(_load, "pggan-interpretable")
pggan_interpretable = NamedModel(
    "PGGAN", 64, DATA, LICENCE, f"{__name__}:load_pggan_interpretable", weights("pggan-interpretable")
)
