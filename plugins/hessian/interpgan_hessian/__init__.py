"""A basis of a generator's codes whose directions change pictures independently of each other."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"hessian.basis": "interpgan_hessian.operators:LearnBasis"}
