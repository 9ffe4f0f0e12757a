"""Inversion: codes that reproduce given pictures, so that a person's own picture can be edited."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "inversion": "interpgan_inversion.invert:Invert",
        "inversion.align": "interpgan_inversion.align:Align",
        "inversion.compare": "interpgan_inversion.compare:Compare",
        "inversion.editability": "interpgan_inversion.editability:Editability",
        "inversion.efficientnet": "interpgan_inversion.nets:LoadEfficientNet",
        "inversion.encode": "interpgan_inversion.encode:Encode",
        "inversion.encoder": "interpgan_inversion.train_encoder:TrainEncoder",
        "inversion.load-encoder": "interpgan_inversion.encode:LoadEncoder",
        "inversion.indomain": "interpgan_inversion.indomain:InvertInDomain",
        "inversion.pivotal": "interpgan_inversion.pivotal:Tune",
        "inversion.lpips": "interpgan_inversion.nets:LoadLpips",
    }


@hookimpl
def interpgan_encoders() -> Mapping[str, str]:
    return {"inversion.published": "interpgan_inversion.published.describe:describe"}
