"""For tests: small checkpoints of BigGAN and BigGAN-deep, in every layout."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from interpgan_core import seeded_normal

CLASSES, EMBEDDING, CHUNK, ROWS = 5, 6, 3, 11
DEEP = ((False, 16, 16), (True, 16, 8), (False, 8, 8), (True, 8, 8))  # up, channels in and out
# Arguments of `ajbrock` by kind of network.
KINDS: dict[str, dict[str, Any]] = {
    "hier": {},
    "not hier": {"hier": False},
    "unshared": {"hier": False, "shared": False},
    "mybn": {"mybn": True, "attention": None},
    "deep": {"deep": True},
    "deep, class only": {"deep": True, "hier": False},
}
Shapes = dict[str, tuple[int, ...]]


def _normal(shapes: Shapes) -> dict[str, Tensor]:
    """Random numbers by name; variances are positive, biases small."""
    state = {}
    for i, (name, shape) in enumerate(shapes.items()):
        values = seeded_normal([i], shape)[0]
        positive = name.endswith(("var", "vars"))
        state[name] = values.abs() + 0.5 if positive else values if len(shape) > 1 else values / 4
    return state


def ajbrock(
    hier: bool = True,
    shared: bool = True,
    mybn: bool = False,
    deep: bool = False,
    attention: int | None = 1,
    area: int = 16,
    channels: int = 3,
) -> dict[str, Tensor]:
    """A generator of ajbrock's: 32 pixels, three blocks of 16, 16, 8 and 8 channels, or six of BigGAN-deep."""
    widths = [(16, 16), (16, 8), (8, 8)]
    if deep:
        widths = [pair for i, o in widths for pair in ((i, i), (i, o))]
    z = 2 * EMBEDDING if deep else CHUNK if hier else EMBEDDING + 1
    condition = (EMBEDDING + z) * hier or EMBEDDING
    shapes: Shapes = {"shared.weight": (CLASSES, EMBEDDING)} if shared else {}
    spectral = partial(_spectral, shapes)

    def norm(name: str, channels: int) -> None:
        inner = f"{name}.bn" if mybn else name
        shapes.update({f"{inner}.stored_{part}": (channels,) for part in ("mean", "var")})
        if mybn:
            shapes[f"{inner}.accumulation_counter"] = (1,)

    spectral("linear", area * widths[0][0], condition if deep and hier else z)
    for i, (inputs, outputs) in enumerate(widths):
        name, narrow = f"blocks.{i}.0", inputs // 4
        sides = (inputs, narrow, narrow, narrow, outputs) if deep else (inputs, outputs, outputs)
        for k, kernel in enumerate((1, 3, 3, 1) if deep else (3, 3)):
            spectral(f"{name}.conv{k + 1}", sides[k + 1], sides[k], kernel, kernel)
            norm(f"{name}.bn{k + 1}", sides[k])
            for part in ("gain", "bias"):
                if shared:
                    spectral(f"{name}.bn{k + 1}.{part}", sides[k], condition, bias=False)
                else:
                    shapes[f"{name}.bn{k + 1}.{part}.weight"] = (CLASSES, sides[k])
        if not deep:
            spectral(f"{name}.conv_sc", outputs, inputs, 1, 1)
        if i == attention:
            _attention(shapes, spectral, f"blocks.{i}.1", outputs)
    norm("output_layer.0", 8)
    shapes |= {"output_layer.0.gain": (8,), "output_layer.0.bias": (8,)}
    spectral("output_layer.2", channels, 8, 3, 3)
    return {n: torch.zeros(1) if n.endswith("_counter") else t for n, t in _normal(shapes).items()}


def discriminator(channels: int = 3) -> dict[str, Tensor]:
    """A discriminator of ajbrock's for 32 pixels."""
    shapes: Shapes = {}
    spectral = partial(_spectral, shapes)
    for i, (inputs, outputs) in enumerate(((channels, 8), (8, 8), (8, 8), (8, 8))):
        spectral(f"blocks.{i}.0.conv1", outputs, inputs, 3, 3)
        spectral(f"blocks.{i}.0.conv2", outputs, outputs, 3, 3)
        if i < 2:
            spectral(f"blocks.{i}.0.conv_sc", outputs, inputs, 1, 1)
    _attention(shapes, spectral, "blocks.0.1", 8)
    spectral("linear", 1, 8)
    spectral("embed", CLASSES, 8, bias=False)
    return _normal(shapes)


