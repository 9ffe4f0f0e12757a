"""StyleGAN 3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from interpgan_core import LatentBatch, Truncate, load_generator
from parity.case import Case

INPUTS = r"z|c|transform|num_ws|filter/.*"  # filters are buffers of the file, used as they are


def observe(case: Case, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Everything that the original answered, from a state dict as it would be extracted from its pickle."""

    def keep(key: str, shape: tuple[int, ...]) -> Tensor:
        if key.endswith("transform"):
            return torch.eye(3)
        _, layer, name = key.split(".")
        return case.tensor(f"filter/{layer}/{name}")

    torch.save(case.state("G", keep), folder / "network.pt")
    generator = load_generator(folder / "network.pt")
    assert generator.spaces["w+"].shape[0] == case.arrays["num_ws"]
    labels = case.tensor("c") if "c" in case.arrays else None
    batch = LatentBatch(case.tensor("z"), generator.spaces["z"], labels)
    yield "w", generator.to_space(batch, "w").codes
    for layer, maps in generator.features(batch, generator.layers).items():
        yield f"feat/{layer.removeprefix('synthesis.')}", maps
    yield "img", generator.images(batch)
    yield "img_psi0.7", generator.images(Truncate(psi=0.7).apply(generator.to_space(batch, "w+"), generator))
    generator.module.synthesis.input.transform.copy_(case.tensor("transform"))
    yield "img_transform", generator.images(batch)
