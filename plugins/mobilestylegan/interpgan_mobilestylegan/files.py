"""From the two OpenVINO graphs of MobileStyleGAN to our network."""

from __future__ import annotations

import torch
from torch import Tensor

from interpgan_mobilestylegan.network import Dense, Mapping, Network, Picture, StyledConv
from interpgan_mobilestylegan.openvino_ir import Graph, Layer


def read_network(mapping: Graph, synthesis: Graph, half: bool = False) -> Network:
    """Build the network from its two graphs.

    Args:
        mapping: z -> w.
        synthesis: w -> picture.
        half: pictures of half the resolution: the low band of the last wavelet transform alone.

    Returns:
        The network. Channels that an inverse wavelet transform takes stand band by band (LL, then each
        detail band), where the file interleaves the detail bands: so the transform reads whole runs.

    Raises:
        InterpganError: if a graph is not wired like MobileStyleGAN, or its sizes contradict each other.

    Source:
        Belousov, MobileStyleGAN: A Lightweight Convolutional Neural Network for High-Fidelity Image
        Synthesis, 2021, as its author's OpenVINO files hold it. Constants without a name there are found
        by walking the graph from those that have one.
    """
    to_w = _mapping(mapping)
    code = to_w.width
    blocks = sum(name.endswith(".up.modulation.bias") for name in synthesis.by_name)
    if not blocks:
        synthesis.fail("it has no layer 'm.layers.0.up.modulation.bias'")
    const = _array(synthesis, synthesis.named("m.input.input"), 1, None, None, None)
    channels, size = const.shape[1:3]
    if size != const.shape[3]:
        synthesis.fail(f"it starts with maps of {size} x {const.shape[3]}, not square ones")
    styles = [_affine(synthesis, "m.conv1.conv", channels, code)]
    convs = [_styled_conv(synthesis, "m.conv1", channels, size, to_bands=True)]
    for i in range(blocks):
        block = f"m.layers.{i}"
        bands = len(convs[-1].bias)
        up, order = _affine(synthesis, f"{block}.up", bands, code), _by_band(synthesis, bands)
        channels, size = bands // 4, size * 2
        styles.append(Dense(up.weight[order], up.bias[order]))
        styles.append(_affine(synthesis, f"{block}.conv1.conv", channels, code))
        convs.append(_styled_conv(synthesis, f"{block}.conv1", channels, size, up=True))
        channels = len(convs[-1].bias)
        styles.append(_affine(synthesis, f"{block}.conv2.conv", channels, code))
        convs.append(_styled_conv(synthesis, f"{block}.conv2", channels, size, to_bands=i + 1 < blocks))
    channels = len(convs[-1].bias)
    styles.append(_affine(synthesis, f"{block}.to_img.conv", channels, code))
    picture = _picture(synthesis, f"{block}.to_img", channels, half)
    return Network(to_w, styles, const, convs, picture)


def _mapping(graph: Graph) -> Mapping:
    weights = [_array(graph, graph.input(layer, 1, "Const"), None, None) for layer in graph.of_type("MatMul")]
    width = len(weights[0]) if weights else 0
    biases = [layer for layer in graph.of_type("Const") if layer.data.get("shape") == str(width)]
    if not weights or len(biases) != len(weights) or any(w.shape != (width, width) for w in weights):
        graph.fail(f"it has {len(weights)} dense layers and {len(biases)} biases, or they differ in size")
    return Mapping(*[Dense(w, _array(graph, b, width)) for w, b in zip(weights, biases, strict=True)])


def _affine(graph: Graph, name: str, channels: int, code: int) -> Dense:
    weight = _array(graph, graph.named(f"{name}.modulation.weight"), channels, code)
    return Dense(weight, _array(graph, graph.named(f"{name}.modulation.bias"), 1, channels)[0])


def _styled_conv(
    graph: Graph, name: str, channels: int, size: int, up: bool = False, to_bands: bool = False
) -> StyledConv:
    """`to_bands`: what it makes is the input of an inverse wavelet transform."""
    bias_layer = graph.named(f"{name}.bias")
    with_noise = _other(graph, graph.consumer(bias_layer, "Add"), bias_layer, "Add")
    conv = _one(graph, with_noise, "Convolution")
    noise = _array(graph, _one(graph, with_noise, "Const"), 1, 1, size, size)
    bias = _array(graph, bias_layer, 1, None, 1, 1)[0]
    weight_layer = graph.input(conv, 1, "Const")
    below = conv.inputs.get(0)
    if below and below.type == "GroupConvolution":
        weight = _array(graph, weight_layer, len(bias), channels, 1, 1)
        depthwise = _array(graph, graph.input(below, 1, "Const"), channels, 1, 1, 3, 3)[:, 0]
        depthwise = depthwise * _scale(graph, below)
    else:
        weight = _array(graph, weight_layer, len(bias), channels, 3, 3) * _scale(graph, conv)
        depthwise = None
    if to_bands:
        order = _by_band(graph, len(bias))
        weight, bias = weight[order], bias[order]
    return StyledConv(weight, depthwise, noise, bias, up)


def _picture(graph: Graph, name: str, channels: int, half: bool) -> Picture:
    weight_layer = graph.named(f"{name}.conv.weight")
    scale = _scale(graph, graph.consumer(weight_layer, "Convolution"))
    weight = _array(graph, weight_layer, 12, channels, 1, 1)[:, :, 0, 0] * scale
    bias = _array(graph, graph.named(f"{name}.bias"), 1, 12, 1, 1)[0, :, 0, 0]
    if half:
        return Picture(weight[:3] / 2, bias[:3] / 2)
    order = _by_band(graph, len(bias))
    return Picture(weight[order], bias[order])


def _by_band(graph: Graph, channels: int) -> Tensor:
    """File order (LL, then b1 b2 b3 of each channel in turn) -> LL, b1, b2, b3."""
    low, rest = divmod(channels, 4)
    if rest:
        graph.fail(f"an inverse wavelet transform takes {channels} channels, not a multiple of 4")
    return torch.cat([torch.arange(low), low + torch.arange(3 * low).view(low, 3).t().flatten()])


def _scale(graph: Graph, conv: Layer) -> float:
    """The number that multiplies a style before it meets the maps that a convolution takes."""
    styled = graph.input(conv, 0, "Multiply")
    return _array(graph, graph.input(graph.input(styled, 0, "Multiply"), 1, "Const"), 1, 1, 1, 1).item()


def _one(graph: Graph, layer: Layer, kind: str) -> Layer:
    """The one input of a layer that is of a type."""
    found = [source for source in layer.inputs.values() if source.type == kind]
    if len(found) != 1:
        graph.fail(f"layer '{layer.name}' takes {len(found)} {kind}, not one")
    return found[0]


def _other(graph: Graph, layer: Layer, known: Layer, kind: str) -> Layer:
    """The input of a two-input layer that is not the known one."""
    others = [source for source in layer.inputs.values() if source is not known]
    if len(others) != 1 or others[0].type != kind:
        graph.fail(f"layer '{layer.name}' does not join '{known.name}' and one {kind}")
    return others[0]


def _array(graph: Graph, layer: Layer, *shape: int | None) -> Tensor:
    """A float32 constant whose shape must fit; None fits any size."""
    array = graph.constant(layer)
    fits = array.ndim == len(shape) and all(s in (None, a) for a, s in zip(array.shape, shape, strict=True))
    if array.dtype != "float32" or not fits:
        graph.fail(f"constant '{layer.name}' is {array.dtype} {array.shape}, not float32 {shape}")
    return torch.from_numpy(array)
