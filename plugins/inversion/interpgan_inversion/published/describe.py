"""What `interpgan-run --inspect` says of a published encoder."""

from __future__ import annotations

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint
from interpgan_inversion.published.files import find


def describe(checkpoint: Checkpoint) -> dict[str, str]:
    """The encoder in a file.

    Args:
        checkpoint: any file.

    Returns:
        Facts by label; {} where there is none. One that is damaged is said to be.
    """
    try:
        found = find(checkpoint)
        if found is None:
            return {}
        found.built()
    except InterpganError as error:
        return {"encoder": f"one that cannot be loaded as it stands: {error}"}
    how = f"{{use: inversion.load-encoder, file: {checkpoint.path.name}}}"
    return {**found.facts(), "a recipe takes it by": how}
