"""Inversion: the codes whose pictures look like given ones, so that a person's own picture can be edited."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "inversion": "interpgan_inversion.operators:Invert",
        "inversion.align": "interpgan_inversion.align:Align",
        "inversion.compare": "interpgan_inversion.operators:Compare",
        "inversion.editability": "interpgan_inversion.editability:Editability",
        "inversion.efficientnet": "interpgan_inversion.operators:LoadEfficientNet",
        "inversion.encode": "interpgan_inversion.encoding:Encode",
        "inversion.encoder": "interpgan_inversion.encoding:TrainEncoder",
        "inversion.load-encoder": "interpgan_inversion.encoding:LoadEncoder",
        "inversion.indomain": "interpgan_inversion.encoding:InvertInDomain",
        "inversion.pivotal": "interpgan_inversion.pivotal:Tune",
        "inversion.lpips": "interpgan_inversion.operators:LoadLpips",
    }
