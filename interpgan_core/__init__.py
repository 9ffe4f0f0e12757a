"""The core of interpgan: generators, latent spaces, edit operators and recipes.

The public names are found when they are used: `from interpgan_core import hookimpl` imports no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interpgan_core.atomic import placing as placing
    from interpgan_core.builtin.features import Ablate as Ablate
    from interpgan_core.builtin.features import Exchange as Exchange
    from interpgan_core.builtin.loading import LoadBatch as LoadBatch
    from interpgan_core.builtin.loading import LoadDirections as LoadDirections
    from interpgan_core.builtin.loading import LoadGenerator as LoadGenerator
    from interpgan_core.builtin.loading import Save as Save
    from interpgan_core.builtin.moving import Place as Place
    from interpgan_core.builtin.moving import Shift as Shift
    from interpgan_core.builtin.moving import Walk as Walk
    from interpgan_core.builtin.moving import sigma as sigma
    from interpgan_core.builtin.pictures import ReadImages as ReadImages
    from interpgan_core.builtin.rendering import Render as Render
    from interpgan_core.builtin.rendering import RenderSamples as RenderSamples
    from interpgan_core.builtin.sampling import Interpolate as Interpolate
    from interpgan_core.builtin.sampling import Mix as Mix
    from interpgan_core.builtin.sampling import Sample as Sample
    from interpgan_core.builtin.sampling import Truncate as Truncate
    from interpgan_core.builtin.scoring import ReadScores as ReadScores
    from interpgan_core.builtin.scoring import Score as Score
    from interpgan_core.checkpoints import read_npy as read_npy
    from interpgan_core.checkpoints import read_npz as read_npz
    from interpgan_core.checkpoints import read_safetensors as read_safetensors
    from interpgan_core.checkpoints import read_weights as read_weights
    from interpgan_core.checkpoints import write_safetensors as write_safetensors
    from interpgan_core.decoding import read_picture as read_picture
    from interpgan_core.directions import Direction as Direction
    from interpgan_core.directions import DirectionSet as DirectionSet
    from interpgan_core.downloads import download as download
    from interpgan_core.engines import Engine as Engine
    from interpgan_core.errors import InterpganError as InterpganError
    from interpgan_core.errors import did_you_mean as did_you_mean
    from interpgan_core.files import cache_folder as cache_folder
    from interpgan_core.files import sha256_of as sha256_of
    from interpgan_core.generator import Generator as Generator
    from interpgan_core.generator import HasClassNames as HasClassNames
    from interpgan_core.generator import HasConcepts as HasConcepts
    from interpgan_core.generator import HasDiscriminator as HasDiscriminator
    from interpgan_core.generator import HasEncoder as HasEncoder
    from interpgan_core.generator import HasStyleWeights as HasStyleWeights
    from interpgan_core.generator import fingerprint as fingerprint
    from interpgan_core.hookspecs import StepReport as StepReport
    from interpgan_core.hookspecs import hookimpl as hookimpl
    from interpgan_core.images import contact_sheet as contact_sheet
    from interpgan_core.images import to_uint8 as to_uint8
    from interpgan_core.imagesets import ImageSet as ImageSet
    from interpgan_core.latents import FeatureEdit as FeatureEdit
    from interpgan_core.latents import Grid as Grid
    from interpgan_core.latents import LatentBatch as LatentBatch
    from interpgan_core.latents import LatentSpace as LatentSpace
    from interpgan_core.latents import seeded_normal as seeded_normal
    from interpgan_core.models import Backbone as Backbone
    from interpgan_core.models import Checkpoint as Checkpoint
    from interpgan_core.models import Description as Description
    from interpgan_core.models import NamedModel as NamedModel
    from interpgan_core.models import Noise as Noise
    from interpgan_core.models import Precision as Precision
    from interpgan_core.models import Published as Published
    from interpgan_core.models import check_option as check_option
    from interpgan_core.models import load_generator as load_generator
    from interpgan_core.models import recognise as recognise
    from interpgan_core.networks import build as build
    from interpgan_core.networks import rectify as rectify
    from interpgan_core.operators import Artifact as Artifact
    from interpgan_core.operators import EditOperator as EditOperator
    from interpgan_core.operators import Input as Input
    from interpgan_core.operators import InputFile as InputFile
    from interpgan_core.operators import Operator as Operator
    from interpgan_core.operators import Progress as Progress
    from interpgan_core.operators import Scorer as Scorer
    from interpgan_core.operators import Scores as Scores
    from interpgan_core.operators import quiet as quiet
    from interpgan_core.plan import make_plan as make_plan
    from interpgan_core.published import load_directions as load_directions
    from interpgan_core.ranges import Layers as Layers
    from interpgan_core.ranges import Ranges as Ranges
    from interpgan_core.ranges import Seeds as Seeds
    from interpgan_core.ranges import Units as Units
    from interpgan_core.report import Picture as Picture
    from interpgan_core.report import Report as Report
    from interpgan_core.report import Strip as Strip
    from interpgan_core.report import Table as Table
    from interpgan_core.runner import run as run
    from interpgan_core.saving import SavedGenerator as SavedGenerator
    from interpgan_core.saving import state_of as state_of

_HOME = {
    "atomic": ("placing",),
    "builtin.features": ("Ablate", "Exchange"),
    "builtin.loading": ("LoadBatch", "LoadDirections", "LoadGenerator", "Save"),
    "builtin.moving": ("Place", "Shift", "Walk", "sigma"),
    "builtin.pictures": ("ReadImages",),
    "builtin.rendering": ("Render", "RenderSamples"),
    "builtin.sampling": ("Interpolate", "Mix", "Sample", "Truncate"),
    "builtin.scoring": ("ReadScores", "Score"),
    "checkpoints": ("read_npy", "read_npz", "read_safetensors", "read_weights", "write_safetensors"),
    "decoding": ("read_picture",),
    "directions": ("Direction", "DirectionSet"),
    "downloads": ("download",),
    "engines": ("Engine",),
    "errors": ("InterpganError", "did_you_mean"),
    "files": ("cache_folder", "sha256_of"),
    "generator": (
        "Generator",
        "HasClassNames",
        "HasConcepts",
        "HasDiscriminator",
        "HasEncoder",
        "HasStyleWeights",
        "fingerprint",
    ),
    "hookspecs": ("StepReport", "hookimpl"),
    "images": ("contact_sheet", "to_uint8"),
    "imagesets": ("ImageSet",),
    "latents": ("FeatureEdit", "Grid", "LatentBatch", "LatentSpace", "seeded_normal"),
    "models": (
        "Backbone",
        "Checkpoint",
        "Description",
        "NamedModel",
        "Noise",
        "Precision",
        "Published",
        "check_option",
        "load_generator",
        "recognise",
    ),
    "networks": ("build", "rectify"),
    "operators": (
        "Artifact",
        "EditOperator",
        "Input",
        "InputFile",
        "Operator",
        "Progress",
        "Scorer",
        "Scores",
        "quiet",
    ),
    "plan": ("make_plan",),
    "published": ("load_directions",),
    "ranges": ("Layers", "Ranges", "Seeds", "Units"),
    "report": ("Picture", "Report", "Strip", "Table"),
    "runner": ("run",),
    "saving": ("SavedGenerator", "state_of"),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"interpgan_core has no '{name}'")
    return getattr(importlib.import_module(f"interpgan_core.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
