"""Avatars: drawn faces with exact labels and masks, and GANs that were trained on them."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    here = "interpgan_avatars.operators"
    return {
        "avatars.data": f"{here}:DrawAvatars",
        "avatars.scorer": f"{here}:LoadScorer",
        "avatars.directions": f"{here}:LoadDirections",
        "avatars.segmenter": f"{here}:LoadSegmenter",
        "avatars.text": f"{here}:LoadText",
        "avatars.train-scorer": f"{here}:TrainScorer",
        "avatars.train-segmenter": f"{here}:TrainSegmenter",
        "avatars.train-text": f"{here}:TrainText",
        "avatars.anatomy": f"{here}:CheckAnatomy",
    }


@hookimpl
def interpgan_models() -> Mapping[str, str]:
    from interpgan_avatars.models import MODELS

    return dict.fromkeys(MODELS, "interpgan_avatars.models:MODELS")
