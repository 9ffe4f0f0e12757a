"""Previews from an early layer, learnt from the pictures that a generator draws anyway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from interpgan_core import Generator, LatentBatch

if TYPE_CHECKING:
    from torch import Tensor

SHARE, FINEST = 4, 128  # a draft has at most the picture's side over `SHARE`, and `FINEST` pixels
FADING = 0.8  # what earlier pictures count, of each new one: drafts are of the people that are edited
STIFFNESS = 1e-3  # of the ridge, as a share of the maps' mean square


class Draft:
    """A linear map from the feature maps of a layer, place by place, to the picture averaged to their size."""

    def __init__(self) -> None:
        self._layer: str | None = None
        self._known = False
        self._maps: Tensor | None = None
        self._across: Tensor | None = None  # (c + 1, c + 1) float64
        self._along: Tensor | None = None  # (c + 1, 3) float64
        self._weight: Tensor | None = None  # (3, c + 1) float32, the last column the bias

    @property
    def learnt(self) -> bool:
        """Has it seen a picture?"""
        return self._across is not None

    @contextmanager
    def watching(self, generator: Generator) -> Iterator[None]:
        """Keep the layer's maps of what is drawn meanwhile."""
        layer = self._find(generator)
        if layer is None:
            yield
            return

        def keep(_module: object, _inputs: object, maps: Tensor) -> None:
            self._maps = maps.detach().float()

        handle = generator.module.get_submodule(layer).register_forward_hook(keep)
        try:
            yield
        finally:
            handle.remove()

    def learn(self, images: Tensor) -> None:
        """From pictures (n, 3, h, w) that were drawn while it watched."""
        import torch
        from torch.nn import functional

        maps, self._maps = self._maps, None
        if maps is None:
            return
        inputs = _with_one(maps)
        wanted = (
            functional.adaptive_avg_pool2d(images.float(), (maps.shape[2], maps.shape[3])).flatten(2).double()
        )
        across, along = (inputs @ inputs.mT).sum(0), (inputs @ wanted.mT).sum(0)
        if self._across is not None and self._along is not None:
            across, along = across + FADING * self._across, along + FADING * self._along
        self._across, self._along = across, along
        ridge = torch.full((len(across),), STIFFNESS * float(across.diagonal()[:-1].mean())).double()
        ridge[-1] = 0  # the bias is free
        self._weight = torch.linalg.solve(across + ridge.diag().to(across.device), along).mT.float()

    def images(self, generator: Generator, batch: LatentBatch) -> Tensor:
        """Drafts (n, 3, h, w) float32, nominally in [-1, 1], of a quarter of the resolution at most."""
        assert self._layer is not None and self._weight is not None
        edits = tuple(edit for edit in batch.edits if self._reached(generator, edit.layer))
        maps = generator.features(replace(batch, edits=edits), [self._layer])[self._layer].float()
        drafts: Tensor = self._weight[:, :-1] @ maps.flatten(2) + self._weight[:, -1:]
        return drafts.reshape(len(maps), 3, *maps.shape[2:])

    def _reached(self, generator: Generator, layer: str) -> bool:
        order = list(generator.layers)
        return self._layer is not None and order.index(layer) <= order.index(self._layer)

    def _find(self, generator: Generator) -> str | None:
        """The last layer whose maps have a draft's size; None where there is none."""
        if not self._known:
            self._known = True
            shapes = generator.layer_shapes()
            side = max(min(height, width) for _, height, width in shapes.values()) if shapes else 0
            most = min(side // SHARE, FINEST)
            fitting = [layer for layer, (_, *size) in shapes.items() if most // 2 < min(size) <= most]
            # The last of the finest: the first ones, which upsample, show a chequered pattern.
            self._layer = max(
                fitting, key=lambda layer: (min(shapes[layer][1:]), fitting.index(layer)), default=None
            )
        return self._layer


def _with_one(maps: Tensor) -> Tensor:
    """Maps (n, c, h, w) as inputs (n, c + 1, h w) float64 of a linear map with a bias."""
    import torch

    flat = maps.flatten(2).double()
    return torch.cat([flat, torch.ones_like(flat[:, :1])], 1)
