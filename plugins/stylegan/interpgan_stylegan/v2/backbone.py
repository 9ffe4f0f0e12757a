"""The backbone that knows the files of StyleGAN 2."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import torch

from interpgan_core.errors import InterpganError
from interpgan_core.models import Checkpoint, Description, Noise, Precision, check_option
from interpgan_core.networks import build
from interpgan_stylegan.v2.discriminator import Discriminator
from interpgan_stylegan.v2.generator import StyleGAN2
from interpgan_stylegan.v2.network import Network
from interpgan_stylegan.v2.read import Networks, is_stylegan2, read

FAMILY = "StyleGAN 2"
PUBLISHERS = {"nvidia": "NVIDIA", "genforce": "genforce", "rosinality": "rosinality"}


class Backbone:
    """Checkpoints of StyleGAN 2: NVIDIA's pickles and state dicts, genforce's, rosinality's."""

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is it one of these?"""
        return is_stylegan2(checkpoint)

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is.

        Raises:
            InterpganError: if tensors are missing.
        """
        found = read(checkpoint)
        plan = found.plan
        styles = [t.shape[0] for name, t in found.generator.items() if name.endswith("affine.bias")]
        return Description(
            family=FAMILY,
            layout=PUBLISHERS[found.layout],
            resolution=plan.resolution,
            spaces={"z": (plan.z,), "w": (plan.w,), "w+": (plan.codes, plan.w), "s": (sum(styles),)},
            classes=plan.classes,
            parameters=sum(
                t.numel() for name, t in found.generator.items() if not name.endswith("noise_const")
            ),
            discriminator=found.judge is not None,
            notes=tuple(_notes(found)),
        )

    def load(
        self,
        checkpoint: Checkpoint,
        *,
        device: str = "cpu",
        noise: Noise = "const",
        precision: Precision = "float32",
        resolution: int | None = None,
    ) -> StyleGAN2:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` knows.
            device: "cpu", "cuda".
            noise: const: the file's own maps; none; random: drawn from each sample's seed.
            precision: of the convolutions; mapping, styles and pictures are float32 always.
            resolution: only the file's own.

        Returns:
            The generator, with its discriminator where the file has one.

        Raises:
            InterpganError: if the file is damaged or of an unknown variant, or an option does not apply.
        """
        found = read(checkpoint)
        check_option(FAMILY, "noise", noise, get_args(Noise))
        check_option(FAMILY, "precision", precision, get_args(Precision))
        if resolution not in (None, found.plan.resolution):
            raise InterpganError(f"{checkpoint.path} draws {found.plan.resolution} pixels only")
        if noise == "random" and not found.plan.noise:
            raise InterpganError(f"{checkpoint.path} was trained without noise; leave noise at const")
        where = checkpoint.path
        if found.layout != "nvidia":
            where = Path(f"{where} (in NVIDIA's names)")
        network = build(lambda: Network(found.plan), found.generator, where)
        generator = StyleGAN2(network, found.plan, found.mean, noise)
        if found.judge is not None:
            judge = found.judge
            generator.discriminator = build(lambda: Discriminator(judge), found.discriminator, where)
        network.synthesis.cast(getattr(torch, precision))
        return generator.to(device)


def _notes(found: Networks) -> list[str]:
    notes = [f"Architecture {found.plan.architecture}."]
    if not found.plan.noise:
        notes.append("Trained without noise.")
    if not found.settled:
        notes.append(
            "A state dict does not say whether activations are clamped; NVIDIA's training does, at 256."
        )
    if found.mean is None:
        notes.append("It has no mean of w; one of 10,000 samples takes its place.")
    return notes


backbone = Backbone()
