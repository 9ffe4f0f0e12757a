"""The operators every recipe needs; a plugin like any other, but its names carry no prefix."""

from collections.abc import Mapping

from interpgan_core.hookspecs import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    here = "interpgan_core.builtin"
    return {
        "generator": f"{here}.loading:LoadGenerator",
        "load": f"{here}.loading:LoadBatch",
        "directions": f"{here}.loading:LoadDirections",
        "save": f"{here}.loading:Save",
        "sample": f"{here}.sampling:Sample",
        "truncate": f"{here}.sampling:Truncate",
        "mix": f"{here}.sampling:Mix",
        "interpolate": f"{here}.sampling:Interpolate",
        "shift": f"{here}.moving:Shift",
        "walk": f"{here}.moving:Walk",
        "place": f"{here}.moving:Place",
        "exchange": f"{here}.features:Exchange",
        "ablate": f"{here}.features:Ablate",
        "score": f"{here}.scoring:Score",
        "scores": f"{here}.scoring:ReadScores",
        "images": f"{here}.pictures:ReadImages",
        "render": f"{here}.rendering:Render",
        "pictures": f"{here}.rendering:RenderSamples",
    }


@hookimpl
def interpgan_engines() -> Mapping[str, str]:
    return {"local": "interpgan_core.engines:Local"}


@hookimpl
def interpgan_models() -> Mapping[str, str]:
    return {"toy": "interpgan_core.builtin.named:toy"}
