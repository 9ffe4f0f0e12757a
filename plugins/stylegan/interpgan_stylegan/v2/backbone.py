"""The backbone that knows the files of StyleGAN 2."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import torch

from interpgan_core import InterpganError
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Noise,
    Precision,
    SavedGenerator,
    build,
    check_option,
    check_resolution,
    remark,
    renamed,
)
from interpgan_stylegan.v2.architecture import DiscriminatorPlan, Plan, as_tuples
from interpgan_stylegan.v2.discriminator import Discriminator
from interpgan_stylegan.v2.files import Networks, find, read
from interpgan_stylegan.v2.generator import StyleGAN2
from interpgan_stylegan.v2.network import Network

FAMILY = "StyleGAN 2"
PUBLISHERS = {"nvidia": "NVIDIA", "genforce": "genforce", "rosinality": "rosinality"}


class StyleGAN2Backbone:
    """Checkpoints of StyleGAN 2: NVIDIA's pickles and state dicts, genforce's, rosinality's."""

    options = LoadOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is it one of these?"""
        return find(checkpoint) is not None

    def unsupported(self, checkpoint: Checkpoint) -> str:
        """Of a StyleGAN 2 of another architecture, what it is and what to do."""
        if checkpoint.network(["S.net.0.weight", "SE.net.0.weight"]):
            return "is of lucidrains' stylegan2-pytorch, whose network is not StyleGAN 2's own; it is not supported"
        return ""

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is.

        Raises:
            InterpganError: if tensors are missing.
        """
        found = read(checkpoint)
        plan = found.plan
        styles = [t.numel() for name, t in found.generator.items() if name.endswith("affine.bias")]
        return Description(
            family=FAMILY,
            layout=PUBLISHERS[found.layout],
            resolution=plan.size(-1),
            channels=plan.channels,
            spaces={"z": (plan.z,), "w": (plan.w,), "w+": (plan.codes, plan.w), "s": (sum(styles),)},
            classes=plan.classes,
            parameters=sum(
                t.numel() for name, t in found.generator.items() if not name.endswith("noise_const")
            ),
            discriminator=found.discriminator_plan is not None,
            notes=tuple(_notes(found)),
        )

    def load(self, checkpoint: Checkpoint, options: LoadOptions) -> StyleGAN2:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` knows.
            options: as for every generator, in the file's own resolution.

        Returns:
            The generator, with its discriminator where the file has one.

        Raises:
            InterpganError: if the file is damaged or of an unknown variant, or an option does not apply.
        """
        found = read(checkpoint)
        where = checkpoint.path
        if found.layout != "nvidia":
            where = Path(f"{where} (in NVIDIA's names)")
        return _built(found, where, options)

    def restore(self, saved: SavedGenerator, path: Path, options: LoadOptions) -> StyleGAN2:
        """Make a saved generator again."""
        plan = saved.settings["plan"]
        discriminator = renamed(saved.settings, {"judge": "discriminator"})["discriminator"]
        found = Networks(
            layout="nvidia",
            plan=Plan(**as_tuples(plan)),
            generator=saved.part("generator"),
            mean=saved.tensors["mean"],
            discriminator_plan=discriminator and DiscriminatorPlan(**as_tuples(discriminator)),
            discriminator=saved.part("discriminator"),
            settled=True,
        )
        return _built(found, path, options)


def _built(found: Networks, where: Path, options: LoadOptions) -> StyleGAN2:
    check_option(FAMILY, "noise", options.noise, get_args(Noise))
    check_option(FAMILY, "precision", options.precision, get_args(Precision))
    check_resolution(options.resolution, found.plan.size(-1), where)
    if options.noise == "random" and not found.plan.noise:
        raise InterpganError(f"{where} was trained without noise; leave noise at const")
    if lost := _unlabelled(found.plan):
        remark(f"{where}: {lost}.")
    network = build(lambda: Network(found.plan), found.generator, where)
    generator = StyleGAN2(network, found.plan, found.mean, options.noise)
    if found.discriminator_plan is not None:
        plan = found.discriminator_plan
        generator.discriminator = build(lambda: Discriminator(plan), found.discriminator, where)
    network.synthesis.cast(getattr(torch, options.precision))
    return generator.to(options.device)


def _unlabelled(plan: Plan) -> str:
    """Of a network whose class embedding was lost in a conversion, what that means; "" of any other."""
    if plan.classes or plan.z != 2 * plan.w:
        return ""
    return (
        f"Its mapping takes {plan.z} numbers, {plan.w} more than a code, and there is no embedding of classes: it "
        "seems to be a conditional network whose embedding was lost, and z takes its place; convert it again"
    )


def _notes(found: Networks) -> list[str]:
    notes = [f"Architecture {found.plan.architecture}."]
    if lost := _unlabelled(found.plan):
        notes.append(f"{lost}.")
    if not found.plan.noise:
        notes.append("Trained without noise.")
    if not found.settled:
        notes.append(
            "A state dict does not say whether activations are clamped; NVIDIA's training does, at 256."
        )
    if found.mean is None:
        notes.append("It has no mean of w; one of 10,000 samples takes its place.")
    return notes


backbone = StyleGAN2Backbone()
