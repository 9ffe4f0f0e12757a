"""A network of TensorFlow Lite in torch: the few operations that nets of faces are made of."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import InterpganError
from interpgan_faces.tflite_file import SAME, Graph, Operation

# What each operation takes that is no constant, and how many constants follow.
TAKEN = {
    "add": (2, 0),
    "convolution": (1, 2),
    "depthwise": (1, 2),
    "max_pool": (1, 0),
    "pad": (1, 1),
    "prelu": (1, 1),
}


class TfliteNet:
    """The net: pictures in, what it gives out.

    Args:
        graph: as `read_graph` gives it; one tensor goes in.
        device: "cpu", "cuda".

    Raises:
        InterpganError: if its parameters do not fit its operations.
    """

    def __init__(self, graph: Graph, device: str = "cpu") -> None:
        self.graph, self.device = graph, device
        if len(graph.taken) != 1 or len(graph.shapes[graph.taken[0]]) != 4:
            raise InterpganError("this net does not take one picture")
        self.side = graph.shapes[graph.taken[0]][1]
        self.constants: dict[int, Tensor] = {}
        known = set(graph.taken)
        for operation in graph.operations:
            self._prepare(operation, known)
            known.update(operation.given)
        if not known.issuperset(graph.given):
            raise InterpganError("this net does not make what comes out")

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> list[Tensor]:
        """Args: pictures: (n, 3, side, side) float32. Returns: (n, c, h, w) each, in the order of the file."""
        found = {self.graph.taken[0]: pictures.to(self.device)}
        for operation in self.graph.operations:
            found[operation.given[0]] = self._done(operation, found)
        return [found[number] for number in self.graph.given]

    def _prepare(self, operation: Operation, known: set[int]) -> None:
        """Check an operation; its parameters in torch's order: channels before rows and columns."""
        made, constant = TAKEN[operation.kind]
        here, numbers = operation.taken[:made], operation.taken[made:]
        values = [self.graph.constants.get(number) for number in numbers]
        if (len(here), len(numbers), len(operation.given)) != (made, constant, 1) or not known.issuperset(
            here
        ):
            raise self._misfit(operation)
        options = operation.options
        if min((options.get(name, 1) for name in ("across", "down", "width", "height")), default=1) < 1:
            raise self._misfit(operation)
        for i, (number, value) in enumerate(zip(numbers, values, strict=True)):
            if value is None:
                raise self._misfit(operation)
            self.constants[number] = self._ordered(operation, i, value).to(self.device)

    def _ordered(self, operation: Operation, i: int, value: Tensor) -> Tensor:
        kind, floats = operation.kind, value.is_floating_point()
        if kind == "convolution" and i == 0 and value.ndim == 4 and floats:
            return value.permute(0, 3, 1, 2).contiguous()
        if kind == "depthwise" and i == 0 and value.ndim == 4 and value.shape[0] == 1 and floats:
            return value.permute(3, 0, 1, 2).contiguous()
        if kind in ("convolution", "depthwise") and i == 1 and value.ndim == 1 and floats:
            return value
        if kind == "prelu" and value.numel() == value.shape[-1] and floats:
            return value.flatten()
        if (
            kind == "pad"
            and value.shape == (4, 2)
            and not floats
            and int(value.min()) >= 0
            and not value[0].any()
        ):
            return value[
                [3, 2, 1]
            ].flatten()  # as torch takes it: columns, rows and channels come last to first
        raise self._misfit(operation)

    def _done(self, operation: Operation, found: dict[int, Tensor]) -> Tensor:
        x, options, kind = found[operation.taken[0]], operation.options, operation.kind
        constants = [self.constants[number] for number in operation.taken if number in self.constants]
        if kind == "add":
            return x + found[operation.taken[1]]
        if kind == "prelu":
            return functional.prelu(x, constants[0])
        if kind == "pad":
            left, right, top, bottom, before, behind = constants[0][[2, 3, 4, 5, 0, 1]].tolist()
            return functional.pad(x, (left, right, top, bottom, before, behind))
        stride = (options["down"], options["across"])
        if kind == "max_pool":
            size = (options["height"], options["width"])
            filled = _filled(x, size, stride, options["padding"], -torch.inf)
            return functional.max_pool2d(filled, size, stride)
        weight, bias = constants
        size = (weight.shape[2], weight.shape[3])
        if options["dilation"] != 1 or options.get("times", 1) not in (0, 1):
            raise self._misfit(operation)
        groups = len(weight) if kind == "depthwise" else 1
        filled = _filled(x, size, stride, options["padding"], 0.0)
        return functional.conv2d(filled, weight, bias, stride, groups=groups)

    def _misfit(self, operation: Operation) -> InterpganError:
        return InterpganError(f"this net cannot be read: the parameters of a {operation.kind} do not fit it")


def _filled(x: Tensor, size: tuple[int, int], stride: tuple[int, int], padding: int, value: float) -> Tensor:
    """The borders as TensorFlow fills them where the size is kept: the larger half behind."""
    if padding != SAME:
        return x
    sides = []
    for length, kernel, step in zip(x.shape[:1:-1], size[::-1], stride[::-1], strict=True):
        more = max((-(-length // step) - 1) * step + kernel - length, 0)
        sides += [more // 2, more - more // 2]
    return functional.pad(x, sides, value=value)
