"""The hooks that a plugin may implement. Each returns names, not classes: a class is imported when used.

A name's target is "module:object", or "module:mapping" where one mapping holds the objects of many names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pluggy

hookspec = pluggy.HookspecMarker("interpgan")
hookimpl = pluggy.HookimplMarker("interpgan")


@dataclass(frozen=True)
class StepReport:
    """What became of one step of a run.

    Args:
        number: 1-based position in the recipe.
        id: name of the step.
        use: its operator.
        status: "ran", "cached" or "skipped" (nothing needed its result).
        reason: why it ran, such as "strength 2 -> 3", or was skipped.
        seconds: wall time of this run; of the original run for a cached step.
        folder: where its files are; None when it keeps none.

    Example:
        >>> from interpgan_core import StepReport
        >>> StepReport(1, "sample", "sample", "ran", "no earlier result", seconds=0.1, folder=None).status
        'ran'
    """

    number: int
    id: str
    use: str
    status: str
    reason: str
    seconds: float
    folder: Path | None


class HookSpecs(Protocol):
    """What a plugin may implement, as functions of its package marked `@hookimpl`."""

    @hookspec
    def interpgan_operators(self) -> Mapping[str, str]:
        """Operators by name: `{"sefa": "interpgan_sefa.factorise:FindSemantics"}`."""

    @hookspec
    def interpgan_backbones(self) -> Mapping[str, str]:
        """Families that recognise and load files: `{"pggan": "interpgan_pggan.backbone:PGGANBackbone"}`."""

    @hookspec
    def interpgan_models(self) -> Mapping[str, str]:
        """Named weights: `{"avatars.stylegan2": "interpgan_avatars.models:MODELS"}`.

        Each is a `NamedModel` or `Published`, or a function that takes the options of `load_generator`.
        """

    @hookspec
    def interpgan_engines(self) -> Mapping[str, str]:
        """Where long tasks are worked on: `{"ray": "interpgan_ray.engine:RayEngine"}`."""

    @hookspec
    def interpgan_encoders(self) -> Mapping[str, str]:
        """Encoders of pictures in files: `{"inversion.published": "interpgan_inversion.published.describe:describe"}`.

        Each is a function of a `Checkpoint` that says, for `interpgan-run --inspect`, what encoder stands in the file:
        facts by label, the first of them "encoder"; {} where there is none.
        """

    @hookspec
    def interpgan_after_step(self, report: StepReport) -> None:
        """Observes a run; an exception is logged, never raised."""
