"""Interpretable GANs: filters of a layer in groups, each of which draws one visual concept."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    here = "interpgan_interpretable"
    return {
        "interpretable.partition": f"{here}.partition.find:FindPartition",
        "interpretable.concepts": f"{here}.partition.concepts:UseConcepts",
        "interpretable.adapt": f"{here}.adaptation.adapt:AdaptLayer",
        "interpretable.adapted": f"{here}.adaptation.adapted:UseAdapted",
        "interpretable.name": f"{here}.partition.name:NameConcepts",
        "interpretable.train": f"{here}.training.train:TrainInterpretable",
        "interpretable.exchange": f"{here}.edits.exchange:ExchangeConcepts",
        "interpretable.move": f"{here}.edits.move:MoveConcepts",
        "interpretable.refine": f"{here}.edits.refine:Refine",
        "interpretable.collage": f"{here}.edits.collage:Collage",
        "interpretable.editing-in-style": f"{here}.edits.editing_in_style:EditInStyle",
        "interpretable.retrieve-in-style": f"{here}.edits.retrieve_in_style:RetrieveInStyle",
        "interpretable.panda": f"{here}.edits.panda:ExchangePanda",
        "interpretable.atlas": f"{here}.measures.atlas:DrawAtlas",
        "interpretable.consistency": f"{here}.measures.consistency:MeasureConsistency",
        "interpretable.locality": f"{here}.measures.locality:MeasureLocality",
        "interpretable.transfer": f"{here}.measures.transfer:MeasureTransfer",
        "interpretable.identity": f"{here}.measures.identity:MeasureIdentity",
        "interpretable.realism": f"{here}.measures.realism:MeasureRealism",
    }
