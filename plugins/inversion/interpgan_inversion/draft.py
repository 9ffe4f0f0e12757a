"""A draft of a picture from an early layer: what a large generator will draw, smaller and in a fraction of the time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import (
    Generator,
    InterpganError,
    LatentBatch,
    Progress,
    read_safetensors,
    write_safetensors,
)
from interpgan_core.plugin import cache_folder
from interpgan_inversion.scale import Scale

LARGE = 256  # pixels; smaller pictures are drawn as quickly as drafts
SHARE, FINEST = 4, 128  # a draft has at most the picture's side over `SHARE`, and `FINEST` pixels
SAMPLES, TRIED = 8, 3  # to fit it to, and to try it on
FIRST_SEED = 2**31  # of these samples: none that recipes use
TRUNCATION = 0.7  # of these samples, towards the mean: the outermost would weigh most
STIFFNESS = 1e-3  # of the ridge, as a share of the maps' mean square
WEIGHT = 10  # of the picture that a code really draws, where a sample's is 1
KEPT = 1  # raised where the way to fit one changes
LEAST = 18.0  # dB on the samples that it is tried on; a worse draft leads astray


@dataclass(frozen=True, eq=False)
class Draft:
    """A linear map from the feature maps of a layer, place by place, to the picture averaged to the maps' size.

    Left alone, a search finds codes that the map takes for the picture and the generator does not: so from time to time
    it is fitted to the picture that the code really draws, for each picture of a batch alone.

    Args:
        layer: name of the layer; the network is run up to it.
        size: height and width of its maps.
        across: (k, c + 1, c + 1) float64, sums of products of the inputs that it is fitted to; k = 1, or n pictures.
        along: (k, c + 1, 3) float64, of inputs and pictures.
        psnr: of pictures that it was not fitted to, in dB.
    """

    layer: str
    size: tuple[int, int]
    across: Tensor
    along: Tensor
    psnr: float = 0.0

    @cached_property
    def weight(self) -> Tensor:
        """(k, 3, c + 1) float32, the last column the bias: ridge regression in closed form."""
        sizes = self.across.diagonal(dim1=1, dim2=2)[:, :-1].mean(1, keepdim=True)
        ridge = STIFFNESS * sizes.expand(-1, self.across.shape[1]).clone()
        ridge[:, -1] = 0  # the bias is free
        solved: Tensor = torch.linalg.solve(self.across + torch.diag_embed(ridge), self.along)
        return solved.mT.float()

    def images(self, generator: Generator, batch: LatentBatch) -> Tensor:
        """Drafts (n, 3, *size) float32, nominally in [-1, 1]; gradients flow to the codes of layers up to this one."""
        return self._of_maps(generator.features(batch, [self.layer])[self.layer])

    def shrunk(self, images: Tensor) -> Tensor:
        """Pictures (n, c, h, w) at the size of drafts."""
        return functional.adaptive_avg_pool2d(images, self.size)

    @torch.no_grad()
    def refitted(self, generator: Generator, batch: LatentBatch) -> Draft:
        """Fitted to what the n codes of a batch draw, too, each map to its own."""
        maps = generator.features(batch, [self.layer])[self.layer]
        across, along = _products(maps, self.shrunk(generator.images(batch)))
        return replace(self, across=self.across + WEIGHT * across, along=self.along + WEIGHT * along)

    def _of_maps(self, maps: Tensor) -> Tensor:
        weight = self.weight.expand(len(maps), -1, -1)
        drafts: Tensor = weight[:, :, :-1] @ maps.float().flatten(2) + weight[:, :, -1:]
        return drafts.reshape(len(maps), 3, *self.size)

    @classmethod
    @torch.no_grad()
    def of(
        cls, generator: Generator, scale: Scale, size: tuple[int, int], progress: Progress
    ) -> Draft | None:
        """Fit one to samples; the fitted one is kept in the user's cache, and taken from there the next time.

        Args:
            generator: whose early layer is read.
            scale: of a space, for samples nearer to its mean.
            size: height and width of the generator's pictures.
            progress: shows how far it is.

        Returns:
            The draft; None where it does not pay: pictures are small, no layer has its size, or it comes out poor.
        """
        if min(size) < LARGE or (layer := _layer(generator, min(size))) is None:
            return None
        pairs = _pairs(generator, scale, layer, progress)
        maps, wanted = next(pairs)
        if (file := _file(maps, wanted)) is None or (draft := cls._kept(file, layer, maps)) is None:
            across, along = _products(maps, wanted)
            for _ in range(SAMPLES - 1):
                more = _products(*next(pairs))
                across, along = across + more[0], along + more[1]
            draft = cls(layer, (maps.shape[2], maps.shape[3]), across, along)
            error = torch.stack(
                [(draft._of_maps(maps) - wanted).square().mean() / 4 for maps, wanted in pairs]
            ).mean()
            draft = replace(draft, psnr=-10 * float(error.clamp(min=1e-10).log10()))
            if file is not None:
                tensors = {"across": across, "along": along}
                write_safetensors(file, tensors, "draft", {"psnr": draft.psnr})
        return draft if draft.psnr >= LEAST else None

    @classmethod
    def _kept(cls, file: Path, layer: str, maps: Tensor) -> Draft | None:
        """The one of a file; None where there is none, or it is damaged."""
        with suppress(InterpganError, KeyError):
            tensors, said = read_safetensors(file, "draft")
            across, along = (tensors[name].to(maps.device) for name in ("across", "along"))
            inputs = maps.shape[1] + 1
            if across.shape == (1, inputs, inputs) and along.shape == (1, inputs, 3):
                return cls(layer, (maps.shape[2], maps.shape[3]), across, along, float(said["psnr"]))
        return None


def _file(maps: Tensor, wanted: Tensor) -> Path | None:
    """Where the draft of a generator is kept that draws these for the first sample; None where nothing can be kept.

    They tell everything apart that a draft depends on: weights, options, space, layer and size.
    """
    said = hashlib.sha256(repr((KEPT, SAMPLES, TRIED, TRUNCATION, maps.shape, wanted.shape)).encode())
    for each in (maps, wanted):
        said.update(each.float().cpu().contiguous().numpy().tobytes())
    with suppress(InterpganError, OSError):
        folder = cache_folder() / "drafts"
        folder.mkdir(exist_ok=True)
        return folder / f"{said.hexdigest()[:32]}.safetensors"
    return None


def _layer(generator: Generator, side: int) -> str | None:
    """The last layer whose maps are at most of a draft's size, and at least half of it."""
    most = min(side // SHARE, FINEST)
    found = None
    for layer, (_, height, width) in generator.layer_shapes().items():
        if most // 2 < min(height, width) <= most:
            found = layer
    return found


def _pairs(
    generator: Generator, scale: Scale, layer: str, progress: Progress
) -> Iterator[tuple[Tensor, Tensor]]:
    """Of one sample each: maps (1, c, h, w) and the picture at their size (1, 3, h, w)."""
    seeds = range(FIRST_SEED, FIRST_SEED + SAMPLES + TRIED)
    for seed in progress(seeds, total=len(seeds), what="learning to draft pictures"):
        sample = generator.to_space(generator.sample([seed]), scale.space.name)
        sample = replace(sample, codes=scale.codes(TRUNCATION * scale.apart(sample.codes)))
        maps = generator.features(sample, [layer])[layer]
        yield maps, functional.adaptive_avg_pool2d(generator.images(sample), (maps.shape[2], maps.shape[3]))


def _products(maps: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Of each of n pictures, sums over places of the products that least squares need, as of `Draft`."""
    inputs = maps.flatten(2).float()
    inputs = torch.cat([inputs, torch.ones_like(inputs[:, :1])], 1).double()
    return inputs @ inputs.mT, inputs @ wanted.flatten(2).double().mT
