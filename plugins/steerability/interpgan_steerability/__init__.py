"""Steerability: directions that do to a sample what a known transform does to its picture."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    module = "interpgan_steerability.operators"
    return {"steerability.learn": f"{module}:LearnTransforms", "steerability.walk": f"{module}:LearnWalks"}
