"""Reading OpenVINO IR, version 10: the constants of a network and how its layers are wired. Nothing is run."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

import numpy as np

from interpgan_core import InterpganError

MAX_XML = 8 * 2**20  # bytes; the largest file read here has 0.4 MB
MAX_DEPTH = 16
MAX_DIMENSIONS = 8

_LAYER = ("net", "layers", "layer")
_DATA = (*_LAYER, "data")
_EDGE = ("net", "edges", "edge")
_TYPES = {"f32": "<f4", "i32": "<i4", "i64": "<i8"}


@dataclass(eq=False)
class Layer:
    """One node of the network; `inputs` is port -> the node that feeds it."""

    id: str
    name: str
    type: str
    data: dict[str, str] = field(default_factory=dict)
    inputs: dict[int, Layer] = field(default_factory=dict)
    consumers: list[Layer] = field(default_factory=list)


class Graph:
    """A network read from its two files.

    Args:
        xml: the topology.
        blob: the bytes of the constants.
        name: what to call the files in messages.

    Raises:
        InterpganError: if the topology is not well-formed IR of version 10; a document type, and with it
            every entity, is refused.
    """

    def __init__(self, xml: bytes, blob: bytes, name: str) -> None:
        self.name, self._blob = name, blob
        self.layers: dict[str, Layer] = {}
        self.by_name: dict[str, list[Layer]] = defaultdict(list)
        self._path: list[str] = []
        if len(xml) > MAX_XML:
            self.fail(f"the topology has {len(xml)} bytes, more than {MAX_XML}")
        parser = expat.ParserCreate("utf-8")
        parser.StartDoctypeDeclHandler = lambda *_: self.fail("it declares a document type")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = lambda _: self._path.pop()
        try:
            parser.Parse(xml, True)
        except expat.ExpatError as error:
            self.fail(f"the topology is not XML: {error}")
        for layer in self.layers.values():
            self.by_name[layer.name].append(layer)

    def fail(self, what: str) -> NoReturn:
        """Raises: InterpganError: always."""
        raise InterpganError(f"{self.name} is not a network that can be read: {what}; fetch the file again")

    def of_type(self, kind: str) -> list[Layer]:
        """All nodes of a type, in file order."""
        return [layer for layer in self.layers.values() if layer.type == kind]

    def named(self, name: str) -> Layer:
        """The one node of that name."""
        found = self.by_name.get(name, [])
        if len(found) != 1:
            self.fail(f"it has {len(found)} layers named '{name}'")
        return found[0]

    def input(self, layer: Layer, port: int, kind: str) -> Layer:
        """What feeds a port, which must be a node of that type."""
        source = layer.inputs.get(port)
        if source is None or source.type != kind:
            self.fail(
                f"port {port} of layer '{layer.name}' takes {source.type if source else 'nothing'}, not {kind}"
            )
        return source

    def consumer(self, layer: Layer, kind: str) -> Layer:
        """The one node that a node feeds, which must be of that type."""
        if [c.type for c in layer.consumers] != [kind]:
            self.fail(f"layer '{layer.name}' does not feed one {kind} alone")
        return layer.consumers[0]

    def constant(self, layer: Layer) -> np.ndarray:
        """The numbers of a Const node: a copy, in the shape that the file states."""
        if layer.type != "Const":
            self.fail(f"layer '{layer.name}' is {layer.type}, not Const")
        kind = layer.data.get("element_type", "")
        if kind not in _TYPES:
            self.fail(f"constant '{layer.name}' has elements of type '{kind}'; known: {', '.join(_TYPES)}")
        dtype = np.dtype(_TYPES[kind])
        shape = tuple(self._number(layer, d) for d in layer.data.get("shape", "").split(",") if d.strip())
        offset, size = (self._number(layer, layer.data.get(key, "")) for key in ("offset", "size"))
        if 0 in shape or len(shape) > MAX_DIMENSIONS:
            self.fail(f"constant '{layer.name}' has the shape {shape}")
        if size != math.prod(shape) * dtype.itemsize:
            self.fail(f"constant '{layer.name}' of shape {shape} has {size} bytes")
        if offset + size > len(self._blob):
            self.fail(f"constant '{layer.name}' ends at byte {offset + size}, the data at {len(self._blob)}")
        return np.frombuffer(self._blob, dtype, math.prod(shape), offset).reshape(shape).copy()

    def _number(self, layer: Layer, text: str) -> int:
        if not re.fullmatch(r"\s*\d{1,15}\s*", text, re.ASCII):
            self.fail(f"'{text[:20]}' in constant '{layer.name}' is no offset, size or dimension")
        return int(text)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        path = tuple(self._path)
        if len(path) > MAX_DEPTH:
            self.fail("its elements lie too deep")
        if path == ("net",) and attributes.get("version") != "10":
            self.fail(f"it is of version '{attributes.get('version')}', not 10")
        if path[0] != "net":
            self.fail(f"it starts with <{path[0]}>, not <net>")
        if path == _LAYER:
            key = attributes.get("id", "")
            if key in self.layers:
                self.fail(f"two layers have the id '{key}'")
            self._last = Layer(key, attributes.get("name", ""), attributes.get("type", ""))
            self.layers[key] = self._last
        elif path == _DATA:
            self._last.data |= attributes
        elif path == _EDGE:
            self._connect(attributes)

    def _connect(self, edge: dict[str, str]) -> None:
        source, target = (self.layers.get(edge.get(end, "")) for end in ("from-layer", "to-layer"))
        port = edge.get("to-port", "")
        if source is None or target is None or not re.fullmatch(r"\d{1,4}", port, re.ASCII):
            self.fail("an edge joins layers that do not exist")
        if int(port) in target.inputs:
            self.fail(f"two edges end in port {port} of layer '{target.name}'")
        target.inputs[int(port)] = source
        source.consumers.append(target)
