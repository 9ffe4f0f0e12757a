"""GANalyze: directions along which a scorer's score changes by as much as one asks for."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"ganalyze.learn": "interpgan_ganalyze.operators:LearnDirections"}
