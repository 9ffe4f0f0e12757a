"""A generator of 32-pixel patterns that needs no download: for tests, tutorials and third parties."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from interpgan_core.errors import InterpganError
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.networks import fingerprint
from interpgan_core.generators.ranges import Ranges
from interpgan_core.generators.spaces import LatentSpace, seeded_normal

if TYPE_CHECKING:
    from torch import Tensor

SIZE = 16  # of a code, and channels of every layer
UP = (False, True, False, True, False, True)  # whether a layer doubles the resolution: 4 -> 32


class _Mapping(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.embed = nn.Linear(classes, SIZE, bias=False) if classes else None
        self.dense = nn.ModuleList(nn.Linear(SIZE, SIZE) for _ in range(2))

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        if self.embed is not None:
            z = z + self.embed(labels)
        x: Tensor = F.normalize(z, dim=1) * SIZE**0.5
        for dense in self.dense:
            x = F.leaky_relu(dense(x), 0.2) * 2**0.5
        return x


class _Layer(nn.Module):
    """A modulated convolution: each input channel is scaled by the style."""

    def __init__(self, up: bool) -> None:
        super().__init__()
        self.up = up
        self.affine = nn.Linear(SIZE, SIZE)
        self.conv = nn.Conv2d(SIZE, SIZE, 3, padding=1)

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None) -> Tensor:
        if self.up:
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear")
        x = self.conv(x * style[:, :, None, None])
        if noise is not None:
            x = x + 0.1 * noise
        return F.leaky_relu(x, 0.2)


class _Toy(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.mapping = _Mapping(classes)
        self.const = nn.Parameter(torch.empty(1, SIZE, 4, 4))
        self.layers = nn.ModuleList(_Layer(up) for up in UP)
        self.to_rgb = nn.Conv2d(SIZE, 3, 1)
        for i, parameter in enumerate(self.parameters()):
            fan_in = parameter[0].numel() if parameter.ndim > 1 else SIZE
            values = seeded_normal([i], parameter.shape)[0] / fan_in**0.5
            with torch.no_grad():
                parameter.copy_(values)
        for layer in self.layers:
            layer.get_parameter("affine.bias").data += 1
        self.const.data *= 8


# Tests make many of these: what each would draw anew is kept.
_MEANS: dict[int, Tensor] = {}


@cache
def _network(classes: int) -> _Toy:
    return _Toy(classes).eval().requires_grad_(False)


@cache
def _noise_map(layer: int, side: int) -> Tensor:
    return seeded_normal([layer], (1, side, side), stream=1)


class ToyGenerator(Generator):
    """A StyleGAN in miniature: z (16,) -> w (16,) -> w+ (6, 16) -> s (96,), pictures (3, 32, 32).

    Args:
        classes: 0 = unconditional.
        noise: const | none | random, as in `load_generator`.
    """

    module: _Toy
    layers = tuple(f"layers.{i}" for i in range(len(UP)))

    def __init__(self, classes: int = 0, noise: str = "const") -> None:
        count = len(UP)
        self.module = deepcopy(_network(classes))
        self.classes = classes
        self.noise = noise
        self.fingerprint = fingerprint(self.module)
        rows = torch.arange(count)
        spaces = [
            LatentSpace("z", (SIZE,)),
            LatentSpace("w", (SIZE,)),
            LatentSpace("w+", (count, SIZE), rows[:, None], base="w"),
            LatentSpace("s", (count * SIZE,), rows.repeat_interleave(SIZE)),
        ]
        self.spaces = {space.name: space for space in spaces}
        if classes not in _MEANS:
            _MEANS[classes] = self.to_space(self.sample(Ranges("0-999")), "w").codes.mean(0)
        for name in ("w", "w+"):
            space = self.spaces[name]
            # A copy: what was made in inference mode would stay useless for gradients outside.
            self.spaces[name] = replace(space, mean=_MEANS[classes].clone().expand(space.shape))

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, (SIZE,)).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        if source == "z":
            codes = self.module.mapping(codes, labels)
        if source in ("z", "w") and target in ("w+", "s"):
            codes = codes[:, None].expand(-1, len(UP), -1)
        if target == "s":
            weights = [self.module.layers[i].get_submodule("affine") for i in range(len(UP))]
            codes = torch.cat([affine(codes[:, i]) for i, affine in enumerate(weights)], 1)
        return codes

    def forward(self, batch: LatentBatch) -> Tensor:
        styles = self.to_space(batch, "s").codes.view(-1, len(UP), SIZE)
        x = self.module.const.expand(len(batch), -1, -1, -1)
        for i, layer in enumerate(self.module.layers):
            side = x.shape[-1] * (2 if UP[i] else 1)
            x = layer(x, styles[:, i], self._noise(batch, i, side))
        return torch.tanh(self.module.to_rgb(x))

    def style_weight(self, space: str, layer: int) -> Tensor:
        if space not in ("w", "w+") or layer not in range(len(UP)):
            raise InterpganError(f"there is no style weight from {space} into layer {layer}")
        return self.module.layers.get_parameter(f"{layer}.affine.weight")

    def _noise(self, batch: LatentBatch, layer: int, side: int) -> Tensor | None:
        if self.noise == "none":
            return None
        if self.noise == "const":
            return _noise_map(layer, side).to(self.device)
        if batch.seeds is None:
            raise InterpganError("random noise comes from each sample's seed, and these have none; use const")
        return seeded_normal(batch.seeds.tolist(), (1, side, side), stream=layer + 1).to(self.device)


def toy(
    *, device: str = "cpu", noise: str = "const", precision: str = "float32", resolution: Any = None
) -> ToyGenerator:
    """The named model `toy`."""
    if precision != "float32" or resolution not in (None, 32):
        raise InterpganError("the toy generator draws 32 pixels in float32 only")
    return ToyGenerator(noise=noise).to(device)
