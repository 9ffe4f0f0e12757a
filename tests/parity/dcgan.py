"""DCGAN, as PyTorch's tutorial saves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from interpgan_core import LatentBatch, load_generator
from parity.second import SecondCase

INPUTS = r"in/.*"


def observe(case: SecondCase, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """The picture, what each convolution gives, and what follows each ReLU."""
    torch.save(
        case.state("G", lambda _key, shape: torch.zeros(shape, dtype=torch.int64)), folder / "netG.pth"
    )
    generator = load_generator(folder / "netG.pth")
    network = generator.module
    batch = LatentBatch(case.tensor("in/z"), generator.spaces["z"])
    x = batch.codes[:, :, None, None]
    for i, layer in enumerate(network.layers):
        yield f"feat/main{3 * i}", layer.convolved(x)
        x = layer(x)
        yield f"feat/main{3 * i + 2}", x
    yield f"feat/main{3 * len(network.layers)}", network.picture.convolved(x)
    yield "img", generator.forward(batch)
    network.double()
    yield "img_f64", generator.forward(LatentBatch(batch.codes.double(), batch.space))
