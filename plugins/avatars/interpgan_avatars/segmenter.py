"""The segmenter of avatars, which comes with the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from interpgan_avatars.models import weights
from interpgan_core import Report, Table, read_safetensors, write_safetensors
from interpgan_core.plugin import build

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_avatars.networks import SegmenterNet


class AvatarSegmenter:
    """Which part each pixel shows.

    Args:
        net: trained.
        figures: held-out intersection over union by part.

    Attributes:
        parts: the names of the parts.
    """

    parts: Sequence[str]

    def __init__(self, net: SegmenterNet, figures: Mapping[str, float] = MappingProxyType({})) -> None:
        from interpgan_avatars.drawing import PARTS

        self.net, self.figures, self.parts = net, figures, PARTS

    def __call__(self, images: Tensor) -> Tensor:
        """Segment.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].

        Returns:
            (n, 64, 64) int64, positions in `parts`.
        """
        parts: Tensor = self.net(images).argmax(1)
        return parts

    def probabilities(self, images: Tensor) -> Tensor:
        """How sure it is: (n, parts, 64, 64) float32 that sum to 1 over the parts; gradients flow.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].
        """
        shares: Tensor = self.net(images).softmax(1)
        return shares

    def save(self, folder: Path) -> None:
        """Write `segmenter.safetensors`."""
        header = {"figures": dict(self.figures)}
        write_safetensors(folder / "segmenter.safetensors", self.net.state_dict(), "avatar segmenter", header)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote; `folder` may be the file itself."""
        from interpgan_avatars.networks import SegmenterNet

        path = folder / "segmenter.safetensors" if folder.is_dir() else folder
        tensors, header = read_safetensors(path, "avatar segmenter")
        return cls(build(SegmenterNet, tensors, path), header["figures"])

    @classmethod
    def shipped(cls, device: str = "cpu") -> Self:
        """The one that comes with the package."""
        segmenter = cls.load(weights("segmenter"))
        segmenter.net.to(device)
        return segmenter

    def summary(self) -> Report:
        """Held-out figures."""
        mean = sum(self.figures.values()) / max(len(self.figures), 1)
        rows = (*self.figures.items(), ("mean", mean))
        table = Table("On pictures that it had not seen", ("part", "intersection over union"), rows)
        return Report(tables=(table,))
