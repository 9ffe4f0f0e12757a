"""The named models of this plugin; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from interpgan_core.plugin import NamedModel

LICENCE = "Apache-2.0"
DATA = "avatars drawn by interpgan"

# Name of the weights -> family, what they were trained on.
FAMILIES = {
    "stylegan2": ("StyleGAN 2", DATA),
    "pggan": ("PGGAN", DATA),
    "biggan": ("BigGAN", f"{DATA}, by hair style"),
}
"""Of each there is one more, trained from it, whose layer is interpretable."""


def weights(name: str) -> Path:
    """The file of weights that comes with the package."""
    return Path(str(files(__package__).joinpath("weights", f"{name}.safetensors")))


COMPANIONS = (
    "avatars.directions",
    "avatars.scorer",
    "avatars.segmenter",
    "avatars.text",
    "inversion.load-encoder",
)

MODELS: Mapping[str, NamedModel] = {
    f"avatars.{name}{kind}": NamedModel(
        family, 64, data, LICENCE, shipped=weights(f"{name}{kind}"), companions=COMPANIONS
    )
    for kind in ("", "-interpretable")
    for name, (family, data) in FAMILIES.items()
}
