"""The network of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn


class EncoderNet(nn.Module):
    """Maps images to deviations from the mean code, and to logits of the classes where there are any.

    Args:
        side: of the pictures, in pixels.
        width: channels of the first layer.
        code: shape of a code.
        classes: 0 = none.
    """

    def __init__(self, side: int, width: int, code: Sequence[int], classes: int) -> None:
        super().__init__()
        self.shape = {"side": side, "width": width, "code": list(code), "classes": classes}
        self.code_shape = tuple(code)
        layers = max(1, (side // 4).bit_length() - 1)
        widths = [3, *(width * 2 ** min(i, 3) for i in range(layers))]
        self.body = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 4, 2, 1), nn.GroupNorm(8, b), nn.LeakyReLU(0.2))
                for a, b in pairwise(widths)
            ),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(16 * widths[-1], widths[-1]),  # few numbers, for codes of many layers have many
            nn.LeakyReLU(0.2),
        )
        self.code = nn.Linear(widths[-1], prod(code))
        self.classes = nn.Linear(widths[-1], classes) if classes else None

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features.

        Args:
            images: (n, 3, side, side) in [-1, 1].

        Returns:
            (n, *code), and (n, classes) or None.
        """
        seen = self.body(images)
        apart = self.code(seen).view(-1, *self.code_shape)
        return apart, None if self.classes is None else self.classes(seen)
