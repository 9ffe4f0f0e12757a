"""Networks in dlib's own files: bytes to layers with their parameters, and nothing else.

Source:
    dlib's serialize.h, dnn/core.h and dnn/layers.h. A file holds the versions of all layers, from the last to the
    first, and then the layers from the first to the last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import InterpganError

if TYPE_CHECKING:
    from torch import Tensor

LONGEST = 64  # letters of a name
INNERMOST = 3  # the version of the first layer, and of no other


@dataclass(frozen=True)
class _Kind:
    """What a kind of layer is written as: sizes, parameters, more sizes, integers and numbers that say nothing new."""

    before: int = 0
    parameters: bool = False
    after: int = 0
    integers: int = 0
    numbers: int = 0


KINDS = {
    "con_4": _Kind(parameters=True, after=7, integers=10, numbers=4),
    "affine_": _Kind(parameters=True, integers=11),
    "fc_2": _Kind(before=2, parameters=True, integers=11, numbers=4),
    "max_pool_2": _Kind(after=6),
    "avg_pool_2": _Kind(after=6),
    "relu_": _Kind(),
    "add_prev_": _Kind(),
}


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer that has parameters.

    Args:
        kind: dlib's name: "con_4", "affine_", "fc_2".
        sizes: of con_4: filters, rows, columns, steps down and across, padding down and across; of fc_2: outputs,
            inputs.
        values: (k,) float32; the parameters.
    """

    kind: str
    sizes: tuple[int, ...]
    values: Tensor


def read_layers(data: bytes) -> list[Layer]:
    """The layers of a network that was trained with `loss_metric` on pictures.

    Args:
        data: the file.

    Returns:
        The layers that have parameters, the first first.

    Raises:
        InterpganError: if the bytes are no such network; the message says where.
    """
    reader = _Reader(data)
    reader.whole()
    reader.expect("loss_metric_2")
    reader.skip_numbers(2)
    while reader.whole() != INNERMOST:
        pass
    reader.expect("input_rgb_image_sized")
    reader.skip_numbers(3)
    reader.wholes(2)
    layers = [reader.layer()]
    reader.whole()  # how many pictures of the net one picture makes; with the first layer alone
    while reader.at < len(data):
        layers.append(reader.layer())
    return [layer for layer in layers if len(layer.values)]


class _Reader:
    """Reads one thing after another, and never beyond the end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def failed(self, what: str) -> InterpganError:
        return InterpganError(f"these bytes are no network of dlib's: {what} before byte {self.at}")

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise self.failed(f"{count} more bytes were expected than there are")
        self.at += count
        return self.data[self.at - count : self.at]

    def whole(self) -> int:
        """An integer: a byte of length and sign, and as many bytes, the lowest first."""
        head = self.take(1)[0]
        length = head & 0x7F
        if not 1 <= length <= 8:
            raise self.failed("an integer was expected")
        size = int.from_bytes(self.take(length), "little")
        return -size if head & 0x80 else size

    def wholes(self, count: int) -> tuple[int, ...]:
        return tuple(self.whole() for _ in range(count))

    def number(self) -> float:
        """A number: its mantissa, and an exponent of 2."""
        mantissa, exponent = self.wholes(2)
        if abs(exponent) > 200:
            raise self.failed("a number was expected")
        return math.ldexp(mantissa, exponent)

    def skip_numbers(self, count: int) -> None:
        for _ in range(count):
            self.number()

    def text(self) -> str:
        length = self.whole()
        if not 0 < length <= LONGEST:
            raise self.failed("a name was expected")
        return self.take(length).decode("ascii", "replace")

    def expect(self, name: str) -> None:
        found = self.text()
        if found != name:
            raise self.failed(f"{name} was expected, and not {found},")

    def tensor(self) -> Tensor:
        """(k,) float32, without its shape."""
        import torch

        version, *shape = self.wholes(5)
        if version != 2 or min(shape) < 0:
            raise self.failed("a tensor was expected")
        taken = self.take(4 * math.prod(shape))
        return torch.frombuffer(bytearray(taken), dtype=torch.float32) if taken else torch.zeros(0)

    def layer(self) -> Layer:
        """A layer, and what its training left: three flags and three tensors that are empty."""
        import torch

        name = self.text()
        kind = KINDS.get(name)
        if kind is None:
            raise self.failed(f"the unknown layer {name} stands")
        sizes = self.wholes(kind.before)
        values = self.tensor() if kind.parameters else torch.zeros(0)
        sizes += self.wholes(kind.after)
        self.wholes(kind.integers)
        self.skip_numbers(kind.numbers)
        self.take(3)
        for _ in range(3):
            self.tensor()
        return Layer(name, sizes, values)
