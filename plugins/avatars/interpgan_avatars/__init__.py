"""A small world of faces whose truth is known: pictures, labels and masks, and GANs that were trained on it."""

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
        "avatars.train-scorer": f"{here}:TrainScorer",
        "avatars.train-segmenter": f"{here}:TrainSegmenter",
        "avatars.anatomy": f"{here}:CheckAnatomy",
    }


@hookimpl
def interpgan_models() -> Mapping[str, str]:
    from interpgan_avatars.models import MODELS

    here = "interpgan_avatars.models"
    plain = {f"avatars.{name}": f"{here}:{name}" for name in MODELS}
    return plain | {f"avatars.{name}-interpretable": f"{here}:{name}_interpretable" for name in MODELS}
