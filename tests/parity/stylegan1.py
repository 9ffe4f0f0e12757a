"""StyleGAN 1, in the layout of genforce."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from interpgan_core import LatentBatch, Truncate, load_generator
from parity.case import Case, seeded_input
from parity.pggan import batch_of, discriminated
from parity.sefa import factorised

INPUTS = r"z|label|d_rand_label|wp_rand|trunc_layers|mix_cutoff|sefa/.*/(layers|order_desc|is_complex)"


def observe(case: Case, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Everything that the original answered, from a checkpoint as it was published."""
    path = folder / "stylegan.pth"
    nets = {"generator_smooth": case.state("G", keep), "discriminator": case.state("D", keep)}
    torch.save(nets, path)
    options = {"fused_scale": case.facts["G_kwargs"].get("fused_scale", "auto")}
    generator = load_generator(path, **options)
    module, batch = generator.module, batch_of(case, generator)
    yield "z_norm", module.mapping.normalise(batch.codes, batch.labels)
    seen = {}
    for name, part in module.synthesis.named_children():
        part.register_forward_hook(lambda _m, _i, out, name=name: seen.update({f"feat/{name}": out}))
    picture = generator.images(batch, batch_size=len(batch))
    yield "img", picture
    yield from list(seen.items())
    yield from in_w(case, generator, batch)
    for name in [n for n in case.arrays if n.startswith("img_lod") and not n.endswith("/stats")]:
        lod = float(name.removeprefix("img_lod"))
        yield name, load_generator(path, lod=lod, **options).images(batch)
    yield from discriminated(case, generator.discriminator, generator.discriminator, picture)
    yield from factorised(case, lambda layers: torch.cat([generator.style_weight("w+", k) for k in layers]))
    if "img_f64" in case.arrays:
        module.double()
        two = replace(batch[:2], codes=batch.codes[:2].double())
        yield "img_f64", generator.forward(two)


def in_w(case: Case, generator, batch: LatentBatch) -> Iterator[tuple[str, Tensor]]:
    """w, styles, truncation, mixing, and codes that no z gives."""
    w = generator.to_space(batch, "w+")
    yield "w", w.codes[:, 0]
    widths = [len(layer.style.bias) for layer in generator.module.synthesis.layers]
    for k, style in enumerate(generator.to_space(batch, "s").codes.split(widths, 1)):
        yield f"style/style{k:02d}", style[:, : case.arrays[f"style/style{k:02d}"].shape[1]]
    yield "img_psi0.7_all", generator.images(Truncate(psi=0.7).apply(w, generator))
    cut = int(case.arrays["trunc_layers"])
    truncated = Truncate(psi=0.5, layers=f"0-{cut - 1}").apply(w, generator)
    stored = case.arrays["wp_psi0.5"].shape
    yield "wp_psi0.5", truncated.codes[:, :, : stored[2]]
    yield f"img_psi0.5_l{cut}", generator.images(truncated)
    cut = int(case.arrays["mix_cutoff"])
    mixed = torch.cat([w.codes[:, :cut], w.codes.roll(1, 0)[:, cut:]], 1)
    yield "img_mix", generator.images(replace(w, codes=mixed))
    shape = generator.spaces["w+"].shape
    text = case.facts["inputs"]["wp_rand"].partition("base('")[2].partition("'")[0]
    drawn = seeded_input(text, (2, *shape))
    yield "img_wp_rand", generator.images(LatentBatch(drawn, generator.spaces["w+"]))


def keep(key: str, shape: tuple[int, ...]) -> Tensor:
    """The constants of the architecture: a level of detail of 0, and the kernel of the blur."""
    if key.endswith("lod"):
        return torch.zeros(shape)
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    return (line[:, None] * line).expand(shape).contiguous()
