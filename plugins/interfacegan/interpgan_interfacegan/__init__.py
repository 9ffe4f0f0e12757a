"""InterFaceGAN: boundaries of attributes in latent space, from scored samples, and conditional edits."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "interfacegan": "interpgan_interfacegan.operators:FitBoundaries",
        "interfacegan.condition": "interpgan_interfacegan.operators:Condition",
    }
