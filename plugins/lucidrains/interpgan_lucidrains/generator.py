"""stylegan2-pytorch's StyleGAN 2 as a generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import Noise, SavedGenerator, fingerprint, state_of
from interpgan_lucidrains.discriminator import Discriminator
from interpgan_lucidrains.network import Network

MEAN_CODES = 2000  # as many as the package takes


class LucidrainsGenerator(Generator):
    """A StyleGAN 2 of stylegan2-pytorch.

    Spaces: z, sampled; w; w+, one row of w a layer; s, all styles. Layers 2i and 2i + 1 are the convolutions of block
    i, `blocks.i.conv1` and `blocks.i.conv2`; the second's row drives the step to the picture too. A network without a
    constant (no_const) has one layer more, `stem`, before all others: its row makes the first maps.

    Args:
        network: in eval mode, on the CPU.
        noise: const: one map for all pictures; none: the mean of what it saw in training; random: from each seed.
        mean: (d,) the mean of w; None: that of seeds 0 to 1999.
        discriminator: None where the file has none.
    """

    codes_of = "stylegan2-pytorch"

    module: Network
    discriminator: Discriminator | None

    def __init__(
        self,
        network: Network,
        noise: Noise = "const",
        mean: Tensor | None = None,
        discriminator: Discriminator | None = None,
    ) -> None:
        self.module, self.noise, self.discriminator = network, noise, discriminator
        self.fingerprint = fingerprint(
            network, "lucidrains", network.mapping.rate, *([] if network.shape["blurred"] else ["sharp"])
        )
        self.layers = tuple(network.layers)
        width, rows = network.width, torch.arange(len(self.layers))
        if mean is None:
            codes = seeded_normal(range(MEAN_CODES), (width,))
            mean = torch.cat([network.mapping(part) for part in codes.split(500)]).double().mean(0).float()
        self.spaces = {
            "z": LatentSpace("z", (width,)),
            "w": LatentSpace("w", (width,), mean=mean),
            "w+": LatentSpace(
                "w+", (len(rows), width), rows[:, None], base="w", mean=mean.expand(len(rows), -1)
            ),
            "s": LatentSpace("s", (len(numbers := self._numbers()),), torch.tensor(numbers)),
        }

    def _numbers(self) -> list[int]:
        """The layer that each style belongs to."""
        network, first = self.module, 0 if self.module.constant else 1
        numbers = [0] * (0 if network.constant else network.width)
        for i, block in enumerate(network.each):
            here = first + 2 * i
            sizes = [block.conv1.weight.shape[1], block.conv2.weight.shape[1] + block.rgb.weight.shape[1]]
            numbers += [here] * sizes[0] + [here + 1] * sizes[1]
        return numbers

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        order = list(self.spaces)
        here, there = order.index(source), order.index(target)
        if here < 1 <= there:
            codes = self.module.mapping(codes)
        if here < 2 <= there:
            codes = codes[:, None].expand(-1, len(self.layers), -1)
        return self.module.styles(codes) if there == 3 else codes

    def forward(self, batch: LatentBatch) -> Tensor:
        """Images.

        Raises:
            InterpganError: if noise is random and the batch has no seeds.
        """
        styles = self.to_space(batch, "s").codes
        drawn: Tensor = self.module(styles, self.noise_maps(batch))
        return drawn.to(torch.promote_types(drawn.dtype, torch.float32)) * 2 - 1

    def noise_maps(self, batch: LatentBatch) -> Tensor:
        """One map a sample, or one for all: (n or 1, side, side), uniform in [0, 1] as in training."""
        side = self.module.side
        if self.noise == "none":
            return torch.full((1, side, side), 0.5, device=self.device)
        if self.noise == "const":
            seeds = [0]
        elif batch.seeds is None:
            raise InterpganError(
                "random noise comes from seeds, and these codes have none; load the generator with noise: const or none"
            )
        else:
            seeds = batch.seeds.tolist()
        drawn = np.stack([np.random.RandomState([seed, 2]).uniform(size=(side, side)) for seed in seeds])
        return torch.from_numpy(drawn.astype(np.float32)).to(self.device)

    def saved(self) -> SavedGenerator:
        """Both networks, the mean of w, and the arguments that they were made with."""
        discriminator = self.discriminator
        settings = {"network": self.module.shape, "discriminator": discriminator and discriminator.shape}
        tensors = state_of(generator=self.module, discriminator=discriminator)
        mean = self.spaces["w"].mean
        assert mean is not None
        return SavedGenerator("lucidrains", settings, {**tensors, "mean": mean})

    def style_weight(self, space: str, layer: int) -> Tensor:
        """The matrix that SeFa factorises: the dense layers that make a layer's styles of its code.

        Args:
            space: "w" or "w+".
            layer: number of the layer.

        Returns:
            (o, d) float32: of a block's first convolution, its styles; of the second, its styles and those of the step
            to the picture; of the stem, a row for each output at each of 16 places.

        Raises:
            InterpganError: if the space or the layer is another.
        """
        if space not in ("w", "w+") or layer not in range(len(self.layers)):
            raise InterpganError(
                f"there is no style weight from {space} into layer {layer}; spaces are w or w+, layers are 0 to "
                f"{len(self.layers) - 1}"
            )
        network = self.module
        if not network.constant:
            layer -= 1
        if layer < 0:
            return network.start.flatten(1).T.float()
        block = network.each[layer // 2]
        parts = (block.conv2, block.rgb) if layer % 2 else (block.conv1,)
        return torch.cat([part.style.weight for part in parts]).float()
