"""The core of interpgan: generators, latent spaces, edit operators and recipes.

The public names are found when they are used: `from interpgan_core import hookimpl` imports no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interpgan_core.checkpoints import read_npy as read_npy
    from interpgan_core.checkpoints import read_npz as read_npz
    from interpgan_core.checkpoints import read_weights as read_weights
    from interpgan_core.directions import Direction as Direction
    from interpgan_core.directions import DirectionSet as DirectionSet
    from interpgan_core.errors import InterpganError as InterpganError
    from interpgan_core.generator import Generator as Generator
    from interpgan_core.hookspecs import hookimpl as hookimpl
    from interpgan_core.latents import FeatureEdit as FeatureEdit
    from interpgan_core.latents import LatentBatch as LatentBatch
    from interpgan_core.latents import LatentSpace as LatentSpace
    from interpgan_core.models import load_generator as load_generator
    from interpgan_core.operators import Artifact as Artifact
    from interpgan_core.operators import EditOperator as EditOperator
    from interpgan_core.operators import Input as Input
    from interpgan_core.operators import InputFile as InputFile
    from interpgan_core.operators import Operator as Operator
    from interpgan_core.operators import Scorer as Scorer
    from interpgan_core.operators import Scores as Scores
    from interpgan_core.published import load_directions as load_directions
    from interpgan_core.report import Report as Report

_HOME = {
    "checkpoints": ("read_npy", "read_npz", "read_weights"),
    "directions": ("Direction", "DirectionSet"),
    "errors": ("InterpganError",),
    "generator": (
        "Generator",
        "HasConcepts",
        "HasDiscriminator",
        "HasEncoder",
        "HasStyleWeights",
        "fingerprint",
    ),
    "hookspecs": ("StepReport", "hookimpl"),
    "latents": ("FeatureEdit", "Grid", "LatentBatch", "LatentSpace", "seeded_normal"),
    "models": ("Backbone", "FileSummary", "load_generator"),
    "operators": (
        "Artifact",
        "EditOperator",
        "Input",
        "InputFile",
        "Operator",
        "Progress",
        "Scorer",
        "Scores",
    ),
    "plan": ("make_plan",),
    "published": ("load_directions",),
    "ranges": ("Layers", "Ranges", "Seeds", "Units"),
    "report": ("Picture", "Report", "Strip", "Table"),
    "runner": ("run",),
    "testing": ("conformance",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"interpgan_core has no '{name}'")
    return getattr(importlib.import_module(f"interpgan_core.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
