"""StyleGAN 1 as a generator, and the backbone that knows its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import torch
from torch import Tensor

from interpgan_core.errors import InterpganError
from interpgan_core.generator import Generator, fingerprint
from interpgan_core.latents import LatentBatch, LatentSpace, seeded_normal
from interpgan_core.models import Checkpoint, Description, Noise, Precision, check_option
from interpgan_core.networks import build
from interpgan_stylegan.v1.discriminator import Discriminator
from interpgan_stylegan.v1.layouts import Fused, Parts, knows, layers_of, plain_kernels, read
from interpgan_stylegan.v1.network import Mapping, Network, Synthesis

FAMILY = "StyleGAN 1"
MEAN_CODES = 10_000  # of which the mean of w is taken where the file has none


class StyleGAN1(Generator):
    """StyleGAN 1: z -> w -> w+ (a code a layer) -> s (scales and shifts of each layer), to pictures.

    Layers have genforce's numbers: 0 and 1 at 4 pixels, two more for each doubling. Codes of w+ drive all of
    them; `layers` names those that run, up to the size that `lod` leaves.

    Args:
        network: in eval mode, on the CPU, in float32.
        noise: const: the network's own maps; none; random: drawn from each sample's seed.

    Attributes:
        discriminator: only where the checkpoint has one.

    Source:
        Karras et al., A Style-Based Generator Architecture for GANs, CVPR 2019. StyleSpace: Wu et al.,
        CVPR 2021, here with the two numbers that AdaIN takes for each channel.
    """

    module: Network
    discriminator: Discriminator

    def __init__(self, network: Network, noise: Noise = "const") -> None:
        self.module, self.noise, self.classes = network, noise, network.mapping.classes
        self.fingerprint = fingerprint(network, FAMILY)
        self.layers = tuple(f"synthesis.layer{k}" for k in range(2 * network.synthesis.blocks))
        rows = torch.arange(len(network.synthesis.layers))
        widths = torch.tensor([len(layer.style.bias) for layer in network.synthesis.layers])
        mean = network.w_avg
        many = mean.expand(len(rows), -1)
        spaces = [
            LatentSpace("z", (network.mapping.inputs,)),
            LatentSpace("w", tuple(mean.shape), mean=mean),
            LatentSpace("w+", tuple(many.shape), rows[:, None], base="w", mean=many),
            LatentSpace(
                "s",
                (int(widths.sum()),),
                rows.repeat_interleave(widths),
                mean=network.synthesis.styles(many[None])[0],
            ),
        ]
        self.spaces = {space.name: space for space in spaces}

    def prior(self, seeds: Sequence[int]) -> Tensor:
        return seeded_normal(seeds, self.spaces["z"].shape).to(self.device)

    def map(self, codes: Tensor, source: str, target: str, labels: Tensor | None) -> Tensor:
        """z -> w -> w+ -> s, as far as asked.

        Raises:
            InterpganError: if the generator has classes, and codes of z come without labels.
        """
        if source == "z":
            if self.classes and labels is None:
                raise InterpganError(f"this generator has {self.classes} classes; give the batch labels")
            codes = self.module.mapping(codes, labels if self.classes else None)
        if source in ("z", "w") and target in ("w+", "s"):
            codes = codes[:, None].expand(-1, *self.spaces["w+"].shape)
        return self.module.synthesis.styles(codes) if target == "s" else codes

    def forward(self, batch: LatentBatch) -> Tensor:
        """Pictures.

        Raises:
            InterpganError: if noise is random and the batch has no seeds.
        """
        codes, space = batch.codes, batch.space.name
        styles = codes if space == "s" else self.map(codes, space, "s", batch.labels)
        pictures = self.module.synthesis(styles, self._noise(batch))
        return pictures.to(torch.promote_types(pictures.dtype, torch.float32))

    def style_weight(self, space: str, layer: int) -> Tensor:
        """What SeFa factorises: a layer's whole affine weight, scales above shifts.

        Args:
            space: "w" or "w+".
            layer: number of the layer.

        Returns:
            (2 c, d) float32, as stored.

        Raises:
            InterpganError: if the space or the layer has none.
        """
        layers = self.module.synthesis.layers
        if space not in ("w", "w+"):
            raise InterpganError(f"styles are made from codes of w or w+, not {space}; choose one of these")
        if layer not in range(len(layers)):
            raise InterpganError(f"there is no layer {layer}; layers are 0 to {len(layers) - 1}")
        return layers[layer].style.weight

    def _noise(self, batch: LatentBatch) -> list[Tensor] | None:
        own = [layer.apply_noise.noise for layer in self.module.synthesis.layers[: len(self.layers)]]
        if self.noise == "none":
            return None
        if self.noise == "const":
            return own
        if batch.seeds is None:
            raise InterpganError(
                "random noise is drawn from each sample's seed, and these codes have none (inverted codes "
                "never do); load the generator with noise: const or none"
            )
        seeds = batch.seeds.tolist()
        return [seeded_normal(seeds, map_.shape[1:], stream=k + 1).to(map_) for k, map_ in enumerate(own)]


class Backbone:
    """Checkpoints of StyleGAN 1: genforce's, and InterFaceGAN's."""

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is it one of these?"""
        return knows(checkpoint)

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is."""
        parts = read(checkpoint)
        return Description(
            family=FAMILY,
            layout=parts.layout,
            resolution=_size(parts),
            spaces={
                "z": (parts.z,),
                "w": tuple(parts.mapping[-1:]),
                "w+": (2 * len(parts.widths), *parts.mapping[-1:]),
                "s": (4 * sum(parts.widths),),
            },
            classes=parts.classes,
            parameters=sum(
                tensor.numel() for name, tensor in parts.generator.items() if not name.endswith(".noise")
            ),
            discriminator=bool(parts.discriminator),
        )

    def load(
        self,
        checkpoint: Checkpoint,
        *,
        device: str = "cpu",
        noise: Noise = "const",
        precision: Precision = "float32",
        resolution: int | None = None,
        lod: float | None = None,
        fused_scale: Fused = "auto",
    ) -> StyleGAN1:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` knows.
            device: "cpu", "cuda".
            noise: const: the file's own maps; none; random: drawn from each sample's seed.
            precision: of the convolutions; mapping, styles and pictures are float32 always.
            resolution: only the file's own.
            lod: how many doublings of the size to leave out, as in training: 1 shows the picture at half
                the size, enlarged; 1.4 blends 0.6 of that and 0.4 of lod 2. None = the file's own, 0 where
                training came to its end.
            fused_scale: which of genforce's upsampling layers learned transposed convolutions, which no
                shape shows: "auto" = from 128 pixels on, as all published ones; True = all; False = none.

        Returns:
            The generator, with its discriminator where the file has one.

        Raises:
            InterpganError: if a tensor is missing or has another shape than its neighbours ask for, or an
                option does not apply.
        """
        parts = read(checkpoint)
        check_option(FAMILY, "noise", noise, get_args(Noise))
        check_option(FAMILY, "precision", precision, get_args(Precision))
        check_option(FAMILY, "fused_scale", fused_scale, ("auto", True, False))
        if resolution not in (None, _size(parts)):
            raise InterpganError(
                f"{checkpoint.path} draws {_size(parts)} pixels only; the smaller pictures of its training: lod"
            )
        lod = parts.lod if lod is None else float(lod)
        if not 0 <= lod < len(parts.widths):
            raise InterpganError(
                f"{checkpoint.path} has lod 0 to {len(parts.widths) - 1}, not {lod:g}; 0 shows every layer"
            )
        w = parts.mapping[-1] if parts.mapping else 0
        tensors = plain_kernels(parts, fused_scale)
        tensors["w_avg"] = torch.zeros(w) if parts.w_avg is None else parts.w_avg
        network = build(
            lambda: Network(
                Mapping(parts.z, parts.mapping, parts.classes), Synthesis(parts.widths, w, lod), w
            ),
            tensors,
            checkpoint.path,
        )
        if parts.w_avg is None:
            network.w_avg.copy_(_mean(network))
        generator = StyleGAN1(network, noise)
        network.synthesis.to(memory_format=torch.channels_last)
        if parts.discriminator:
            generator.discriminator = _discriminator(parts)
        network.synthesis.cast(getattr(torch, precision))
        return generator.to(device)


def _size(parts: Parts) -> int:
    return 2 ** (len(parts.widths) + 1)


def _mean(network: Network) -> Tensor:
    """The mean of w over the first seeds, each with the class that `Generator.sample` draws for it."""
    generator = StyleGAN1(network)
    return generator.to_space(generator.sample(range(MEAN_CODES)), "w").codes.mean(0)


def _discriminator(parts: Parts) -> Discriminator:
    tensors = parts.discriminator
    count = layers_of(tensors, "input")
    widths = [parts.shape(f"input{j}.bias", tensors)[0] for j in range(count)]
    hidden = parts.shape(f"layer{2 * count - 1}.bias", tensors)[0]
    return build(lambda: Discriminator(widths, hidden, parts.classes), tensors, parts.path)


backbone = Backbone()
