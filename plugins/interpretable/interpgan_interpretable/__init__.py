"""Interpretable GANs: filters of a layer in groups, each of which draws one visual concept."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "interpretable.train": "interpgan_interpretable.training:TrainInterpretable",
        "interpretable.partition": "interpgan_interpretable.partition:FindPartition",
        "interpretable.concepts": "interpgan_interpretable.partition:UseConcepts",
        "interpretable.name": "interpgan_interpretable.naming:NameConcepts",
        "interpretable.exchange": "interpgan_interpretable.exchanging:ExchangeConcepts",
        "interpretable.move": "interpgan_interpretable.moving:MoveConcepts",
        "interpretable.refine": "interpgan_interpretable.refining:Refine",
        "interpretable.collage": "interpgan_interpretable.collaging:Collage",
        "interpretable.editing-in-style": "interpgan_interpretable.styles:EditInStyle",
        "interpretable.atlas": "interpgan_interpretable.atlas:DrawAtlas",
        "interpretable.consistency": "interpgan_interpretable.consistency:MeasureConsistency",
        "interpretable.locality": "interpgan_interpretable.locality:MeasureLocality",
        "interpretable.transfer": "interpgan_interpretable.transfer:MeasureTransfer",
        "interpretable.identity": "interpgan_interpretable.identity:MeasureIdentity",
        "interpretable.realism": "interpgan_interpretable.identity:MeasureRealism",
    }
