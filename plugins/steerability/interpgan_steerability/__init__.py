"""Steerability: directions that do to a sample what a known transform does to its picture."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"steerability.learn": "interpgan_steerability.operators:LearnTransforms"}
