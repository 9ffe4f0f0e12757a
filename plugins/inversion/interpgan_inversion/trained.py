"""Encoders that are trained already: those that come with this plugin, and those of files."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_core import InterpganError
from interpgan_inversion.encoder import Encoder

if TYPE_CHECKING:
    from interpgan_core import Generator


def shipped() -> list[Path]:
    """The files that come with the plugin; each knows the fingerprint of its generator."""
    folder = Path(str(files(__package__).joinpath("weights")))
    return sorted(folder.glob("*.safetensors"))


def trained(generator: Generator) -> Encoder:
    """The encoder that comes with the plugin for a generator.

    Raises:
        InterpganError: if there is none.
    """
    for path in shipped():
        if generator.shares_codes(Encoder.owner(path)):
            return Encoder.load(path, generator)
    names = ", ".join(path.stem for path in shipped())
    raise InterpganError(
        f"no encoder comes with this generator (only with {names}); train one by inversion.encoder, and name it: "
        "encoder: $step"
    )
