"""The backbone that recognises and loads files and folders of BigGAN and BigGAN-deep."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import torch

from interpgan_biggan import files_ajbrock, files_huggingface
from interpgan_biggan.discriminator import Discriminator
from interpgan_biggan.files import build_network
from interpgan_biggan.generator import BigGAN, spaces_of
from interpgan_biggan.models import LICENCE
from interpgan_biggan.network import SQUARE, Network, saved_architecture
from interpgan_biggan.operators import Statistics
from interpgan_core import InterpganError
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Precision,
    SavedGenerator,
    Shapes,
    StoredNetwork,
    check_option,
    check_resolution,
    renamed,
)

FAMILY = "BigGAN"
_WEIGHTS = r".*(weight|weight_orig|bias|gain|gamma)"
# In saved files of earlier versions -> today.
_RENAMED = {"judge": "discriminator", "judge_factors": "discriminator_factors"}


@dataclass(frozen=True)
class BigGANOptions(LoadOptions):
    """How a BigGAN is loaded: as every generator, but it has no noise and one resolution.

    Args:
        truncation: see `LoadBigGAN`.
        statistics: see `LoadBigGAN` and `files_huggingface.rows_for`.
        bn_eps: see `LoadBigGAN`; None = as the settings say, or as the program that wrote the file has it.
        sn_eps: see `LoadBigGAN`; None = as the program that wrote the file has it.
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
        path = checkpoint.path
        if path.is_dir() and not (files_huggingface.is_folder(path) or files_ajbrock.in_folder(path)):
            return False
        file, _ = _files(checkpoint)
        return files_huggingface.find(file) is not None or files_ajbrock.find(file) is not None

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is, from its names and shapes alone.

        Raises:
            InterpganError: if tensors are missing.
        """
        file, discriminator = _files(checkpoint)
        if found := files_huggingface.find(file):
            shapes = Shapes(found.tensors, file.path, "BigGAN")
            layout, settings = "Hugging Face", files_huggingface.settings_of(file.path)
            base: tuple[int, int] = SQUARE
            architecture = files_huggingface.architecture_of(shapes, settings)
        else:
            shapes = Shapes(_of_ajbrock(file).tensors, file.path, "BigGAN")
            layout, architecture = "ajbrock", files_ajbrock.architecture_of(shapes)
            base = files_ajbrock.base_of(shapes, architecture)
        return Description(
            family=f"{FAMILY}-deep" if architecture.deep else FAMILY,
            layout=layout,
            resolution=architecture.size(base),
            channels=3 if architecture.channels_last else architecture.rgb,
            spaces={space.name: space.shape for space in spaces_of(architecture)},
            classes=architecture.classes,
            parameters=sum(math.prod(s) for name, s in shapes.items() if re.fullmatch(_WEIGHTS, name)),
            discriminator=files_ajbrock.find_discriminator(discriminator or file) is not None,
        )

    def load(self, checkpoint: Checkpoint, options: BigGANOptions) -> BigGAN:
        """Build the generator.

        Args:
            checkpoint: a file or folder that `recognises` accepts.
            options: see `BigGANOptions`.

        Returns:
            The generator, with its discriminator where the folder has one.

        Raises:
            InterpganError: if the file is damaged, or an option does not apply.
        """
        _check(options)
        check_option(FAMILY, "statistics", options.statistics, get_args(Statistics))
        for name, eps in (("bn_eps", options.bn_eps), ("sn_eps", options.sn_eps)):
            if eps is not None and not eps > 0:
                raise InterpganError(f"{name} must be above 0, not {eps}")
        file, beside = _files(checkpoint)
        if found := files_huggingface.find(file):
            generator = _prepared(_from_huggingface(file.path, found, options), options)
        else:
            generator = _prepared(_from_ajbrock(file, beside, options), options)
        for part in {file, beside or file} - {checkpoint}:
            part.own(generator.module, generator.discriminator)
        return generator

    def restore(self, saved: SavedGenerator, path: Path, options: BigGANOptions) -> BigGAN:
        """Build a saved generator."""
        _check(options)
        settings = renamed(saved.settings, _RENAMED)
        architecture, arguments = saved_architecture(settings["architecture"]), settings["discriminator"]
        tensors, factors = saved.part("generator"), settings["factors"]
        base = settings.get("base", SQUARE)
        network = build_network(lambda: Network(architecture, base), tensors, path, factors=factors)
        discriminator = None
        if arguments:
            tensors, factors = saved.part("discriminator"), settings["discriminator_factors"]
            make = partial(Discriminator, **arguments, vectors="")
            discriminator = build_network(make, tensors, path, factors=factors)
        generator = BigGAN(network, settings["truncation"], saved.licence, discriminator)
        if settings["class_names"]:
            generator.class_names = tuple(settings["class_names"])
        return _prepared(generator, options)


def _from_huggingface(file: Path, found: StoredNetwork, options: BigGANOptions) -> BigGAN:
    if options.sn_eps is not None:
        raise InterpganError(f"{file} holds its spectral norms; leave out sn_eps")
    truncation = 1.0 if options.truncation is None else options.truncation
    if not 0 < truncation <= 1:
        raise InterpganError(f"truncation must be above 0 and at most 1, not {truncation}")
    network = files_huggingface.read(file, found, options.bn_eps, truncation, options.statistics)
    return BigGAN(network, truncation, LICENCE)


def _from_ajbrock(file: Checkpoint, beside: Checkpoint | None, options: BigGANOptions) -> BigGAN:
    if options.truncation is not None or options.statistics != "exact":
        raise InterpganError(
            f"{file.path} holds the statistics of a normal z alone; leave out truncation and statistics, and "
            "pull codes to their mean by the step truncate"
        )
    network = files_ajbrock.read(file.path, _of_ajbrock(file), options.bn_eps, options.sn_eps)
    beside = beside or file
    found = files_ajbrock.find_discriminator(beside)
    discriminator = (
        None if found is None else files_ajbrock.read_discriminator(beside.path, found, options.sn_eps)
    )
    return BigGAN(network, discriminator=discriminator)


def _of_ajbrock(file: Checkpoint) -> StoredNetwork:
    found = files_ajbrock.find(file)
    if found is None:
        raise InterpganError(f"{file.path} holds no generator of BigGAN")
    return found


def _check(options: BigGANOptions) -> None:
    check_option(FAMILY, "noise", options.noise, ("const", "none"))
    check_option(FAMILY, "precision", options.precision, get_args(Precision))


def _prepared(generator: BigGAN, options: BigGANOptions) -> BigGAN:
    """In the precision and on the device of the options."""
    network = generator.module
    check_resolution(options.resolution, network.architecture.size(network.base), f"this {FAMILY}")
    generator.module.set_precision(getattr(torch, options.precision))
    return generator.to(options.device)


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


backbone = BigGANBackbone()
