"""MobileStyleGAN as a generator: its spaces, its layers, and how codes become pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import Noise, SavedGenerator, state_of
from interpgan_core.plugin import fingerprint as hash_of
from interpgan_mobilestylegan.network import Network

LICENCE = (
    "for research, non-commercial use: the network is distilled from StyleGAN2-FFHQ (NVIDIA, non-commercial) "
    "and FFHQ (CC BY-NC-SA 4.0); the package random-face that carries it is under Apache-2.0"
)


class MobileStyleGAN(Generator):
    """A StyleGAN2 made small: separable convolutions, and wavelet transforms in place of upsampling.

    Spaces: z, w, w+ (a code for each style layer) and s, StyleSpace: the styles themselves, in order of use.
    Layers are numbered as in StyleGAN2: layer k is `convs.k`, and what feeds the picture is one more.

    Args:
        network: on the CPU, in float32.
        fingerprint: of the published files.
        w_mean: (d,) the mean of w.
        noise: const: the network's own maps; none; random: drawn from each sample's seed, as strong as the
            network's own.

    Source:
        Belousov, MobileStyleGAN, 2021. StyleSpace: Wu et al., CVPR 2021.
    """

    codes_of = "StyleGAN 2"  # its mapping network is StyleGAN 2's

    licence = LICENCE
    module: Network

    def __init__(self, network: Network, fingerprint: str, w_mean: Tensor, noise: Noise = "const") -> None:
        self.module = network.eval()
        self.fingerprint, self.noise = fingerprint, noise
        self.weights = hash_of(network)
        self.layers = [f"convs.{k}" for k in range(len(network.convs))]
        self._layer_of = torch.tensor(_layer_numbers(len(network.convs)))
        widths = torch.tensor([len(layer.bias) for layer in network.affine_layers])
        many = w_mean.expand(len(widths), -1)
        spaces = [
            LatentSpace("z", tuple(w_mean.shape)),
            LatentSpace("w", tuple(w_mean.shape), mean=w_mean),
            LatentSpace("w+", tuple(many.shape), self._layer_of[:, None], base="w", mean=many),
            LatentSpace(
                "s",
                (int(widths.sum()),),
                self._layer_of.repeat_interleave(widths),
                mean=network.to_styles(many[None])[0],
            ),
        ]
        self.spaces = {space.name: space for space in spaces}

    def prior(self, seeds: Sequence[int]) -> Tensor:
        """Codes of z."""
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        """z -> w -> w+ -> s, as far as asked."""
        steps: dict[str, Callable[[Tensor], Tensor]] = {
            "w": self.module.mapping,
            "w+": lambda w: w[:, None].expand(-1, *self.spaces["w+"].shape),
            "s": self.module.to_styles,
        }
        order = list(self.spaces)
        for name in order[order.index(source) + 1 : order.index(target) + 1]:
            codes = steps[name](codes)
        return codes

    def forward(self, batch: LatentBatch) -> Tensor:
        """Pictures; on a CPU, without gradients, the bytes of each are the same whatever the batch.

        Raises:
            InterpganError: if noise is random and the batch has no seeds.
        """
        noise = None
        if self.noise == "random":
            noise = self._random_noise(batch)
        elif self.noise == "none":
            noise = [
                torch.zeros_like(conv.noise).expand(len(batch), -1, -1, -1)
                for conv in self.module.conv_layers
            ]
        images: Tensor = self.module(self.to_space(batch, "s").codes, noise)
        return images.float()

    def saved(self) -> SavedGenerator:
        """The network, and the mean of w; equal weights keep the fingerprint of the published file."""
        settings = {
            "ups": [conv.up for conv in self.module.conv_layers],
            "fingerprint": self.fingerprint,
            "weights": self.weights,
        }
        tensors = state_of(generator=self.module)
        if (mean := self.spaces["w"].mean) is not None:
            tensors["mean"] = mean
        return SavedGenerator("mobilestylegan", settings, tensors)

    def style_weight(self, space: str, layer: int) -> Tensor:
        """The weights that SeFa factorises: the affine layers of a synthesis layer, row under row.

        Args:
            space: "w" or "w+".
            layer: StyleGAN2's number; the last one feeds the picture.

        Returns:
            (o, d) float32. Of a layer that doubles the size: the style before the wavelet transform, then
            the one after it.

        Raises:
            InterpganError: if the space or the layer has none.
        """
        if space not in ("w", "w+"):
            raise InterpganError(f"styles are made from codes of w or w+, not {space}; choose one of these")
        if not 0 <= layer <= self._layer_of[-1]:
            raise InterpganError(f"there is no layer {layer}; layers are 0 to {self._layer_of[-1]}")
        chosen = (self._layer_of == layer).nonzero().flatten().tolist()
        return torch.cat([self.module.affine_layers[i].weight for i in chosen])

    def _random_noise(self, batch: LatentBatch) -> list[Tensor]:
        if batch.seeds is None:
            raise InterpganError(
                "random noise is drawn from each sample's seed, and these codes have none (inverted codes "
                "never do); load the generator with noise: const or none"
            )
        maps = []
        for layer, conv in enumerate(self.module.conv_layers):
            drawn = seeded_normal(batch.seeds.tolist(), conv.noise.shape[1:], stream=layer + 1)
            maps.append(drawn.to(conv.noise) * conv.noise.square().mean().sqrt())
        return maps


def _layer_numbers(convs: int) -> list[int]:
    """StyleGAN2's layer for each affine layer: 0; up, conv1 and conv2 of each block; the picture's."""
    blocks = [n for k in range(1, convs, 2) for n in (k, k, k + 1)]
    return [0, *blocks, convs]
