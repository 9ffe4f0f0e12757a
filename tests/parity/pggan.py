"""PGGAN, in the layouts of genforce and InterFaceGAN."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from interpgan_core import Generator, LatentBatch, LatentSpace, load_generator
from parity.case import Case, seeded_input
from parity.sefa import factorised

INPUTS = r"z|label|d_rand_label|sefa/.*/(layers|order_desc|is_complex)"


def observe(case: Case, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Everything that the original answered, from a checkpoint as it was published."""
    path = folder / "pggan.pth"
    if case.family == "interfacegan-pggan":
        torch.save(case.state("G", keep), path)
    else:
        nets = {"generator_smooth": case.state("G", keep), "discriminator": case.state("D", keep)}
        torch.save(nets, path)
    yield from observe_interfacegan(case, path) if len(case.arrays) < 10 else observe_genforce(case, path)


def observe_interfacegan(case: Case, path: Path) -> Iterator[tuple[str, Tensor]]:
    """The pictures, of codes as they are drawn and as InterFaceGAN scales them."""
    generator = load_generator(path)
    yield "img_raw_z", generator.images(batch_of(case, generator))
    yield "z_preprocessed", generator.module.normalise(case.tensor("z"), None)
    yield "img", generator.images(LatentBatch(case.tensor("z_preprocessed"), generator.spaces["z"]))


def observe_genforce(case: Case, path: Path) -> Iterator[tuple[str, Tensor]]:
    """Pictures, features, discriminator, level of detail, SeFa."""
    options = {"final_tanh": case.facts["G_kwargs"].get("final_tanh", False)}
    generator = load_generator(path, **options)
    batch = batch_of(case, generator)
    yield "z_norm", generator.module.normalise(batch.codes, batch.labels)
    seen = {}
    for name, module in generator.module.named_children():
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.update({f"feat/{name}": out}))
    picture = generator.images(batch, batch_size=len(batch))
    yield "img", picture
    yield from seen.items()
    for name in {n.partition("/")[0] for n in case.arrays if n.startswith("img_lod")}:
        lod = float(name.removeprefix("img_lod"))
        yield name, load_generator(path, lod=lod, **options).images(batch)
    discriminator = generator.discriminator
    yield from discriminated(
        case, discriminator, lambda images, _labels: discriminator.outputs(images), picture
    )
    generator.spaces["z"] = LatentSpace(
        "z", (generator.module.layer0.weight.shape[1],)
    )  # the label's columns too
    yield from factorised(case, lambda _: generator.style_weight("z", 0))
    if "img_f64" in case.arrays:
        generator.module.double()
        labels = None if batch.labels is None else batch.labels[:2]
        yield "img_f64", generator.forward(LatentBatch(batch.codes[:2].double(), batch.space, labels))


def discriminated(
    case: Case, discriminator: nn.Module, logits: Callable[..., Tensor], picture: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """What the discriminator says of our picture, with its features, and of noise: logits(images, labels)."""
    discriminator.group = case.facts["D_kwargs"].get("minibatch_std_group_size", discriminator.group)
    labels, others = (case.tensor(n) if n in case.arrays else None for n in ("label", "d_rand_label"))
    seen = {}
    for name, module in discriminator.named_children():
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.update({f"dfeat/{name}": out}))
    yield "d_out_img", logits(picture, labels)
    yield from ((name, maps) for name, maps in list(seen.items()) if f"{name}/stats" in case.arrays)
    drawn = case.facts["inputs"]["d_rand images"]
    text, count = re.match(r"0\.5\*base\('(.*)',\[(.*),3,R,R\]\)", drawn).groups()
    yield "d_out_rand", logits(0.5 * seeded_input(text, (int(count), *picture.shape[1:])), others)


def batch_of(case: Case, generator: Generator) -> LatentBatch:
    """The stored codes and labels."""
    labels = case.tensor("label") if "label" in case.arrays else None
    return LatentBatch(case.tensor("z"), generator.spaces["z"], labels)


def keep(key: str, shape: tuple[int, ...]) -> Tensor:
    """The constants of the architecture: a level of detail of 0."""
    return torch.zeros(shape)
