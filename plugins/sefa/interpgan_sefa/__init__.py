"""SeFa: closed-form factorisation of a generator's style weights, and names for directions."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "sefa": "interpgan_sefa.factorise:FindSemantics",
        "sefa.annotate": "interpgan_sefa.annotate:Annotate",
    }
