"""Orthogonal directions that a network can tell apart, learnt without labels."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"latentdiscovery.learn": "interpgan_latentdiscovery.operators:LearnDirections"}
