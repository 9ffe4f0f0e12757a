"""Measurements of generators: how their pictures compare with real ones, and how their spaces are folded."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {
        "metrics.fid": "interpgan_metrics.fid:FrechetDistance",
        "metrics.coverage": "interpgan_metrics.precision_recall:PrecisionRecall",
        "metrics.neighbours": "interpgan_metrics.neighbours:Neighbours",
        "metrics.path-length": "interpgan_metrics.path_length:PathLength",
        "metrics.rates": "interpgan_metrics.rates:AttributeRates",
        "metrics.disentanglement": "interpgan_metrics.disentanglement:MeasureMovers",
        "metrics.obvious": "interpgan_metrics.obvious:CountObvious",
        "metrics.inception": "interpgan_metrics.inception:LoadInception",
    }
