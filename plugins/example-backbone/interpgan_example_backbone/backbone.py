"""DCGAN (Radford et al., ICLR 2016), from state dicts as PyTorch's example saves them: netG_epoch_24.pth."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
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

KERNEL, MEAN = "main.0.weight", "main.1.running_mean"  # a discriminator has no norm behind its first layer


class Network(nn.Module):
    """Its tensors have the names of the files; widths: entries of z, channels at 4, 8, 16 … pixels, of the picture."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, (inputs, outputs) in enumerate(pairwise(widths)):
            stride, padding = (2, 1) if i else (1, 0)
            layers.append(nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False))
            layers += [nn.BatchNorm2d(outputs), nn.ReLU()]
        self.main = nn.Sequential(*layers[:-2], nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.main(z[:, :, None, None])
        return images


class DCGAN(Generator):
    """z drives the first layer; a layer's feature map is what follows its ReLU."""

    codes_of = "DCGAN"

    def __init__(self, network: Network) -> None:
        self.module = network
        self.fingerprint = fingerprint(network, "DCGAN")
        self.layers = tuple(f"main.{i}" for i in range(2, len(network.main) - 1, 3))
        inputs = network.get_parameter(KERNEL).shape[0]
        self.spaces = {"z": LatentSpace("z", (inputs,), layer_of=torch.zeros(1, dtype=torch.long))}

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        raise InterpganError(f"a DCGAN has the space z alone; there is no way from {source} to {target}")

    def forward(self, batch: LatentBatch) -> Tensor:
        images: Tensor = self.module(batch.codes)
        return images

    def saved(self) -> SavedGenerator:
        return SavedGenerator("example_backbone", settings={}, tensors=state_of(generator=self.module))

    def style_weight(self, space: str, layer: int) -> Tensor:
        """What SeFa factorises: a row for each output of the first layer, at each of its 16 places."""
        if (space, layer) != ("z", 0):
            raise InterpganError(
                f"a DCGAN takes a code in layer 0 alone, from z; not {space} in layer {layer}"
            )
        return self.module.get_parameter(KERNEL).flatten(1).T


class DCGANBackbone:
    """Recognises, describes and loads the files."""

    options = LoadOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        found = checkpoint.network((KERNEL, MEAN))
        return found is not None and found.tensors[KERNEL].shape[1:] == (*found.tensors[MEAN].shape, 4, 4)

    def describe(self, checkpoint: Checkpoint) -> Description:
        tensors = _tensors(checkpoint)
        widths = _widths(tensors, checkpoint.path)
        return Description(
            family="DCGAN",
            layout="PyTorch's example",
            resolution=_size(widths),
            channels=widths[-1],
            spaces={"z": (widths[0],)},
            classes=0,
            parameters=sum(tensor.numel() for tensor in tensors.values()),
            discriminator=False,
        )

    def load(self, checkpoint: Checkpoint, options: LoadOptions) -> DCGAN:
        return _built(_tensors(checkpoint), checkpoint.path, options)

    def restore(self, saved: SavedGenerator, path: Path, options: LoadOptions) -> DCGAN:
        return _built(saved.part("generator"), path, options)


backbone = DCGANBackbone()


def random(**options: Any) -> DCGAN:
    """A DCGAN that nobody trained, which needs no file; options as of `load_generator`."""
    network = Network((32, 64, 32, 16, 3))
    tensors = network.state_dict()
    for i, (name, tensor) in enumerate(tensors.items()):
        if tensor.ndim == 4:  # norms are the identity as they are made
            tensors[name] = seeded_normal([i], tensor.shape)[0] / (2 * len(tensor)) ** 0.5
    return _built(tensors, Path("example_backbone.random"), LoadOptions(**options))


def _tensors(checkpoint: Checkpoint) -> Mapping[str, Tensor]:
    found = checkpoint.network((KERNEL, MEAN))
    if found is None:  # it was named as the family of a file that is of another
        raise InterpganError(f"{checkpoint.path} holds no DCGAN")
    return found.tensors


def _widths(tensors: Mapping[str, Tensor], path: Path) -> list[int]:
    shapes = Shapes(
        tensors, path, "DCGAN"
    )  # a tensor that is missing, or of other dimensions, is an error in words
    kernels = [name for i in range(0, len(shapes), 3) if (name := f"main.{i}.weight") in shapes]
    return [shapes.of(KERNEL, 4)[0], *(shapes.of(name, 4)[1] for name in kernels)]


def _size(widths: Sequence[int]) -> int:
    return int(4 * 2 ** (len(widths) - 2))


def _built(tensors: Mapping[str, Tensor], path: Path, options: LoadOptions) -> DCGAN:
    widths = _widths(tensors, path)
    check_option("DCGAN", "noise", options.noise, ("const", "none"))  # it has none, which is the same
    check_option("DCGAN", "precision", options.precision, ("float32",))
    check_resolution(options.resolution, (_size(widths), _size(widths)), path)
    return DCGAN(build(lambda: Network(widths), tensors, path)).to(options.device)
