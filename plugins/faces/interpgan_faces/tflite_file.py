"""Networks in TensorFlow Lite's files: bytes to operations with their parameters, and nothing else.

Source:
    FlatBuffers' internals, and the schema of TensorFlow Lite, version 3. A table begins with the way back to a list of
    places, which says where each of its fields stands, or that it has its default.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import InterpganError

if TYPE_CHECKING:
    from torch import Tensor

MARK = b"TFL3"  # of the file, at byte 4
MOST = 100_000  # entries of a list that is no data: more are damage
NO_BUFFER = 0  # of tensors that operations make
FLOAT, WHOLE = 0, 2  # kinds of tensors: float32, int32

KINDS = {0: "add", 3: "convolution", 4: "depthwise", 17: "max_pool", 34: "pad", 54: "prelu"}
# Field of an operation's options -> its place in their table; all of what is left out has the value that a table's
# missing field has.
OPTIONS = {
    "add": {"activation": 0},
    "convolution": {"padding": 0, "across": 1, "down": 2, "activation": 3, "dilation": 4},
    "depthwise": {"padding": 0, "across": 1, "down": 2, "times": 3, "activation": 4, "dilation": 5},
    "max_pool": {"padding": 0, "across": 1, "down": 2, "width": 3, "height": 4, "activation": 5},
    "pad": {},
    "prelu": {},
}
BYTES = ("padding", "activation")  # the others are integers of four bytes
DEFAULTS = {"dilation": 1}
SAME = 0  # the padding that keeps the size; 1 is none


@dataclass(frozen=True)
class Operation:
    """One step of a network.

    Args:
        kind: "add", "convolution", "depthwise", "max_pool", "pad" or "prelu".
        taken, given: numbers of tensors.
        options: by their names in `OPTIONS`.
    """

    kind: str
    taken: tuple[int, ...]
    given: tuple[int, ...]
    options: dict[str, int]


@dataclass(frozen=True, eq=False)
class Graph:
    """A network.

    Args:
        operations: the first first.
        constants: number of a tensor -> its values, float32 or int64, with the shape that the file says.
        taken, given: numbers of the tensors that go in and come out.
        shapes: of all tensors.
    """

    operations: list[Operation]
    constants: dict[int, Tensor]
    taken: tuple[int, ...]
    given: tuple[int, ...]
    shapes: list[tuple[int, ...]]


def read_graph(data: bytes) -> Graph:
    """The network of a file.

    Args:
        data: the file.

    Returns:
        Its only subgraph.

    Raises:
        InterpganError: if the bytes are no such file, or it holds operations or numbers of other kinds.
    """
    if data[4:8] != MARK:
        raise _failed("they do not begin as such a file does")
    try:
        return _graph(_Table(data, _whole(data, 0, "<I")))
    except struct.error as error:
        raise _failed("a place lies outside of them") from error


def _graph(model: _Table) -> Graph:
    kinds = [_kind(code) for code in model.tables(1)]
    graphs = model.tables(2)
    if len(graphs) != 1:
        raise _failed(f"they hold {len(graphs)} networks, and not one")
    (graph,) = graphs
    buffers = model.tables(4)
    constants, shapes = {}, []
    for number, tensor in enumerate(graph.tables(0)):
        shapes.append(tensor.wholes(0))
        buffer = tensor.whole(2, "<I")
        if not 0 <= buffer < len(buffers):
            raise _failed(f"tensor {number} has no buffer")
        content = b"" if buffer == NO_BUFFER else buffers[buffer].content(0)
        if content:
            constants[number] = _values(content, tensor.whole(1, "<b"), shapes[-1], number)
    operations = [_operation(table, kinds, len(shapes)) for table in graph.tables(3)]
    taken, given = graph.wholes(1), graph.wholes(2)
    if not all(0 <= number < len(shapes) for number in taken + given):
        raise _failed("what goes in or comes out is no tensor")
    return Graph(operations, constants, taken, given, shapes)


def _kind(code: _Table) -> str:
    """The name of an operation's code, which stands in one of two fields."""
    number = max(code.whole(0, "<b"), code.whole(3, "<i"))
    if number not in KINDS:
        raise _failed(f"operation {number} is none of those that are known: {', '.join(KINDS.values())}")
    return KINDS[number]


