"""InterFaceGAN: boundaries of attributes in latent space, from scored samples, conditional edits, and verification."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "interfacegan": "interpgan_interfacegan.boundaries:FitBoundaries",
        "interfacegan.condition": "interpgan_interfacegan.condition:Condition",
        "interfacegan.verify": "interpgan_interfacegan.verify:Verify",
        "interfacegan.layers": "interpgan_interfacegan.layers:FindLayers",
        "interfacegan.tables": "interpgan_interfacegan.tables:Tabulate",
        "interfacegan.quality": "interpgan_interfacegan.quality:FindQuality",
    }
