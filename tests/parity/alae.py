"""ALAE, as its training saves it: the averages under names that end in _s, and the raw networks beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from interpgan_core import LatentBatch, load_generator
from parity.case import seeded_input
from parity.r3gan import picture
from parity.second import SecondCase

INPUTS = r"in/.*"


def observe(case: SecondCase, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """w, every block, pictures with every kind of noise, the encoder block by block, the discriminator."""
    path = _written(case, folder)
    generator, noisy = load_generator(path), load_generator(path, noise="random")
    network, config = generator.module, case.facts["ctor"]["config"]
    z = LatentBatch(case.tensor("in/z"), generator.spaces["z"])
    w = generator.to_space(z, "w")
    yield "w", w.codes
    seen = {}
    for i, block in enumerate(network.blocks):
        block.second.register_forward_hook(lambda _m, _in, out, i=i: seen.update({f"feat/decode{i}": out}))
    images = generator.forward(z)
    yield from list(seen.items())
    yield "img_nonoise", images
    noisy.noise_maps = lambda _batch: [
        # The original's constant is one sample, and so is the noise that is added to it.
        seeded_input(
            f"input:alae/{config}/noise/{k // 2}/{k % 2}", (2 if k else 1, 1, 4 << k // 2, 4 << k // 2)
        )
        for k in range(2 * len(network.blocks))
    ]
    yield "img_noise", noisy.forward(z)

    psi, cutoff = case.facts["ctor"]["psi"], case.facts["ctor"]["cutoff"]
    rows, mean = generator.to_space(z, "w+"), generator.spaces["w+"].mean
    assert torch.equal(mean, case.tensor("in/buff"))
    codes = rows.codes.clone()
    codes[:, :cutoff] = mean[:cutoff] + psi * (codes[:, :cutoff] - mean[:cutoff])
    yield "img_trunc_nonoise", generator.forward(replace(rows, codes=codes))

    x = picture(f"input:alae/{config}/x", (2, 3, network.side, network.side))
    for i, block in enumerate(generator.encoder.blocks):
        names = [f"feat/encode{i}.{part}" for part in ("x", "w1", "w2")]
        block.register_forward_hook(
            lambda _m, _in, out, names=names: seen.update(zip(names, out, strict=True))
        )
    seen.clear()
    code = generator.encode(x)
    yield from list(seen.items())
    yield "code", code.codes
    yield "d_pred", generator.discriminator(x)[:, 0]
    yield "recon_nonoise", generator.forward(code)
    for name in {n.partition("/")[0] for n in case.arrays if re.match(r"img_lod\d", n)}:
        level = int(re.match(r"img_lod(\d+)", name)[1])
        yield name, load_generator(path, resolution=4 << level).forward(z)

    network.double()
    generator.encoder.double()
    exact = LatentBatch(z.codes.double(), z.space)
    yield "w_f64", generator.to_space(exact, "w").codes
    yield "code_f64", generator.encode(x.double()).codes
    drawn = generator.forward(exact)
    if "img_nonoise_f64" in case.arrays:
        yield "img_nonoise_f64", drawn
    else:
        top = (network.side - 48) // 2
        yield "img_nonoise/crop_f64", drawn[:, :, top : top + 48, top : top + 48]


def _written(case: SecondCase, folder: Path) -> Path:
    """The checkpoint in its original layout."""
    models = {}
    names = {"E": "discriminator_s", "G": "generator_s", "D": "mapping_tl_s", "F": "mapping_fl_s"}
    for net, name in names.items():
        models[name] = case.state(net, _blur)
        models[name.removesuffix("_s")] = {n: t * 1.1 for n, t in models[name].items()}
    models["dlatent_avg"] = {"buff": case.tensor("in/buff")}
    torch.save({"models": models, "auxiliary": {"iteration": 7}}, folder / "model.pth")
    return folder / "model.pth"


def _blur(_key: str, shape: tuple[int, ...]) -> Tensor:
    line = torch.tensor([1.0, 2.0, 1.0])
    return (torch.outer(line, line) / 16).expand(shape).contiguous()
