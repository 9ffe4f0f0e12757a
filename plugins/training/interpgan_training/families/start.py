"""The architecture of a training that goes on from a generator: the generator's own."""

from __future__ import annotations

from interpgan_core import Generator, InterpganError
from interpgan_training.settings import Architecture
from interpgan_training.trainer import family_of


def architecture_from(given: Architecture, start: Generator | None) -> Architecture:
    """The architecture to train.

    Args:
        given: as the step says it.
        start: the generator to go on from; None = new weights.

    Returns:
        The architecture, with the generator's own settings where the step is silent.

    Raises:
        InterpganError: if the generator is of another family, or the step says a setting that is not the generator's.
    """
    if start is None:
        return given
    own = family_of(given).own_settings(start)
    differing = [
        f"{name} {_said(getattr(given, name))}, where the generator has {_said(value)}"
        for name, value in own.items()
        if name in given.model_fields_set and getattr(given, name) != value
    ]
    if differing:
        raise InterpganError(
            f"'architecture' says {'; '.join(differing)}; leave them out, and the generator's own are taken"
        )
    return given.model_copy(update=own)


def _said(value: object) -> str:
    return str(list(value) if isinstance(value, tuple) else value).lower()
