"""R3GAN, as its training pickles it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from interpgan_core import LatentBatch, load_generator
from interpgan_r3gan.testing import kernel, write_pickle
from parity.case import seeded_input
from parity.second import SecondCase

INPUTS = r"in/.*"


def observe(case: SecondCase, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Every step and every stage, pictures, and what the discriminator says of them and of others."""
    nets = {net: case.state(net, lambda _key, _shape: kernel()) for net in ("G", "D")}
    path = write_pickle(folder / "network-snapshot-1000.pkl", {**nets, "G_ema": nets["G"]})
    generator = load_generator(path)
    network = generator.module
    labels = case.tensor("in/c") if "in/c" in case.arrays else None
    batch = LatentBatch(case.tensor("in/z"), generator.spaces["z"], labels)
    seen = {}
    for i, blocks in enumerate(network.blocks):
        steps = {f"stage{i}.transition": network.ups[i - 1] if i else network.start, f"stage{i}": blocks[-1]}
        for name, module in steps.items():
            module.register_forward_hook(lambda _m, _in, out, name=name: seen.update({f"feat/{name}": out}))
    images = generator.forward(batch)
    yield from list(seen.items())
    yield "img", images
    yield "d_out_img", generator.discriminator(images, labels)[:, 0]
    text, side = re.match(r"image\('(.*)',", case.facts["inputs"]["img_rand"])[1], network.side
    yield "d_rand", generator.discriminator(picture(text, (3, 3, side, side)), labels)[:, 0]
    network.double()
    few = 1 if "img/crop_f64" in case.arrays else len(batch)
    exact = LatentBatch(batch.codes[:few].double(), batch.space, None if labels is None else labels[:few])
    drawn = generator.forward(exact)
    if few == 1:
        top = (side - 48) // 2
        yield "img/crop_f64", drawn[:, :, top : top + 48, top : top + 48]
    else:
        yield "img_f64", drawn


def picture(text: str, shape: tuple[int, ...]) -> Tensor:
    """`image(text, shape)` of the notes."""
    low = seeded_input(f"{text}/low", (*shape[:2], 8, 8)).repeat_interleave(shape[2] // 8, 2)
    low = low.repeat_interleave(shape[3] // 8, 3)
    mixed = np.float32(0.4) * low.numpy() + np.float32(0.2) * seeded_input(f"{text}/fine", shape).numpy()
    return torch.from_numpy(mixed.clip(-1, 1))
