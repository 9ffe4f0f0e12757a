"""dlib's residual net of faces: an upright chip in, 128 numbers out that are near for pictures of one person.

Source:
    King, dlib_face_recognition_resnet_model_v1 and the example dnn_face_recognition_ex; residual blocks of
    He et al., Deep Residual Learning for Image Recognition, CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import InterpganError
from interpgan_faces.dlib_file import Layer

SIDE = 150  # pixels of a chip


class FaceResNet(nn.Module):
    """The net; its layers say what it is made of.

    Args:
        layers: of its file: convolutions, each with its scale and offset, and a matrix at last.

    Raises:
        InterpganError: if they are others.
    """

    matrix: Tensor

    def __init__(self, layers: list[Layer]) -> None:
        super().__init__()
        kinds = [layer.kind for layer in layers]
        if len(kinds) % 4 != 3 or kinds != ["con_4", "affine_"] * (len(kinds) // 2) + ["fc_2"]:
            raise InterpganError(f"this is no residual net of faces; its layers are {', '.join(kinds)}")
        found = [_convolution(*pair) for pair in zip(layers[0:-1:2], layers[1:-1:2], strict=True)]
        self.first = found[0]
        self.before = nn.ModuleList(found[1::2])  # of the two of a block
        self.after = nn.ModuleList(found[2::2])
        outputs, inputs = layers[-1].sizes
        self.register_buffer("matrix", layers[-1].values.reshape(inputs, outputs))
        self.requires_grad_(False)

    def maps(self, chips: Tensor) -> Iterator[Tensor]:
        """The maps after each block.

        Args:
            chips: (n, 3, 150, 150) float32, as `prepared` makes them.

        Returns:
            (n, c, h, w) each: 32 channels of 35 pixels a side first, 256 of 2 last.
        """
        x = functional.max_pool2d(self.first(chips).relu(), 3, 2)
        for first, second in zip(self.before, self.after, strict=True):
            y = second(first(x).relu())
            if first.stride != (1, 1):
                x = functional.avg_pool2d(x, 2)
            x = _sum(x, y).relu()
            yield x

    def forward(self, chips: Tensor) -> Tensor:
        """Args: chips: as of `maps`. Returns: (n, 128) float32."""
        *_, last = self.maps(chips)
        return last.mean((2, 3)) @ self.matrix


def _convolution(layer: Layer, affine: Layer) -> nn.Conv2d:
    """A convolution with the scale and offset that follow it."""
    filters, rows, columns, *rest = layer.sizes
    stride, padding = (rest[0], rest[1]), (rest[2], rest[3])
    if min(filters, rows, columns, *stride) < 1 or min(padding) < 0:
        raise InterpganError(f"this is no residual net of faces; a layer has the sizes {layer.sizes}")
    inputs, left = divmod(len(layer.values) - filters, filters * rows * columns)
    if left or inputs < 1 or len(affine.values) != 2 * filters:
        raise InterpganError(f"this is no residual net of faces; a layer of {filters} filters is incomplete")
    found = nn.Conv2d(inputs, filters, (rows, columns), stride, padding)
    scale, offset = affine.values.split(filters)
    weight = layer.values[:-filters].reshape(found.weight.shape)
    with torch.no_grad():
        found.weight.copy_(weight * scale[:, None, None, None])
        assert found.bias is not None
        found.bias.copy_(layer.values[-filters:] * scale + offset)
    return found


def _sum(x: Tensor, y: Tensor) -> Tensor:
    """The sum, where channels, rows and columns that one does not have are 0, as dlib adds."""
    larger = [max(sizes) for sizes in zip(x.shape[1:], y.shape[1:], strict=True)]
    return _filled(x, larger) + _filled(y, larger)


def _filled(x: Tensor, sizes: list[int]) -> Tensor:
    missing = [more - size for more, size in zip(sizes, x.shape[1:], strict=True)]
    return functional.pad(x, [n for more in reversed(missing) for n in (0, more)])
