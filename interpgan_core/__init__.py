"""The core of interpgan: generators, latent spaces, edit operators and recipes.

These are the names for users and for authors of operators; those for authors of backbones are in
`interpgan_core.plugin`, what tests of plugins need in `interpgan_core.testing`. A name is found when it is used:
`from interpgan_core import hookimpl` imports no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interpgan_core.errors import InterpganError as InterpganError
    from interpgan_core.errors import Remark as Remark
    from interpgan_core.errors import did_you_mean as did_you_mean
    from interpgan_core.files.arrays import read_npy as read_npy
    from interpgan_core.files.arrays import read_npz as read_npz
    from interpgan_core.files.checkpoints import read_safetensors as read_safetensors
    from interpgan_core.files.checkpoints import read_weights as read_weights
    from interpgan_core.files.checkpoints import write_safetensors as write_safetensors
    from interpgan_core.generators.added import AddedLayer as AddedLayer
    from interpgan_core.generators.directions import Direction as Direction
    from interpgan_core.generators.directions import DirectionSet as DirectionSet
    from interpgan_core.generators.generator import Generator as Generator
    from interpgan_core.generators.latents import FeatureEdit as FeatureEdit
    from interpgan_core.generators.latents import Grid as Grid
    from interpgan_core.generators.latents import LatentBatch as LatentBatch
    from interpgan_core.generators.latents import SourceEdit as SourceEdit
    from interpgan_core.generators.latents import check_equal_lengths as check_equal_lengths
    from interpgan_core.generators.memory import check_batch_size as check_batch_size
    from interpgan_core.generators.movers import LearnedMover as LearnedMover
    from interpgan_core.generators.movers import Mover as Mover
    from interpgan_core.generators.movers import MoverSet as MoverSet
    from interpgan_core.generators.protocols import HasEncoder as HasEncoder
    from interpgan_core.generators.protocols import HasStyleWeights as HasStyleWeights
    from interpgan_core.generators.ranges import Layers as Layers
    from interpgan_core.generators.ranges import Ranges as Ranges
    from interpgan_core.generators.ranges import Seeds as Seeds
    from interpgan_core.generators.ranges import Units as Units
    from interpgan_core.generators.ranked import RankedUnits as RankedUnits
    from interpgan_core.generators.spaces import LatentSpace as LatentSpace
    from interpgan_core.generators.spaces import seeded_normal as seeded_normal
    from interpgan_core.hookspecs import StepReport as StepReport
    from interpgan_core.hookspecs import hookimpl as hookimpl
    from interpgan_core.loading.load_generator import load_generator as load_generator
    from interpgan_core.loading.published_directions import load_directions as load_directions
    from interpgan_core.machine import use_the_machine_well as use_the_machine_well
    from interpgan_core.operators.base import Artifact as Artifact
    from interpgan_core.operators.base import EditOperator as EditOperator
    from interpgan_core.operators.base import Operator as Operator
    from interpgan_core.operators.builtin.ablate import Ablate as Ablate
    from interpgan_core.operators.builtin.along import sigma as sigma
    from interpgan_core.operators.builtin.directions import LoadDirections as LoadDirections
    from interpgan_core.operators.builtin.exchange import Exchange as Exchange
    from interpgan_core.operators.builtin.generator import LoadGenerator as LoadGenerator
    from interpgan_core.operators.builtin.images import ReadImages as ReadImages
    from interpgan_core.operators.builtin.insert import Insert as Insert
    from interpgan_core.operators.builtin.interpolate import Interpolate as Interpolate
    from interpgan_core.operators.builtin.load import LoadBatch as LoadBatch
    from interpgan_core.operators.builtin.mix import Mix as Mix
    from interpgan_core.operators.builtin.movers import LoadMovers as LoadMovers
    from interpgan_core.operators.builtin.pictures import RenderSamples as RenderSamples
    from interpgan_core.operators.builtin.place import Place as Place
    from interpgan_core.operators.builtin.reach import Reach as Reach
    from interpgan_core.operators.builtin.render import Render as Render
    from interpgan_core.operators.builtin.sample import Sample as Sample
    from interpgan_core.operators.builtin.save import Save as Save
    from interpgan_core.operators.builtin.score import Score as Score
    from interpgan_core.operators.builtin.scores import ReadScores as ReadScores
    from interpgan_core.operators.builtin.shift import Shift as Shift
    from interpgan_core.operators.builtin.sweep import Sweep as Sweep
    from interpgan_core.operators.builtin.truncate import Truncate as Truncate
    from interpgan_core.operators.builtin.walk import Walk as Walk
    from interpgan_core.operators.controls import Control as Control
    from interpgan_core.operators.controls import Shown as Shown
    from interpgan_core.operators.controls import controls_of as controls_of
    from interpgan_core.operators.engines import Engine as Engine
    from interpgan_core.operators.fields import Input as Input
    from interpgan_core.operators.fields import InputFile as InputFile
    from interpgan_core.operators.regions import InRegion as InRegion
    from interpgan_core.operators.regions import Region as Region
    from interpgan_core.operators.scores import FeatureNet as FeatureNet
    from interpgan_core.operators.scores import Finish as Finish
    from interpgan_core.operators.scores import Scorer as Scorer
    from interpgan_core.operators.scores import Scores as Scores
    from interpgan_core.operators.scores import score_images as score_images
    from interpgan_core.operators.segmenters import Parts as Parts
    from interpgan_core.operators.segmenters import Segmenter as Segmenter
    from interpgan_core.operators.segmenters import SoftSegmenter as SoftSegmenter
    from interpgan_core.operators.segmenters import check_parts as check_parts
    from interpgan_core.operators.segmenters import mask_of as mask_of
    from interpgan_core.operators.segmenters import part_maps as part_maps
    from interpgan_core.operators.segmenters import parts_of as parts_of
    from interpgan_core.pictures.cutouts import Cutouts as Cutouts
    from interpgan_core.pictures.decoding import read_picture as read_picture
    from interpgan_core.pictures.image_sets import ImageSet as ImageSet
    from interpgan_core.pictures.images import contact_sheet as contact_sheet
    from interpgan_core.pictures.images import difference as difference
    from interpgan_core.pictures.images import to_uint8 as to_uint8
    from interpgan_core.pictures.report import Picture as Picture
    from interpgan_core.pictures.report import Report as Report
    from interpgan_core.pictures.report import Strip as Strip
    from interpgan_core.pictures.report import Table as Table
    from interpgan_core.pictures.sources import each_picture as each_picture
    from interpgan_core.pictures.squares import Square as Square
    from interpgan_core.plugins import installed as installed
    from interpgan_core.progress import Progress as Progress
    from interpgan_core.progress import quiet as quiet
    from interpgan_core.recipes.live import Live as Live
    from interpgan_core.recipes.plan import Plan as Plan
    from interpgan_core.recipes.plan import make_plan as make_plan
    from interpgan_core.recipes.runner import run as run

_HOME = {
    "errors": (
        "InterpganError",
        "Remark",
        "did_you_mean",
    ),
    "files.arrays": (
        "read_npy",
        "read_npz",
    ),
    "files.checkpoints": (
        "read_safetensors",
        "read_weights",
        "write_safetensors",
    ),
    "generators.added": ("AddedLayer",),
    "generators.directions": (
        "Direction",
        "DirectionSet",
    ),
    "generators.generator": ("Generator",),
    "generators.latents": (
        "FeatureEdit",
        "Grid",
        "LatentBatch",
        "SourceEdit",
        "check_equal_lengths",
    ),
    "generators.memory": ("check_batch_size",),
    "generators.movers": (
        "LearnedMover",
        "Mover",
        "MoverSet",
    ),
    "generators.protocols": (
        "HasEncoder",
        "HasStyleWeights",
    ),
    "generators.ranges": (
        "Layers",
        "Ranges",
        "Seeds",
        "Units",
    ),
    "generators.ranked": ("RankedUnits",),
    "generators.spaces": (
        "LatentSpace",
        "seeded_normal",
    ),
    "hookspecs": (
        "StepReport",
        "hookimpl",
    ),
    "loading.load_generator": ("load_generator",),
    "machine": ("use_the_machine_well",),
    "loading.published_directions": ("load_directions",),
    "operators.base": (
        "Artifact",
        "EditOperator",
        "Operator",
    ),
    "operators.builtin.ablate": ("Ablate",),
    "operators.builtin.along": ("sigma",),
    "operators.builtin.directions": ("LoadDirections",),
    "operators.builtin.exchange": ("Exchange",),
    "operators.builtin.generator": ("LoadGenerator",),
    "operators.builtin.images": ("ReadImages",),
    "operators.builtin.insert": ("Insert",),
    "operators.builtin.interpolate": ("Interpolate",),
    "operators.builtin.load": ("LoadBatch",),
    "operators.builtin.mix": ("Mix",),
    "operators.builtin.movers": ("LoadMovers",),
    "operators.builtin.pictures": ("RenderSamples",),
    "operators.builtin.place": ("Place",),
    "operators.builtin.reach": ("Reach",),
    "operators.builtin.render": ("Render",),
    "operators.builtin.sample": ("Sample",),
    "operators.builtin.save": ("Save",),
    "operators.builtin.score": ("Score",),
    "operators.builtin.scores": ("ReadScores",),
    "operators.builtin.shift": ("Shift",),
    "operators.builtin.sweep": ("Sweep",),
    "operators.builtin.truncate": ("Truncate",),
    "operators.builtin.walk": ("Walk",),
    "operators.controls": (
        "Control",
        "Shown",
        "controls_of",
    ),
    "operators.engines": ("Engine",),
    "operators.fields": (
        "Input",
        "InputFile",
    ),
    "operators.regions": (
        "InRegion",
        "Region",
    ),
    "operators.scores": (
        "FeatureNet",
        "Finish",
        "Scorer",
        "Scores",
        "score_images",
    ),
    "operators.segmenters": (
        "Parts",
        "Segmenter",
        "SoftSegmenter",
        "check_parts",
        "mask_of",
        "part_maps",
        "parts_of",
    ),
    "pictures.cutouts": ("Cutouts",),
    "pictures.decoding": ("read_picture",),
    "pictures.image_sets": ("ImageSet",),
    "pictures.images": (
        "contact_sheet",
        "difference",
        "to_uint8",
    ),
    "pictures.report": (
        "Picture",
        "Report",
        "Strip",
        "Table",
    ),
    "pictures.sources": ("each_picture",),
    "pictures.squares": ("Square",),
    "plugins": ("installed",),
    "progress": (
        "Progress",
        "quiet",
    ),
    "recipes.live": ("Live",),
    "recipes.plan": (
        "Plan",
        "make_plan",
    ),
    "recipes.runner": ("run",),
}
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"interpgan_core has no '{name}'")
    return getattr(importlib.import_module(f"interpgan_core.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return __all__
