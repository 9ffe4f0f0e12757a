"""From the file of a published encoder to an encoder of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_core import Generator, InterpganError
from interpgan_core.plugin import Checkpoint, recognise
from interpgan_inversion.published.files import IR_SE50, Kind, find

if TYPE_CHECKING:
    from interpgan_inversion.published.encoder import PublishedEncoder


def load(
    path: Path,
    generator: Generator,
    kind: Kind | None = None,
    iterations: int | None = None,
    ready: bool = True,
) -> PublishedEncoder:
    """A published encoder, for a generator.

    Args:
        path: the file.
        generator: whose codes it is to give.
        kind: for a file that does not say how the codes of layers are made.
        iterations: of ReStyle; None = as the file says.
        ready: read the weights, onto the generator's device; False = see whether that would work.

    Raises:
        InterpganError: if the file holds no encoder, or one that is damaged, of an unknown variant, or of another
            generator.
    """
    from interpgan_inversion.published.encoder import PublishedEncoder

    checkpoint = Checkpoint(path)
    found = find(checkpoint, kind)
    if found is None:
        raise InterpganError(f"{path} holds no encoder that is known here: {_instead(checkpoint)}")
    return PublishedEncoder.of(found, generator, iterations, ready)


def _instead(checkpoint: Checkpoint) -> str:
    """What a file without an encoder holds, and what to do."""
    kinds = "name one of e4e, pSp, ReStyle or IDInvert, or encoder.safetensors of a step inversion.encoder"
    if any("hypernet." in name for name in checkpoint.shapes):
        return f"it holds a hypernetwork of HyperStyle, which is not supported; {kinds}"
    if checkpoint.network(IR_SE50) is not None:
        return f"it holds IR-SE50 without heads, a net that knows faces again; {kinds}"
    try:
        family, _ = recognise(checkpoint)
    except InterpganError:
        return kinds
    return f"it holds a generator of {family} alone; {kinds}"
