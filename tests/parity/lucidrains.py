"""StyleGAN 2 of lucidrains, as stylegan2-pytorch saves it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from interpgan_core import LatentBatch, load_generator
from parity.case import seeded_input
from parity.second import SecondCase

INPUTS = r"in/.*"


def observe(case: SecondCase, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """w, every block, pictures of the average and of the raw networks, mixed, truncated; the discriminator."""
    state = case.state("N", _kept)
    state |= {f"D_aug.{name}": tensor for name, tensor in state.items() if name.startswith("D.")}
    kwargs = case.facts["ctor"]["kwargs"]
    config = {"image_size": kwargs["image_size"], "lr_mlp": 0.1, "attn_layers": kwargs.get("attn_layers", [])}
    (folder / ".config.json").write_text(json.dumps(config))
    torch.save({"GAN": state, "version": "1.9.0"}, folder / "model_7.pt")
    generator = load_generator(folder / "model_7.pt")
    noise = case.tensor("in/noise")[..., 0]
    generator.noise_maps = lambda _batch: noise
    z = LatentBatch(case.tensor("in/z"), generator.spaces["z"])
    w = generator.to_space(z, "w")
    yield "w", w.codes

    seen = {}
    network = generator.module
    network.stem.register_forward_hook(lambda _m, _i, out: seen.update({"feat/initial_conv": out}))
    for i, block in enumerate(network.blocks):
        block.register_forward_hook(
            lambda _m, _i, out, i=i: seen.update({f"feat/block{i}.x": out[0], f"feat/block{i}.rgb": out[1]})
        )
    drawn = generator.forward(z)
    yield from list(seen.items())
    yield "img", (drawn + 1) / 2
    pictures = ((drawn + 1) / 2).clamp(0, 1)
    yield "d_out_img", generator.discriminator.outputs(pictures)[:, 0]
    assert torch.equal(generator.discriminator(drawn), -generator.discriminator.outputs((drawn + 1) / 2))

    other = generator.to_space(LatentBatch(case.tensor("in/z2"), generator.spaces["z"]), "w+")
    mixed = generator.to_space(z, "w+")
    blocks = len(network.blocks)
    codes = mixed.codes.clone()
    codes[:, 2 * (blocks // 2) :] = other.codes[:, 2 * (blocks // 2) :]
    yield "img_mix", (generator.forward(replace(mixed, codes=codes)) + 1) / 2

    text = f"input:lucid/{case.facts['ctor']['config']}/zav"
    average = network.mapping(seeded_input(text, (500, z.codes.shape[1]))).mean(0, keepdim=True)
    yield "av", average
    near = replace(w, codes=average + 0.6 * (w.codes - average))
    yield "img_trunc0.6_clamped", ((generator.forward(near) + 1) / 2).clamp(0, 1)

    raw = {"GAN": {n: t for n, t in state.items() if n.startswith(("S.", "G.", "D."))}}
    torch.save(raw, folder / "raw.pt")
    nonema = load_generator(folder / "raw.pt")
    nonema.noise_maps = lambda _batch: noise
    yield "img_nonema", (nonema.forward(z) + 1) / 2

    network.double()
    exact = replace(z, codes=z.codes.double())
    yield "w_f64", generator.to_space(exact, "w").codes
    generator.noise_maps = lambda _batch: noise.double()
    yield "img_f64", (generator.forward(exact) + 1) / 2


def _kept(key: str, shape: tuple[int, ...]) -> Tensor | None:
    """The kernel of the blur; aliases are left to the caller."""
    return None if key.startswith("D_aug.") else torch.tensor([1.0, 2.0, 1.0])
