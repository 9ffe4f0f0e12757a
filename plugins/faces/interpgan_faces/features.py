"""What `faces.encoder` sees of a face: maps of two nets that were trained for something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional

from interpgan_faces.chips import prepared
from interpgan_faces.efficientnet import EfficientNetLite0
from interpgan_faces.identity import Identity, LoadIdentity, aligned

if TYPE_CHECKING:
    from torch import Tensor

SIDE = 256  # pixels of the pictures
POOLED = (
    16,
    8,
    8,
    4,
)  # sides to which EfficientNet's maps are averaged; the first, of 16 channels, is left out
BLOCKS = {2: 8, 6: 8, 9: 8, 12: 4}  # of dlib's net: sides to which their maps are averaged at most


class FaceFeatures:
    """Maps of EfficientNet-Lite0 and of dlib's face ResNet, as one row a picture.

    Args:
        body: trained on ImageNet.
        identity: trained to tell persons apart.
    """

    def __init__(self, body: EfficientNetLite0, identity: Identity) -> None:
        self.body, self.identity = body, identity

    @classmethod
    def load(cls, device: str = "cpu") -> FaceFeatures:
        """The published nets, from the cache or fetched into it."""
        return cls(EfficientNetLite0.load(device), LoadIdentity().run(device))

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Features.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1], aligned as those of FFHQ, on the nets' device.

        Returns:
            (n, k) float32 of each map.
        """
        small = functional.adaptive_avg_pool2d(images, SIDE)
        maps = [_pooled(m, side) for m, side in zip(self.body(small)[1:], POOLED, strict=True)]
        chips = self.identity.cut(small, aligned(small.shape[2:]))
        blocks = enumerate(self.identity.net.maps(prepared(chips)))
        return maps + [_pooled(m, BLOCKS[i]) for i, m in blocks if i in BLOCKS]


def _pooled(maps: Tensor, side: int) -> Tensor:
    return functional.adaptive_avg_pool2d(maps, min(side, maps.shape[2])).flatten(1)
