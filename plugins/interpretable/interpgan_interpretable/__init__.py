"""Interpretable GANs: filters of a layer in groups, each of which draws one visual concept."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "interpretable.train": "interpgan_interpretable.training.train:TrainInterpretable",
        "interpretable.partition": "interpgan_interpretable.partition.find:FindPartition",
        "interpretable.concepts": "interpgan_interpretable.partition.find:UseConcepts",
        "interpretable.name": "interpgan_interpretable.partition.name:NameConcepts",
        "interpretable.exchange": "interpgan_interpretable.edits.exchange:ExchangeConcepts",
        "interpretable.move": "interpgan_interpretable.edits.move:MoveConcepts",
        "interpretable.refine": "interpgan_interpretable.edits.refine:Refine",
        "interpretable.collage": "interpgan_interpretable.edits.collage:Collage",
        "interpretable.editing-in-style": "interpgan_interpretable.edits.editing_in_style:EditInStyle",
        "interpretable.atlas": "interpgan_interpretable.measures.atlas:DrawAtlas",
        "interpretable.consistency": "interpgan_interpretable.measures.consistency:MeasureConsistency",
        "interpretable.locality": "interpgan_interpretable.measures.locality:MeasureLocality",
        "interpretable.transfer": "interpgan_interpretable.measures.transfer:MeasureTransfer",
        "interpretable.identity": "interpgan_interpretable.measures.identity:MeasureIdentity",
        "interpretable.realism": "interpgan_interpretable.measures.realism:MeasureRealism",
    }