def _operation(table: _Table, kinds: list[str], tensors: int) -> Operation:
    number = table.whole(0, "<I")
    taken, given = table.wholes(1), table.wholes(2)
    if number >= len(kinds) or not all(0 <= tensor < tensors for tensor in taken + given):
        raise _failed("an operation names what is not there")
    kind, options = kinds[number], table.table(4)
    found = {
        name: DEFAULTS.get(name, 0)
        if options is None
        else options.whole(place, "<b" if name in BYTES else "<i", DEFAULTS.get(name, 0))
        for name, place in OPTIONS[kind].items()
    }
    if found.get("activation", 0):
        raise _failed(f"a {kind} has an activation of its own, which is not known")
    return Operation(kind, taken, given, found)


def _values(content: bytes, kind: int, shape: tuple[int, ...], number: int) -> Tensor:
    import torch

    if kind not in (FLOAT, WHOLE):
        raise _failed(f"the values of tensor {number} are neither float32 nor int32")
    if min(shape, default=1) < 1 or len(content) != 4 * math.prod(shape):
        raise _failed(f"the values of tensor {number} do not fill its shape")
    values = torch.frombuffer(bytearray(content), dtype=torch.float32 if kind == FLOAT else torch.int32)
    return (values if kind == FLOAT else values.long()).reshape(shape)


def _failed(what: str) -> InterpganError:
    return InterpganError(f"these bytes are no network of TensorFlow Lite that can be read: {what}")


def _whole(data: bytes, at: int, form: str) -> int:
    if at < 0:
        raise _failed("a place lies outside of them")
    (found,) = struct.unpack_from(form, data, at)
    return int(found)


class _Table:
    """A table, whose fields are numbered from 0."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self.places = at - _whole(data, at, "<i")
        self.fields = (_whole(data, self.places, "<H") - 4) // 2

    def place(self, field: int) -> int | None:
        """Where a field stands; None if it has its default."""
        if field >= self.fields:
            return None
        offset = _whole(self.data, self.places + 4 + 2 * field, "<H")
        return self.at + offset if offset else None

    def whole(self, field: int, form: str, default: int = 0) -> int:
        at = self.place(field)
        return default if at is None else _whole(self.data, at, form)

    def _followed(self, field: int) -> int | None:
        """Where a field leads."""
        at = self.place(field)
        return None if at is None else at + _whole(self.data, at, "<I")

    def table(self, field: int) -> _Table | None:
        at = self._followed(field)
        return None if at is None else _Table(self.data, at)

    def _list(self, field: int) -> tuple[int, int]:
        """Where the entries of a list begin, and how many there are."""
        at = self._followed(field)
        if at is None:
            return 0, 0
        count = _whole(self.data, at, "<I")
        if count > len(self.data) - at - 4:
            raise _failed("a list is longer than they are")
        return at + 4, count

    def tables(self, field: int) -> list[_Table]:
        at, count = self._list(field)
        if count > MOST:
            raise _failed(f"a list has {count} entries")
        places = [at + 4 * i for i in range(count)]
        return [_Table(self.data, place + _whole(self.data, place, "<I")) for place in places]

    def wholes(self, field: int) -> tuple[int, ...]:
        at, count = self._list(field)
        if count > MOST:
            raise _failed(f"a list has {count} entries")
        return tuple(struct.unpack_from(f"<{count}i", self.data, at))

    def content(self, field: int) -> bytes:
        at, count = self._list(field)
        return self.data[at : at + count]
