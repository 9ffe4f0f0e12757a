"""The hooks that a plugin may implement. Each returns names, not classes: a class is imported when used.

A name's target is "module:object", or "module:mapping" where one mapping holds the objects of many names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
        reason: why it ran, such as "strength 2 -> 3".
        seconds: wall time of this run; of the original run for a cached step.
        folder: where its files are; None when it keeps none.

    Example:
        >>> from interpgan_core import StepReport
        >>> StepReport(1, "sample", "sample", "ran", "no result yet", seconds=0.1, folder=None).status
        'ran'
    """

    number: int
    id: str
    use: str
    status: str
    reason: str
    seconds: float
    folder: Path | None


@hookspec
def interpgan_operators() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Operators by name: `{"sefa": "interpgan_sefa.factorise:FindSemantics"}`."""


@hookspec
def interpgan_backbones() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Families that recognise and load files: `{"stylegan": "interpgan_stylegan.backbone:StyleGANFiles"}`."""


@hookspec
def interpgan_models() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Named weights: `{"avatars.stylegan2": "interpgan_avatars.models:stylegan2"}`.

    Each is a `NamedModel` or `Published`, or a function that takes the options of `load_generator`.
    """


@hookspec
def interpgan_engines() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Where long tasks are worked on: `{"ray": "interpgan_ray.engine:RayEngine"}`."""


@hookspec
def interpgan_after_step(report: StepReport) -> None:
    """Observes a run; an exception is logged, never raised."""
