"""Encoders in files: what plugins know of those that stand there, alone or beside a generator."""

from __future__ import annotations

from collections.abc import Mapping

from interpgan_core.errors import InterpganError, remark
from interpgan_core.loading.checkpoint import Checkpoint
from interpgan_core.plugins import plugins


def encoders_in(checkpoint: Checkpoint) -> dict[str, str]:
    """What the plugins say of the encoders in a file.

    Args:
        checkpoint: the file, opened.

    Returns:
        Facts by label; none where there is no encoder. A plugin that fails in telling stops no other.
    """
    facts: dict[str, str] = {}
    for name, provided in sorted(plugins().encoders.items()):
        try:
            describe = provided.load()
            with provided.blamed():
                found = describe(checkpoint)
            if not isinstance(found, Mapping):
                raise provided.fault(f"returned {type(found).__name__}, and no facts")
            facts |= {str(label): str(fact) for label, fact in found.items()}
        except InterpganError as error:
            remark(f"{name}: {error}")
    return facts
