"""ajbrock's BigGAN: what our network and discriminator make of the original's weights and inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from interpgan_core import Generator, LatentBatch, load_generator
from parity.case import Case, seeded_input

INPUTS = r"dim_z|z_chunk_size|z|y|d_rand_y"


def observe(case: Case, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Everything that the original was asked."""
    settings = case.facts["G_kwargs"]
    for net in "GD":
        torch.save(case.state(net, _constant), folder / f"{net}.pth")
    generator = load_generator(folder, bn_eps=settings["BN_eps"], sn_eps=settings["SN_eps"])
    assert generator.spaces["z"].shape == (int(case.arrays["dim_z"]),)
    y = case.tensor("y")
    labels = torch.nn.functional.one_hot(y, settings["n_classes"]).float()
    batch = LatentBatch(case.tensor("z"), generator.spaces["z"], labels)
    shared = generator.module.embed(labels)
    yield "shared", shared if settings["G_shared"] else y
    found, image = features(generator, batch)
    yield "feat/linear", found["stem"].flatten(1)
    for name, maps in found.items():
        kind, _, number = name.partition(".")
        if kind != "stem":
            yield f"feat/blocks{number}.{'01'[kind == 'attention']}", maps
    normal, maps = last(generator, list(found.values())[-1])
    yield "feat/output_layer0", normal
    yield "feat/output_layer2", maps
    yield "img", image
    yield "img_zhalf", generator.forward(replace(batch, codes=batch.codes / 2))
    if settings["G_shared"]:
        yield "img_classinterp", generator.forward(replace(batch, labels=(labels + labels.roll(1, 0)) / 2))
    yield from discriminator(case, generator, image, labels)
    if "img_f64" in case.arrays:
        generator.module.double()
        yield "img_f64", generator.forward(batch[: len(case.arrays["img_f64"])])


def _constant(key: str, shape: tuple[int, ...]) -> Tensor:
    return (torch.ones if ".sv" in key else torch.zeros)(shape)


def features(generator: Generator, batch: LatentBatch) -> tuple[dict[str, Tensor], Tensor]:
    """Every layer's maps, and the pictures, of one pass."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        return lambda _module, _inputs, maps: found.update({name: maps})

    handles = [generator.module.get_submodule(n).register_forward_hook(keep(n)) for n in generator.layers]
    image = generator.forward(batch)
    for handle in handles:
        handle.remove()
    return found, image


def last(generator: Generator, maps: Tensor) -> tuple[Tensor, Tensor]:
    """The last batch norm's maps, and all outputs of the last convolution before their tanh."""
    step = generator.module.last
    scale, shift = (t[:, :, None, None] for t in step.norm(maps))
    conv = step.conv
    normal = maps * scale + shift
    return normal, torch.nn.functional.conv2d(normal.relu() * conv.factor, conv.weight, conv.bias, padding=1)


def discriminator(
    case: Case, generator: Generator, image: Tensor, labels: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """Logits of the pictures and of noise, and the maps of every part."""
    discriminator = generator.discriminator
    found: dict[str, Tensor] = {}
    for i, block in enumerate(discriminator.blocks):
        for k, part in enumerate(block):
            name = f"dfeat/blocks{i}.{k}"
            part.register_forward_hook(lambda _m, _i, maps, name=name: found.update({name: maps}))
    yield "d_out_img", discriminator(image, labels)
    yield from found.copy().items()
    y = case.tensor("d_rand_y")
    side = image.shape[-1]
    config = case.name.removeprefix("biggan_aj_")
    noise = 0.5 * seeded_input(f"input:biggan-aj/{config}/dimg", (len(y), 3, side, side))
    yield "d_out_rand", discriminator(noise, torch.nn.functional.one_hot(y, labels.shape[1]).float())
