"""A small MobileStyleGAN with random weights, written as the two files of the real one are."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
import torch

from interpgan_mobilestylegan.files import read_network
from interpgan_mobilestylegan.generator import MobileStyleGAN
from interpgan_mobilestylegan.openvino_ir import Graph

CODE = 8  # size of z and w
CHANNELS = (16, 8, 8)  # after m.conv1 and after each block
SCALE = 0.25


@dataclass(repr=False)
class Writer:
    """IR v10, node by node."""

    layers: list[str] = field(default_factory=list)
    edges: list[str] = field(default_factory=list)
    blob: bytes = b""
    arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def node(self, kind: str, name: str, *inputs: int, data: str = "") -> int:
        number = len(self.layers)
        self.layers.append(f'<layer id="{number}" name="{name}" type="{kind}">{data}</layer>')
        self.edges += [
            f'<edge from-layer="{source}" from-port="9" to-layer="{number}" to-port="{port}"/>'
            for port, source in enumerate(inputs)
        ]
        return number

    def const(self, name: str, array: np.ndarray) -> int:
        array = np.asarray(array, "<f4")
        self.arrays[name] = array
        shape = ", ".join(map(str, array.shape))
        data = f'<data element_type="f32" shape="{shape}" offset="{len(self.blob)}" size="{array.nbytes}"/>'
        self.blob += array.tobytes()
        return self.node("Const", name, data=data)

    @property
    def xml(self) -> bytes:
        return (
            f'<?xml version="1.0"?><net name="small" version="10"><layers>{"".join(self.layers)}</layers>'
            f"<edges>{''.join(self.edges)}</edges></net>"
        ).encode()

    def graph(self) -> Graph:
        return Graph(self.xml, self.blob, "small")


def write_mapping(random: np.random.RandomState) -> Writer:
    writer = Writer()
    x = writer.node("Parameter", "z")
    for i in range(8):
        weight = writer.const(f"weight{i}", random.randn(CODE, CODE) / CODE**0.5)
        x = writer.node("MatMul", f"matmul{i}", x, weight)
        x = writer.node("Add", f"add{i}", x, writer.const(f"bias{i}", random.randn(CODE)))
    return writer


def write_synthesis(random: np.random.RandomState) -> Writer:
    """Wired like the real one; the nodes that only reckon with shapes are left out."""
    writer = Writer()
    w = writer.node("Parameter", "style")

    def style(name: str, channels: int) -> int:
        weight = writer.const(f"{name}.modulation.weight", random.randn(channels, CODE) / CODE**0.5)
        bias = writer.const(f"{name}.modulation.bias", 1 + 0.1 * random.randn(1, channels))
        return writer.node("Add", f"{name}.style", writer.node("MatMul", f"{name}.matmul", w, weight), bias)

    def scaled(name: str, channels: int, x: int) -> int:
        scale = writer.const(f"{name}.scale", np.full((1, 1, 1, 1), SCALE))
        product = writer.node("Multiply", f"{name}.scaled", style(f"{name}.conv", channels), scale)
        return writer.node("Multiply", f"{name}.styled", product, x)

    def styled_conv(name: str, taken: int, given: int, size: int, x: int) -> int:
        x = scaled(name, taken, x)
        if name == "m.conv1":
            weight = writer.const(f"{name}.weight", random.randn(given, taken, 3, 3) / (3 * taken**0.5))
        else:
            depthwise = writer.const(f"{name}.conv.weight_dw", random.randn(taken, 1, 1, 3, 3))
            x = writer.node("GroupConvolution", f"{name}.depthwise", x, depthwise)
            weight = writer.const(f"{name}.weight", random.randn(given, taken, 1, 1) / taken**0.5)
        x = writer.node("Convolution", f"{name}.convolution", x, weight)
        noise = writer.const(f"{name}.noise", 0.1 * random.randn(1, 1, size, size))
        x = writer.node("Add", f"{name}.noisy", x, noise)
        bias = writer.const(f"{name}.bias", 0.1 * random.randn(1, given, 1, 1))
        return writer.node("PReLU", f"{name}.relu", writer.node("Add", f"{name}.sum", x, bias))

    x = writer.const("m.input.input", random.randn(1, CHANNELS[0], 4, 4))
    x = styled_conv("m.conv1", CHANNELS[0], CHANNELS[0], 4, x)
    for i, (taken, given) in enumerate(pairwise(CHANNELS)):
        x = writer.node("Multiply", f"up{i}", style(f"m.layers.{i}.up", taken), x)
        x = writer.node("Haar", f"haar{i}", x)
        x = styled_conv(f"m.layers.{i}.conv1", taken // 4, given, 8 * 2**i, x)
        x = styled_conv(f"m.layers.{i}.conv2", given, given, 8 * 2**i, x)
    last = f"m.layers.{len(CHANNELS) - 2}.to_img"
    x = scaled(last, CHANNELS[-1], x)
    weight = writer.const(f"{last}.conv.weight", random.randn(12, CHANNELS[-1], 1, 1))
    x = writer.node("Convolution", f"{last}.convolution", x, weight)
    writer.node("Add", "sum", x, writer.const(f"{last}.bias", 0.1 * random.randn(1, 12, 1, 1)))
    return writer


@pytest.fixture(scope="session")
def mapping() -> Writer:
    """The file z -> w."""
    return write_mapping(np.random.RandomState(0))


@pytest.fixture(scope="session")
def synthesis() -> Writer:
    """The file w -> picture."""
    return write_synthesis(np.random.RandomState(1))


@pytest.fixture(scope="session")
def small(mapping, synthesis) -> MobileStyleGAN:
    """The generator of the two files."""
    network = read_network(mapping.graph(), synthesis.graph())
    return MobileStyleGAN(network, "small-network", torch.full((CODE,), 0.1))
