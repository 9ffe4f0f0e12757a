"""A draft of a picture from an early layer: what a large generator will draw, smaller and in a fraction of the time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import Generator, LatentBatch, Progress
from interpgan_inversion.scale import Scale

LARGE = 256  # pixels; smaller pictures are drawn as quickly as drafts
SHARE, FINEST = 4, 128  # a draft has at most the picture's side over `SHARE`, and `FINEST` pixels
SAMPLES, TRIED = 12, 4  # to fit it to, and to try it on
FIRST_SEED = 2**31  # of these samples: none that recipes use
TRUNCATION = 0.7  # of these samples, towards the mean: the outermost would weigh most
STIFFNESS = 1e-3  # of the ridge, as a share of the maps' mean square
LEAST = 18.0  # dB on the samples that it is tried on; a worse draft leads astray


@dataclass(frozen=True, eq=False)
class Draft:
    """A linear map from the feature maps of a layer, place by place, to the picture averaged to the maps' size.

    Args:
        layer: name of the layer; the network is run up to it.
        size: height and width of its maps.
        weight: (3, c) float32.
        bias: (3,) float32.
        psnr: of pictures that it was not fitted to, in dB.
    """

    layer: str
    size: tuple[int, int]
    weight: Tensor
    bias: Tensor
    psnr: float

    def images(self, generator: Generator, batch: LatentBatch) -> Tensor:
        """Drafts (n, 3, *size) float32, nominally in [-1, 1]; gradients flow to the codes of layers up to this one."""
        return self._of_maps(generator.features(batch, [self.layer])[self.layer])

    def shrunk(self, images: Tensor) -> Tensor:
        """Pictures (n, c, h, w) at the size of drafts."""
        return functional.adaptive_avg_pool2d(images, self.size)

    def _of_maps(self, maps: Tensor) -> Tensor:
        return functional.conv2d(maps.float(), self.weight[:, :, None, None], self.bias)

    @classmethod
    @torch.no_grad()
    def of(
        cls, generator: Generator, scale: Scale, size: tuple[int, int], progress: Progress
    ) -> Draft | None:
        """Fit one to samples, by ridge regression in closed form.

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
        across, along = _products(maps, wanted)
        for _ in range(SAMPLES - 1):
            more = _products(*next(pairs))
            across, along = across + more[0], along + more[1]
        ridge = torch.full((len(across),), STIFFNESS * float(across.diagonal()[:-1].mean()))
        ridge[-1] = 0  # the bias is free
        weight = torch.linalg.solve(across + ridge.to(across).diag(), along).T.float()
        draft = cls(layer, (maps.shape[2], maps.shape[3]), weight[:, :-1], weight[:, -1], 0.0)
        error = torch.stack(
            [(draft._of_maps(maps) - wanted).square().mean() / 4 for maps, wanted in pairs]
        ).mean()
        psnr = -10 * float(error.clamp(min=1e-10).log10())
        return replace(draft, psnr=psnr) if psnr >= LEAST else None


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
    """Sums over places of the products that least squares need: (c + 1, c + 1) and (c + 1, 3) float64."""
    inputs = maps[0].flatten(1).float()
    inputs = torch.cat([inputs, torch.ones_like(inputs[:1])]).double()
    return inputs @ inputs.T, inputs @ wanted[0].flatten(1).double().T
