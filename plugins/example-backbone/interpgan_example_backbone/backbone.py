"""The small DCGAN of PyTorch-GAN, from state dicts of its generator: nearest upsampling and two convolutions."""

from collections.abc import Mapping, Sequence
from math import isqrt
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    SavedGenerator,
    Shapes,
    build,
    check_option,
    check_resolution,
    fingerprint,
    state_of,
)

FIRST, LAST = "l1.0.weight", "conv_blocks.9.weight"
EPSILON = 0.8  # of the later norms: the original means a momentum, and gives it in the place of this


class Network(nn.Module):
    """Its tensors have the names of the files."""

    def __init__(self, inputs: int, widths: Sequence[int], side: int) -> None:
        super().__init__()
        (first, middle, last, channels), self.side = widths, side  # of the first maps
        self.l1 = nn.Sequential(nn.Linear(inputs, first * side**2))
        self.conv_blocks = nn.Sequential(
            *(nn.BatchNorm2d(first), nn.Upsample(scale_factor=2)),
            *(nn.Conv2d(first, middle, 3, padding=1), nn.BatchNorm2d(middle, EPSILON), nn.LeakyReLU(0.2)),
            nn.Upsample(scale_factor=2),
            *(nn.Conv2d(middle, last, 3, padding=1), nn.BatchNorm2d(last, EPSILON), nn.LeakyReLU(0.2)),
            *(nn.Conv2d(last, channels, 3, padding=1), nn.Tanh()),
        )

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.conv_blocks(self.l1(z).view(len(z), -1, self.side, self.side))
        return images


class SmallDCGAN(Generator):
    """z drives the first layer; a layer's feature map is what follows its leaky ReLU."""

    codes_of = "small DCGAN"
    module: Network

    def __init__(self, network: Network) -> None:
        self.module, self.fingerprint = network, fingerprint(network, self.codes_of)
        self.layers = ("conv_blocks.4", "conv_blocks.8")
        inputs, layer = network.get_parameter(FIRST).shape[1], torch.zeros(1, dtype=torch.long)
        self.spaces = {"z": LatentSpace("z", (inputs,), layer_of=layer)}

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        raise InterpganError(f"it has the space z alone; there is no way from {source} to {target}")

    def forward(self, batch: LatentBatch) -> Tensor:
        images: Tensor = self.module(batch.codes)
        return images

    def saved(self) -> SavedGenerator:
        return SavedGenerator("example_backbone", settings={}, tensors=state_of(generator=self.module))

    def style_weight(self, space: str, layer: int) -> Tensor:
        """What SeFa factorises: a row for each output of the first layer."""
        if (space, layer) != ("z", 0):
            raise InterpganError(f"it takes a code in layer 0 alone, from z; not {space} in layer {layer}")
        return self.module.get_parameter(FIRST)


class SmallDCGANBackbone:
    """Recognises, describes and loads the files."""

    options = LoadOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        return checkpoint.network((FIRST, LAST)) is not None

    def describe(self, checkpoint: Checkpoint) -> Description:
        tensors = _tensors(checkpoint)
        inputs, widths, side = _shape(tensors, checkpoint.path)
        return Description(
            family="small DCGAN",
            layout="PyTorch-GAN",
            resolution=4 * side,
            channels=widths[-1],
            spaces={"z": (inputs,)},
            classes=0,
            parameters=sum(tensor.numel() for tensor in tensors.values()),
            discriminator=False,
        )

    def load(self, checkpoint: Checkpoint, options: LoadOptions) -> SmallDCGAN:
        return _built(_tensors(checkpoint), checkpoint.path, options)

    def restore(self, saved: SavedGenerator, path: Path, options: LoadOptions) -> SmallDCGAN:
        return _built(saved.part("generator"), path, options)


backbone = SmallDCGANBackbone()


def random(**options: Any) -> SmallDCGAN:
    """One that nobody trained, which needs no file; options as of `load_generator`."""
    tensors = Network(32, (32, 32, 16, 3), side=8).state_dict()
    for i, (name, tensor) in enumerate(tensors.items()):
        if tensor.ndim > 1:  # norms are the identity as they are made
            tensors[name] = seeded_normal([i], tensor.shape)[0] * 3 / tensor[0].numel() ** 0.5
        elif name.endswith("bias"):
            tensors[name] = torch.zeros_like(tensor)
    return _built(tensors, Path("example_backbone.random"), LoadOptions(**options))


def _tensors(checkpoint: Checkpoint) -> Mapping[str, Tensor]:
    found = checkpoint.network((FIRST, LAST))
    if found is None:  # it was named as the family of a file that is of another
        raise InterpganError(f"{checkpoint.path} holds no small DCGAN")
    return found.tensors


def _shape(tensors: Mapping[str, Tensor], path: Path) -> tuple[int, tuple[int, ...], int]:
    """Entries of z, channels of the convolutions and of the picture, side of the first maps."""
    shapes = Shapes(tensors, path, "the small DCGAN")  # one that is missing is an error in words
    rows, inputs = shapes.of(FIRST, 2)
    names = ("conv_blocks.2.weight", "conv_blocks.6.weight", LAST)
    widths = (shapes.of(names[0], 4)[1], *(shapes.of(name, 4)[0] for name in names))
    return inputs, widths, isqrt(rows // max(1, widths[0]))


def _built(tensors: Mapping[str, Tensor], path: Path, options: LoadOptions) -> SmallDCGAN:
    inputs, widths, side = _shape(tensors, path)
    check_option("the small DCGAN", "noise", options.noise, ("const", "none"))  # it has none: the same
    check_option("the small DCGAN", "precision", options.precision, ("float32",))
    check_resolution(options.resolution, (4 * side, 4 * side), path)
    return SmallDCGAN(build(lambda: Network(inputs, widths, side), tensors, path)).to(options.device)
