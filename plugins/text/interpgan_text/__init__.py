"""Edits and choices in words: nets that put text and pictures into one space, and operators that use any of them."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    here = "interpgan_text"
    return {
        "text.clip": f"{here}.clip:LoadClip",
        "text.scorer": f"{here}.scorer:MakeScorer",
        "text.rank": f"{here}.rank:RankSamples",
        "text.optimise": f"{here}.optimise:OptimiseForText",
        "text.paint": f"{here}.paint:PaintWords",
        "text.adapt": f"{here}.adapt:AdaptGenerator",
        "text.directions": f"{here}.directions:FindGlobalDirections",
        "text.mapper": f"{here}.train_mapper:TrainMapper",
        "text.load-mapper": f"{here}.mapper:LoadMapper",
        "text.edit": f"{here}.edit:EditByText",
        "text.sentences": f"{here}.sentences:LoadSentences",
        "text.train-sentences": f"{here}.train_sentences:TrainSentences",
    }
