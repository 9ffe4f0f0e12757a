"""Scorers from files that others have trained."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"scorer.onnx": "interpgan_scorer.operators:LoadOnnx"}
