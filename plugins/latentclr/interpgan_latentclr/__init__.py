"""LatentCLR: directions and movers whose effects on feature maps differ from each other, and not from code to code."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "latentclr": "interpgan_latentclr.operators:FindDirections",
        "latentclr.conditional": "interpgan_latentclr.operators:LearnMovers",
    }
