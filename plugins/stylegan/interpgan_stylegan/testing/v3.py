"""Tiny StyleGAN 3 files as NVIDIA's code writes them: state dicts and pickles."""

from __future__ import annotations

import pickle
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

Z, W = 8, 10
SOURCE = "raise SystemExit('the source in the pickle was run')"


def state(kind: str = "t", classes: int = 0) -> dict[str, Tensor]:
    """A state dict of four layers and the one that makes a picture of 16 pixels, configuration "t" or "r"."""
    torch.manual_seed(0)
    taps = torch.hann_window(14, periodic=False)[1:-1]
    taps = taps / taps.sum()
    kernel = {"t": 3, "r": 1}[kind]
    tensors = {
        "mapping.w_avg": 0.2 * torch.randn(W),
        "mapping.fc0.weight": 100 * torch.randn(9, Z + (W if classes else 0)),
        "mapping.fc0.bias": 10 * torch.randn(9),
        "mapping.fc1.weight": 100 * torch.randn(W, 9),
        "mapping.fc1.bias": 10 * torch.randn(W),
        "synthesis.input.weight": torch.randn(6, 6),
        "synthesis.input.transform": torch.eye(3),
        "synthesis.input.freqs": torch.randn(6, 2),
        "synthesis.input.phases": 0.2 * torch.randn(6),
        "synthesis.input.affine.weight": torch.randn(4, W),
        "synthesis.input.affine.bias": torch.tensor([1.0, 0, 0, 0]),
    }
    if classes:
        tensors |= {"mapping.embed.weight": torch.randn(W, classes), "mapping.embed.bias": torch.randn(W)}
    layers = [("L0_36_6", 6, 6), ("L1_36_6", 6, 6), ("L2_36_5", 6, 5), ("L3_16_4", 5, 4), ("L4_16_3", 4, 3)]
    for name, inputs, outputs in layers:
        last = name == layers[-1][0]
        side = 1 if last else kernel
        tensors |= {
            f"synthesis.{name}.weight": torch.randn(outputs, inputs, side, side),
            f"synthesis.{name}.bias": 0.1 * torch.randn(outputs),
            f"synthesis.{name}.magnitude_ema": torch.tensor(0.9),
            f"synthesis.{name}.affine.weight": torch.randn(inputs, W),
            f"synthesis.{name}.affine.bias": torch.ones(inputs),
        }
        if not last:
            tensors[f"synthesis.{name}.up_filter"] = taps
            down = torch.outer(taps, taps) if kind == "r" and name < "L3" else taps
            tensors[f"synthesis.{name}.down_filter"] = down
    return tensors


def discriminator() -> dict[str, Tensor]:
    """A state dict of the discriminator that the pickle brings: StyleGAN 2's, of three blocks."""
    torch.manual_seed(1)
    taps = torch.outer(torch.tensor([1.0, 3, 3, 1]), torch.tensor([1.0, 3, 3, 1])) / 64
    tensors = {"b16.fromrgb.weight": torch.randn(4, 3, 1, 1), "b16.fromrgb.bias": torch.randn(4)}
    for side in (16, 8):
        for name in ("conv0", "conv1"):
            tensors[f"b{side}.{name}.weight"] = torch.randn(4, 4, 3, 3)
            tensors[f"b{side}.{name}.bias"] = torch.randn(4)
        tensors[f"b{side}.skip.weight"] = torch.randn(4, 4, 1, 1)
        tensors[f"b{side}.skip.resample_filter"] = tensors[f"b{side}.conv1.resample_filter"] = taps
    shapes = {"conv": (4, 5, 3, 3), "fc": (4, 64), "out": (1, 4)}
    for name, shape in shapes.items():
        tensors |= {f"b4.{name}.weight": torch.randn(shape), f"b4.{name}.bias": torch.randn(shape[0])}
    return tensors


def write_pickle(path: Path, protocol: int = 4, **networks: tuple[str, dict[str, Tensor], Any]) -> None:
    """Write networks as `torch_utils.persistence` does: name -> (class name, state dict, settings)."""
    with _persistence() as made:
        content: dict[str, Any] = {"training_set_kwargs": {}, "augment_pipe": None}
        for name, (kind, tensors, settings) in networks.items():
            content[name] = made(kind, tensors, settings)
        path.write_bytes(pickle.dumps(content, protocol))


@contextmanager
def _persistence() -> Iterator[Callable[[str, dict[str, Tensor], Any], Any]]:
    """A placeholder of the module whose function the pickle names, while it is written."""

    def _reconstruct_persistent_obj(meta: object) -> None:
        raise AssertionError("the reader called it")

    _reconstruct_persistent_obj.__module__ = "torch_utils.persistence"
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    modules = {name: types.ModuleType(name) for name in ("torch_utils", "torch_utils.persistence")}
    vars(modules["torch_utils.persistence"])["_reconstruct_persistent_obj"] = _reconstruct_persistent_obj

    class Persistent:
        def __init__(self, meta: object) -> None:
            self.meta = meta

        def __reduce__(self) -> tuple[object, ...]:
            return _reconstruct_persistent_obj, (self.meta,)

    def make(kind: str, tensors: dict[str, Tensor], settings: Any) -> Persistent:
        own = {name: t for name, t in tensors.items() if "." not in name}
        inner: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            first, _, rest = name.partition(".")
            if rest:
                inner.setdefault(first, {})[rest] = tensor
        learnt = {name: torch.nn.Parameter(t) for name, t in own.items() if name in ("weight", "bias")}
        attributes = {
            "training": False,
            "_parameters": OrderedDict(learnt),
            "_buffers": OrderedDict({name: t for name, t in own.items() if name not in learnt}),
            "_modules": OrderedDict((name, make("Part", part, {})) for name, part in inner.items()),
            "_init_args": (),
            "_init_kwargs": settings,
        }
        meta = {"type": "class", "version": 6, "module_src": SOURCE, "class_name": kind, "state": attributes}
        return Persistent(meta)

    sys.modules.update(modules)
    try:
        yield make
    finally:
        for name in modules:
            del sys.modules[name]
