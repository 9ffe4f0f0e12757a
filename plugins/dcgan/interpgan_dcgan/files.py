"""Files of DCGANs, recognised by counting: a chain of transposed convolutions with a batch norm between any two."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from torch import Tensor

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint, Shapes, StoredNetwork
from interpgan_dcgan.network import Step

CHANNELS = (1, 3, 4)  # of pictures
# First kernel and first batch norm: of one Sequential, whatever it is called, and of a Sequential of Sequentials.
_MARKS = (("0.weight", "1.running_mean"), ("0.0.weight", "0.1.running_mean"))
_DISCRIMINATORS = (
    ("0.weight", "2.weight", "3.running_mean"),
    ("0.0.weight", "1.0.weight", "1.1.running_mean"),
)
_PARTS = {"weight": "weight", "bias": "bias", "running_mean": "mean", "running_var": "variance"}
# Kernel of a later layer -> stride, padding, rows added: each makes maps twice as large, but for 3, which makes 7 of 4,
# as networks for MNIST have it. The first kernel is as large as the first maps.
_DOUBLING = {4: (2, 1, 0), 5: (2, 2, 1), 2: (2, 0, 0), 3: (2, 1, 0)}
# The one of the generative-networks course by Coursera: 3, 6, 13, 28 pixels.
_COURSE: dict[tuple[int, ...], list[tuple[int, int, int]]] = {
    (3, 4, 3, 4): [(2, 0, 0), (1, 0, 0), (2, 0, 0), (2, 0, 0)]
}


@dataclass(frozen=True)
class Chain:
    """A network that is one convolution behind the other.

    Args:
        steps: the shape of each.
        tensors: by the names of our network: "0.weight", "0.norm.mean" …, "2.weight".
    """

    steps: tuple[Step, ...]
    tensors: Mapping[str, Tensor]


def find(checkpoint: Checkpoint) -> StoredNetwork | None:
    """The generator in a file, by names and shapes; None where there is none."""
    return _best(checkpoint, (*_MARKS, *_numbered(checkpoint)), _is_generator)


def find_discriminator(checkpoint: Checkpoint) -> StoredNetwork | None:
    """The discriminator in a file; None where there is none, or one that takes labels or ends in several outputs."""
    return _best(checkpoint, _DISCRIMINATORS, _is_discriminator)


def read(found: StoredNetwork, path: Path) -> Chain:
    """The generator.

    Args:
        found: by `find`.
        path: of the file, for messages.

    Raises:
        InterpganError: if a tensor is missing, is not known, or does not fit its neighbours.
    """
    tensors = _by_place(found)
    modules, norms = _ordered(tensors)
    shapes = Shapes(tensors, path, "DCGAN")
    sides = [shapes.of(f"{module}.weight", 4)[2] for module in modules]
    strides = _COURSE.get(tuple(sides)) or [(1, 0, 0), *(_doubled(shapes, side) for side in sides[1:])]
    return _chain(tensors, shapes, modules, norms, strides, first=0, transposed=True)


def read_discriminator(found: StoredNetwork, path: Path) -> Chain:
    """The discriminator; as `read`."""
    tensors = _by_place(found)
    modules, norms = _ordered(tensors)
    shapes = Shapes(tensors, path, "DCGAN")
    last = len(modules) - 1
    strides = [(1, 0, 0) if i == last else (2, 1, 0) for i in range(len(modules))]
    return _chain(tensors, shapes, modules, norms, strides, first=1, transposed=False)


def _by_place(found: StoredNetwork) -> dict[str, Tensor]:
    """The tensors by the names that they have in the file, for messages."""
    return {f"{found.place}.{name}".removeprefix("."): tensor for name, tensor in found.tensors.items()}


def _chain(
    tensors: Mapping[str, Tensor],
    shapes: Shapes,
    modules: Sequence[str],
    norms: Sequence[str],
    strides: Sequence[tuple[int, int, int]],
    first: int,
    transposed: bool,
) -> Chain:
    """Steps and tensors of a file; first: the convolution that has the first batch norm; the last one has none."""
    taken: set[str] = set()
    renamed: dict[str, Tensor] = {}
    steps: list[Step] = []
    for i, module in enumerate(modules):
        rows, columns, side, other = shapes.of(f"{module}.weight", 4)
        if side != other:
            shapes.fail(f"has {module}.weight of {side} x {other}")
        inputs, outputs = (rows, columns) if transposed else (columns, rows)
        if steps and steps[-1].outputs != inputs:
            shapes.fail(f"has {module}.weight for {inputs} channels, behind a layer of {steps[-1].outputs}")
        norm = first <= i < len(modules) - 1
        parts = {f"{module}.weight": f"{i}.weight", f"{module}.bias": f"{i}.bias"}
        if norm:
            if i - first >= len(norms):
                shapes.fail(f"lacks the batch norm behind {module}")
            name = norms[i - first]
            parts |= {f"{name}.{theirs}": f"{i}.norm.{ours}" for theirs, ours in _PARTS.items()}
            for theirs in _PARTS:
                if shapes.of(f"{name}.{theirs}", 1) != (outputs,):
                    shapes.fail(
                        f"has {name}.{theirs} of shape {shapes[f'{name}.{theirs}']} for {outputs} channels"
                    )
            taken.add(f"{name}.num_batches_tracked")
        bias = f"{module}.bias" in tensors
        if bias and shapes[f"{module}.bias"] != (outputs,):
            shapes.fail(f"has {module}.bias of shape {shapes[f'{module}.bias']} for {outputs} channels")
        steps.append(Step(inputs, outputs, side, *strides[i], bias=bias, norm=norm))
        renamed |= {ours: tensors[theirs] for theirs, ours in parts.items() if theirs in tensors}
        taken |= set(parts)
    if unknown := [name for name in tensors if name not in taken]:
        shapes.fail(f"has {unknown[0]}, which is no part of a chain of convolutions")
    return Chain(tuple(steps), renamed)


def _doubled(shapes: Shapes, side: int) -> tuple[int, int, int]:
    if side not in _DOUBLING:
        shapes.fail(f"has kernels of {side} x {side} pixels, whose stride no file says,")
    return _DOUBLING[side]


def _best(
    checkpoint: Checkpoint, marks: Iterable[Sequence[str]], is_one: Callable[[Mapping[str, Tensor]], bool]
) -> StoredNetwork | None:
    """The best network of those that a test accepts; of its like, averages over the training come first."""
    for found in checkpoint.networks(*marks):
        if is_one(found.tensors):
            return checkpoint.network(tuple(found.tensors))
    return None


def _is_generator(tensors: Mapping[str, Tensor]) -> bool:
    """Does each kernel take what the one before gives, as of transposed convolutions, down to a picture?"""
    modules, norms = _ordered(tensors)
    shapes = [tensors[f"{module}.weight"].shape for module in modules]
    return (
        len(shapes) > 2
        and bool(norms)
        and shapes[0][1] == tensors[f"{norms[0]}.running_mean"].shape[-1:].numel()
        and shapes[0][1] == shapes[1][0]
        and shapes[-1][1] in CHANNELS
        and shapes[-2][1] == shapes[-1][0]
        and all(shape[2] > 1 for shape in shapes)
    )


def _is_discriminator(tensors: Mapping[str, Tensor]) -> bool:
    """Likewise, as of convolutions, from a picture down to one number."""
    modules, norms = _ordered(tensors)
    shapes = [tensors[f"{module}.weight"].shape for module in modules]
    return (
        len(shapes) > 2
        and len(norms) == len(shapes) - 2
        and shapes[0][1] in CHANNELS
        and shapes[-1][0] == 1
        and all(one[0] == next_one[1] for one, next_one in pairwise(shapes))
        and all(shape[2] == 4 for shape in shapes)
    )


def _ordered(tensors: Mapping[str, Tensor]) -> tuple[list[str], list[str]]:
    """Names of the convolutions and of the batch norms, in the order of their numbers: safetensors sorts by letters."""
    kernels = [
        name.removesuffix(".weight")
        for name, t in tensors.items()
        if name.endswith(".weight") and t.ndim == 4
    ]
    norms = [name.removesuffix(".running_mean") for name in tensors if name.endswith(".running_mean")]
    return sorted(kernels, key=_numbers), sorted(norms, key=_numbers)


def _numbers(name: str) -> list[int]:
    return [int(digits[:9]) for digits in re.findall(r"\d+", name)]


def _numbered(checkpoint: Checkpoint) -> list[tuple[str, str]]:
    """Marks of networks whose layers are attributes with numbers, as convTr1 and batchNorm1."""
    first: dict[tuple[str, str], int] = {}
    for name, shape in checkpoint.shapes.items():
        match = re.fullmatch(r"(?:.*\.)?([A-Za-z_]+)([01])\.(weight|running_mean)", name)
        if match and len(shape) == (4 if match[3] == "weight" else 1):
            first.setdefault((match[1], match[3]), int(match[2]))
    kernels = [(stem, n) for (stem, part), n in first.items() if part == "weight"]
    norms = [(stem, n) for (stem, part), n in first.items() if part == "running_mean"]
    return [(f"{a}{i}.weight", f"{b}{j}.running_mean") for a, i in kernels for b, j in norms if i == j]


def nothing_found(path: Path) -> InterpganError:
    """The error for a file that was named a DCGAN and is none."""
    return InterpganError(
        f"{path} holds no generator of DCGAN: no chain of transposed convolutions with batch norms between them"
    )
