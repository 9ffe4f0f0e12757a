"""ALAE as a generator, with its own encoder where the file has one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_alae.encoder import Discriminator, Encoder
from interpgan_alae.network import Network
from interpgan_core import Generator, InterpganError, LatentBatch, LatentSpace, seeded_normal
from interpgan_core.plugin import Noise, SavedGenerator, fingerprint, state_of

MEAN_CODES = 2000  # of a file that keeps no mean


class ALAE(Generator):
    """An ALAE.

    Spaces: z, sampled; w; w+, one row of w a layer; s, all styles. Layers 2i and 2i + 1 are the halves of block i,
    `blocks.i.first` and `blocks.i.second`, each with its style.

    Args:
        network: in eval mode, on the CPU.
        noise: const: what the original adds without noise, the same for all; none: nothing; random: from each seed.
        mean: (2 blocks, d) the mean of w in each layer; None: that of seeds 0 to 1999.

    Source:
        Pidhorskyi et al., Adversarial Latent Autoencoders, CVPR 2020.
    """

    codes_of = "ALAE"

    module: Network
    discriminator: Discriminator | None = None

    def __init__(self, network: Network, noise: Noise = "const", mean: Tensor | None = None) -> None:
        self.module, self.noise = network, noise
        self.fingerprint = fingerprint(network, "alae")
        halves = [f"blocks.{i}.{half}" for i in range(network.computed) for half in ("first", "second")]
        self.layers = tuple(halves)
        count, inputs = 2 * len(network.each), network.shape["mapping"][0]
        if mean is None:
            codes = seeded_normal(range(MEAN_CODES), (inputs,))
            middle = torch.cat([network.mapping(part) for part in codes.split(500)]).double().mean(0).float()
            mean = middle.expand(count, -1)
        numbers = [
            number
            for k, block in enumerate(network.each)
            for number in [2 * k] * 2 * block.first.bias.shape[1]
            + [2 * k + 1] * 2 * block.second.bias.shape[1]
        ]
        self.spaces = {
            "z": LatentSpace("z", (inputs,)),
            "w": LatentSpace("w", (network.width,), mean=mean.mean(0)),
            "w+": LatentSpace(
                "w+", (count, network.width), torch.arange(count)[:, None], base="w", mean=mean.clone()
            ),
            "s": LatentSpace("s", (len(numbers),), torch.tensor(numbers)),
        }

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        order = list(self.spaces)
        here, there = order.index(source), order.index(target)
        if here < 1 <= there:
            codes = self.module.mapping(codes)
        if here < 2 <= there:
            codes = codes[:, None].expand(-1, self.spaces["w+"].shape[0], -1)
        return self.module.styles(codes) if there == 3 else codes

    def forward(self, batch: LatentBatch) -> Tensor:
        """Images.

        Raises:
            InterpganError: if noise is random and the batch has no seeds.
        """
        styles = self.to_space(batch, "s").codes
        images: Tensor = self.module(styles, self.noise_maps(batch))
        return images.to(torch.promote_types(images.dtype, torch.float32))

    def noise_maps(self, batch: LatentBatch) -> list[Tensor | None]:
        """For each layer (n, 1, h, w) standard normal numbers from the seeds; None or (0,) tensors, see `Layer`."""
        count = 2 * self.module.computed
        if self.noise == "const":
            return [None] * count
        if self.noise == "none":
            return [torch.empty(0)] * count
        if batch.seeds is None:
            raise InterpganError(
                "random noise comes from seeds, and these codes have none; load the generator with noise: const or none"
            )
        seeds = batch.seeds.tolist()
        return [
            seeded_normal(seeds, (1, 4 << k // 2, 4 << k // 2), stream=k + 1).to(self.device)
            for k in range(count)
        ]

    def saved(self) -> SavedGenerator:
        """All networks, the means of w, and the arguments that they were made with."""
        encoder, discriminator = getattr(self, "encoder", None), self.discriminator
        settings = {
            "network": self.module.shape,
            "encoder": encoder and encoder.shape,
            "discriminator": discriminator and discriminator.widths,
        }
        layers = None if discriminator is None else discriminator.layers
        tensors = state_of(generator=self.module, encoder=encoder, discriminator=layers)
        mean = self.spaces["w+"].mean
        assert mean is not None
        return SavedGenerator("alae", settings, {**tensors, "mean": mean.contiguous()})

    def style_weight(self, space: str, layer: int) -> Tensor:
        """The matrix that SeFa factorises: the linear layer that makes a layer's style of its code.

        Args:
            space: "w" or "w+".
            layer: number of the layer.

        Returns:
            (2 c, d) float32: scales, then offsets.

        Raises:
            InterpganError: if the space or the layer is another.
        """
        count = self.spaces["w+"].shape[0]
        if space not in ("w", "w+") or layer not in range(count):
            raise InterpganError(
                f"there is no style weight from {space} into layer {layer}; spaces are w or w+, layers are 0 to "
                f"{count - 1}"
            )
        block = self.module.each[layer // 2]
        half = block.second if layer % 2 else block.first
        return half.style.weight.float()


class ALAEWithEncoder(ALAE):
    """An ALAE whose file has the encoder: pictures to codes of w.

    Args:
        network: in eval mode, on the CPU.
        encoder: likewise.
        noise: as of `ALAE`.
        mean: likewise.
        discriminator: what follows the encoder, with it; None where the file has none.
    """

    def __init__(
        self,
        network: Network,
        encoder: Encoder,
        noise: Noise = "const",
        mean: Tensor | None = None,
        discriminator: Discriminator | None = None,
    ) -> None:
        super().__init__(network, noise, mean)
        self.encoder, self.discriminator = encoder, discriminator

    def to(self, device: Any) -> Self:
        """Move everything, the encoder too; returns itself."""
        self.encoder.to(device)
        return super().to(device)

    def encode(self, images: Tensor) -> LatentBatch:
        """Codes whose pictures are like these.

        Args:
            images: (n, 3, h, w) in [-1, 1]; of another size than the generator's they are resized.

        Returns:
            A batch of n samples in w, without seeds.
        """
        side = self.module.side
        if tuple(images.shape[2:]) != (side, side):
            images = functional.interpolate(
                images, size=(side, side), mode="bilinear", align_corners=False, antialias=True
            )
        return LatentBatch(self.encoder(images), self.spaces["w"])
