"""GANs from pictures: StyleGAN 2, PGGAN and BigGAN, trained by one operator."""

from collections.abc import Mapping

from interpgan_core import hookimpl


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    return {"training": "interpgan_training.operators:Train"}
