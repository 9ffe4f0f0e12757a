"""GAN Dissection: which units draw which part of a picture, in what order, and what happens without them."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    here = "interpgan_dissection"
    return {
        "dissection": f"{here}.dissect:Dissect",
        "dissection.rank": f"{here}.rank:RankUnits",
        "dissection.effect": f"{here}.effect:MeasureEffect",
    }
