"""Which files hold a BigGAN, what they hold, and how one is built of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, get_args

import torch
from torch import Tensor, nn

from interpgan_biggan import files_ajbrock, files_huggingface
from interpgan_biggan.discriminator import Discriminator
from interpgan_biggan.files import Shapes
from interpgan_biggan.generator import BigGAN, spaces_of
from interpgan_biggan.layers import Spectral
from interpgan_biggan.models import LICENCE
from interpgan_biggan.network import Network, architecture_of
from interpgan_biggan.operators import Statistics
from interpgan_core import InterpganError
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Precision,
    SavedGenerator,
    build,
    check_option,
    renamed,
)

FAMILY = "BigGAN"
N = TypeVar("N", bound=nn.Module)
_WEIGHTS = r".*(weight|weight_orig|bias|gain|gamma)"


@dataclass(frozen=True)
class BigGANOptions(LoadOptions):
    """How a BigGAN is loaded: as every generator, without noise of its own and in the file's own resolution.

    Args:
        truncation: of Hugging Face's networks, in (0, 1]: z is so much of a truncated normal distribution, and the
            batch norms take the statistics of it; None = 1.
        statistics: of the same: exact, as the original code reads them, or corrected; see `files_huggingface.rows_for`.
        bn_eps: added to the variances; None: as the settings say, or whoever made the file.
        sn_eps: of the spectral norms of ajbrock's networks, likewise.
    """

    truncation: float | None = None
    statistics: Statistics = "exact"
    bn_eps: float | None = None
    sn_eps: float | None = None


class BigGANBackbone:
    """Files and folders of ajbrock's BigGAN-PyTorch and of Hugging Face's BigGAN-deep."""

    options = BigGANOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Does it hold the names of a BigGAN, or a folder the files of one?"""
        if checkpoint.path.is_dir():
            if not (files_huggingface.is_folder(checkpoint.path) or files_ajbrock.in_folder(checkpoint.path)):
                return False
            checkpoint = _files(checkpoint)[0]
        names = checkpoint.state()
        return any(
            all(name in names for name in known) for known in (files_huggingface.HERE, files_ajbrock.HERE)
        )

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is, from its names and shapes alone.

        Raises:
            InterpganError: if tensors are missing.
        """
        file, discriminator = _files(checkpoint)
        shapes = Shapes(file.state(), file.path)
        deep = _is_huggingface(file)
        made = (
            files_huggingface.architecture(shapes, files_huggingface.settings_of(file.path))
            if deep
            else files_ajbrock.architecture(shapes)
        )
        return Description(
            family=f"{FAMILY}-deep" if made.deep else FAMILY,
            layout="Hugging Face" if deep else "ajbrock",
            resolution=made.resolution,
            spaces={space.name: space.shape for space in spaces_of(made)},
            classes=made.classes,
            parameters=sum(math.prod(s) for name, s in shapes.items() if re.fullmatch(_WEIGHTS, name)),
            discriminator=discriminator is not None,
        )

    def load(self, checkpoint: Checkpoint, options: BigGANOptions) -> BigGAN:
        """Build the generator.

        Args:
            checkpoint: a file or folder that `recognises` knows.
            options: see `BigGANOptions`.

        Returns:
            The generator, with its discriminator where the folder has one.

        Raises:
            InterpganError: if the file is damaged, or an option has no such value.
        """
        check_option(FAMILY, "noise", options.noise, ("const", "none"))
        check_option(FAMILY, "precision", options.precision, get_args(Precision))
        check_option(FAMILY, "statistics", options.statistics, get_args(Statistics))
        for name, eps in (("bn_eps", options.bn_eps), ("sn_eps", options.sn_eps)):
            if eps is not None and not eps > 0:
                raise InterpganError(f"{name} must be above 0, not {eps}")
        file, beside = _files(checkpoint)
        licence, discriminator, truncation = "", None, options.truncation
        if _is_huggingface(file):
            if options.sn_eps is not None:
                raise InterpganError(f"{file.path} knows its spectral norms; leave out sn_eps")
            truncation = 1.0 if truncation is None else truncation
            if not 0 < truncation <= 1:
                raise InterpganError(f"truncation must be above 0 and at most 1, not {truncation}")
            network, licence = (
                files_huggingface.read(file, options.bn_eps, truncation, options.statistics),
                LICENCE,
            )
        else:
            if truncation is not None or options.statistics != "exact":
                raise InterpganError(
                    f"{file.path} knows the statistics of a normal z alone; leave out truncation and "
                    "statistics, and pull codes to their mean by the step truncate"
                )
            network = files_ajbrock.read(file, options.bn_eps, options.sn_eps)
            if beside is not None:
                discriminator = files_ajbrock.read_discriminator(beside, options.sn_eps)
        check_option(FAMILY, "resolution", options.resolution, (None, network.made.resolution))
        generator = BigGAN(network, truncation, licence, discriminator)
        network.ready(getattr(torch, options.precision))
        return generator.to(options.device)

    def restore(self, saved: SavedGenerator, path: Path, options: BigGANOptions) -> BigGAN:
        """Make a saved generator again."""
        check_option(FAMILY, "noise", options.noise, ("const", "none"))
        check_option(FAMILY, "precision", options.precision, get_args(Precision))
        known = renamed(saved.settings, {"judge": "discriminator", "judge_factors": "discriminator_factors"})
        made = architecture_of(known["architecture"])
        network = _network(lambda: Network(made), saved.part("generator"), known["factors"], path)
        discriminator = known["discriminator"] and _network(
            lambda: Discriminator(**known["discriminator"], vectors=""),
            saved.part("discriminator"),
            known["discriminator_factors"],
            path,
        )
        check_option(FAMILY, "resolution", options.resolution, (None, made.resolution))
        generator = BigGAN(network, known["truncation"], saved.licence, discriminator)
        if known["class_names"]:
            generator.class_names = tuple(known["class_names"])
        network.ready(getattr(torch, options.precision))
        return generator.to(options.device)


def _network(
    made: Callable[[], N], tensors: Mapping[str, Tensor], factors: Mapping[str, float], path: Path
) -> N:
    network = build(made, tensors, path)
    for name, part in network.named_modules():
        if isinstance(part, Spectral):
            part.factor = float(factors[name])
    return network


def _files(checkpoint: Checkpoint) -> tuple[Checkpoint, Checkpoint | None]:
    """The generator's file, and the discriminator's of a folder that has one."""
    path = checkpoint.path
    if not path.is_dir():
        return checkpoint, None
    if files_huggingface.is_folder(path):
        return Checkpoint(path / files_huggingface.WEIGHTS), None
    found = files_ajbrock.in_folder(path)
    if found is None:
        raise InterpganError(f"{path} holds no G_ema.pth and no G.pth; name the file of the generator")
    return Checkpoint(found[0]), None if found[1] is None else Checkpoint(found[1])


def _is_huggingface(file: Checkpoint) -> bool:
    return all(name in file.state() for name in files_huggingface.HERE)


backbone = BigGANBackbone()