def huggingface(blocks: tuple[tuple[bool, int, int], ...] = DEEP) -> dict[str, Tensor]:
    """A BigGAN-deep of Hugging Face's: 16 pixels, attention after the second block."""
    shapes: Shapes = {"embeddings.weight": (EMBEDDING, CLASSES)}

    def spectral(name: str, *shape: int, bias: bool = True) -> None:
        shapes.update({f"{name}.weight_orig": shape, f"{name}.weight_u": (shape[0],)})
        shapes[f"{name}.weight_v"] = (torch.Size(shape[1:]).numel(),)
        if bias:
            shapes[f"{name}.bias"] = (shape[0],)

    def norm(name: str, channels: int) -> None:
        shapes.update({f"{name}.running_{part}": (ROWS, channels) for part in ("means", "vars")})

    spectral("generator.gen_z", 16 * blocks[0][1], 2 * EMBEDDING)
    for k, (_, inputs, outputs) in enumerate(blocks):
        name, narrow = f"generator.layers.{k + (k > 1)}", inputs // 4
        sides = (inputs, narrow, narrow, narrow, outputs)
        for j, kernel in enumerate((1, 3, 3, 1)):
            norm(f"{name}.bn_{j}", sides[j])
            for part in ("scale", "offset"):
                spectral(f"{name}.bn_{j}.{part}", sides[j], 2 * EMBEDDING, bias=False)
            spectral(f"{name}.conv_{j}", sides[j + 1], sides[j], kernel, kernel)
    names = {"theta": "snconv1x1_theta", "phi": "snconv1x1_phi", "g": "snconv1x1_g", "o": "snconv1x1_o_conv"}
    _attention(shapes, spectral, "generator.layers.2", 8, names)
    shapes["generator.layers.2.gamma"] = (1,)
    norm("generator.bn", 8)
    shapes |= {"generator.bn.weight": (8,), "generator.bn.bias": (8,)}
    spectral("generator.conv_to_rgb", 8, 8, 3, 3)
    state = _normal(shapes)
    for name in [n for n in state if n.endswith("_orig")]:
        _set_vectors(state, name.removesuffix("_orig"))
    return state


def config() -> dict[str, object]:
    """The config.json of `huggingface()`."""
    layers = [[up, inputs // 8, outputs // 8] for up, inputs, outputs in DEEP]
    return {"layers": layers, "attention_layer_position": 2, "n_stats": ROWS, "eps": 1e-4}


def write(path: Path, content: object) -> Path:
    """Write a checkpoint, and give its path."""
    torch.save(content, path)
    return path


def write_huggingface(folder: Path, state: dict[str, Tensor] | None = None) -> Path:
    """Write a folder as it is published, and give its path."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config()))
    torch.save(huggingface() if state is None else state, folder / "pytorch_model.bin")
    return folder


def _set_vectors(state: dict[str, Tensor], name: str) -> None:
    """Vectors whose spectral norm is that of the weight."""
    weight = state[f"{name}_orig"].flatten(1)
    u, _, vh = torch.linalg.svd(weight, full_matrices=False)
    state[f"{name}_u"], state[f"{name}_v"] = u[:, 0], vh[0]


def _spectral(shapes: Shapes, name: str, *shape: int, bias: bool = True) -> None:
    shapes.update({f"{name}.weight": shape, f"{name}.u0": (1, shape[0]), f"{name}.sv0": (1,)})
    if bias:
        shapes[f"{name}.bias"] = (shape[0],)


def _attention(
    shapes: Shapes,
    spectral: Callable[..., None],
    name: str,
    channels: int,
    names: Mapping[str, str] | None = None,
) -> None:
    sides = {"theta": (channels // 8, channels), "phi": (channels // 8, channels)}
    for part, shape in {**sides, "g": (channels // 2, channels), "o": (channels, channels // 2)}.items():
        spectral(f"{name}.{(names or {}).get(part, part)}", *shape, 1, 1, bias=False)
    shapes[f"{name}.gamma"] = ()
