"""The steps that every recipe needs, one file a step; a plugin like any other, but its names carry no prefix."""

from collections.abc import Mapping

from interpgan_core.hookspecs import hookimpl

_CLASSES = {
    "ablate": "Ablate",
    "directions": "LoadDirections",
    "exchange": "Exchange",
    "generator": "LoadGenerator",
    "images": "ReadImages",
    "insert": "Insert",
    "interpolate": "Interpolate",
    "load": "LoadBatch",
    "mix": "Mix",
    "movers": "LoadMovers",
    "pictures": "RenderSamples",
    "place": "Place",
    "reach": "Reach",
    "render": "Render",
    "sample": "Sample",
    "save": "Save",
    "score": "Score",
    "scores": "ReadScores",
    "shift": "Shift",
    "sweep": "Sweep",
    "truncate": "Truncate",
    "walk": "Walk",
}
"""Step -> its class, in the file named after the step."""


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {step: f"{__name__}.{step}:{name}" for step, name in _CLASSES.items()}


@hookimpl
def interpgan_engines() -> Mapping[str, str]:
    return {"local": "interpgan_core.operators.engines:Local"}


@hookimpl
def interpgan_models() -> Mapping[str, str]:
    return {"toy": "interpgan_core.loading.named_models:toy"}
