"""StyleSpace: single channels of S, ranked by part and by attribute, and measures of disentanglement."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    here = "interpgan_stylespace"
    return {
        "stylespace": f"{here}.operators:ChooseChannels",
        "stylespace.parts": f"{here}.parts:RankByPart",
        "stylespace.attributes": f"{here}.attributes:RankByAttribute",
        "stylespace.dci": f"{here}.dci:MeasureDisentanglement",
    }
