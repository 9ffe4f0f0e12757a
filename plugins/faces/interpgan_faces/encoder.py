"""The operator `faces.encoder`: photographs of faces to codes, at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from interpgan_core import Generator, LatentBatch, LatentSpace, Operator, read_safetensors
from interpgan_core.plugin import build
from interpgan_faces import space
from interpgan_faces.space import mean_of_w, shipped

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_faces.encoder_network import FaceEncoderNet

FILE = "encoder.safetensors"


@dataclass(frozen=True, eq=False)
class FaceEncoder:
    """Maps aligned faces to codes of W.

    Args:
        net: trained.
        space: w of the generator.
        mean: (512,) of W; the net gives deviations from it.
    """

    net: FaceEncoderNet
    space: LatentSpace
    mean: Tensor

    def encode(self, images: Tensor) -> LatentBatch:
        """Codes of faces.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1], aligned as by `inversion.align`.

        Returns:
            n codes of W, without seeds.
        """
        from torch.nn import functional

        from interpgan_faces.encoder_network import SIDE

        small = functional.adaptive_avg_pool2d(images.to(self.mean.device), SIDE)
        return LatentBatch(self.mean + self.net(small), self.space)

    def check(self, generator: Generator) -> None:
        """Raises: InterpganError: if W of the generator is not that of StyleGAN2-FFHQ."""
        mean_of_w(generator, "faces.encoder")


class LoadEncoder(Operator):
    """The encoder that comes with this plugin, for `inversion.encode`: W of StyleGAN 2, trained on FFHQ.

    Source: EfficientNet-Lite0 (Tan & Le, ICML 2019), tuned on samples of mobilestylegan.ffhq.
    """

    keep: ClassVar[bool] = False

    def sources(self) -> Iterable[Path]:
        return shipped(FILE), shipped(space.FILE)

    def run(self, generator: Generator) -> FaceEncoder:
        """Load it.

        Raises:
            InterpganError: if the generator is no StyleGAN 2 of FFHQ.
        """
        from interpgan_faces.encoder_network import FaceEncoderNet

        mean = mean_of_w(generator, "faces.encoder")
        tensors, _ = read_safetensors(shipped(FILE), "face encoder")
        weights = {
            name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()
        }
        net = build(FaceEncoderNet, weights, shipped(FILE)).to(generator.device)
        return FaceEncoder(net, generator.spaces["w"], mean)
