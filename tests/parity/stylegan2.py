"""StyleGAN 2, in the layouts of NVIDIA (as a pickle), genforce and rosinality."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from interpgan_core import LatentBatch, Truncate, load_generator
from interpgan_sefa.factorise import factorise
from interpgan_stylegan.testing.v3 import write_pickle
from interpgan_stylegan.v2.resampling import kernel
from parity.case import Case, seeded_input
from parity.pggan import batch_of
from parity.sefa import NEIGHBOURS, factorised

INPUTS = (
    r"z|c|label|wp|wp_rand|num_ws|n_latent|latent_avg|trunc_layers|mix_cutoff|d_rand_c|d_rand_label"
    r"|sefa/.*/(layers|order_desc|is_complex)"
)


def observe(case: Case, folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Everything that the original answered."""
    family = {"stylegan2-ada": nvidia, "stylegan2": genforce, "rosinality": rosinality}[case.family]
    yield from family(case, folder / "network")


def nvidia(case: Case, path: Path) -> Iterator[tuple[str, Tensor]]:
    """A pickle with the settings of the network."""
    write_pickle(
        path,
        G_ema=("Generator", case.state("G", keep), case.facts["G_kwargs"]),
        D=("Discriminator", case.state("D", keep), case.facts["D_kwargs"]),
    )
    generator = load_generator(path)
    assert generator.spaces["w+"].shape[0] == case.arrays["num_ws"]
    batch = LatentBatch(case.tensor("z"), generator.spaces["z"], stored(case, "c"))
    w = generator.to_space(batch, "w+")
    yield "w", w.codes[:, 0]
    picture = generator.images(batch)
    yield "img_const", picture
    yield "img_none", load_generator(path, noise="none").images(batch)
    pulled = Truncate(psi=0.7).apply(batch, generator)
    yield "w_psi0.7", pulled.codes
    yield "img_const_psi0.7", generator.images(pulled)
    pulled = Truncate(psi=0.5, layers="0-3").apply(w, generator)
    yield "ws_psi0.5_cutoff4", pulled.codes
    yield "img_const_psi0.5_cutoff4", generator.images(pulled)
    yield "img_const_mix", generator.images(mixed(w, int(case.arrays["mix_cutoff"])))
    codes = drawn(case, "wp", 2, w)
    yield "img_const_wp", generator.images(codes)
    yield "img_const_wp", generator.forward(replace(codes, codes=codes.codes.requires_grad_()))
    seen = observed(generator.module.synthesis, "feat_const/{}")
    generator.images(batch, batch_size=len(batch))
    yield from known(case, seen)
    discriminator = generator.discriminator
    seen = observed(discriminator, "dfeat/{}")
    yield "d_logits_img_const", discriminator(picture, batch.labels)
    yield from known(case, seen)
    yield "d_logits_rand", discriminator(noise(case, picture), stored(case, "d_rand_c"))


def genforce(case: Case, path: Path) -> Iterator[tuple[str, Tensor]]:
    """A dictionary of two networks."""
    nets = {"generator_smooth": case.state("G", keep), "discriminator": case.state("D", keep)}
    torch.save(nets, path)
    generator = load_generator(path)
    module, batch = generator.module, batch_of(case, generator)
    normal = []
    module.mapping.fc0.register_forward_pre_hook(lambda _m, inputs: normal.append(inputs[0]))
    w = generator.to_space(batch, "w+")
    yield "z_norm", normal[0][: len(batch)]
    yield "w", w.codes[:, 0]
    picture = generator.images(batch)
    yield "img", picture
    layers = list(module.synthesis.styled())
    styles = generator.to_space(batch, "s").codes.split([len(t.affine.bias) for _, t in layers], 1)
    names = {conv: f"style{k:02d}" for k, conv in enumerate(module.synthesis.convs)}
    for (number, layer), style in zip(layers, styles, strict=True):
        name = f"style/{names.get(layer, f'output_style{number // 2}')}"
        yield name, style[:, : case.arrays[name].shape[1]]
    yield "img_psi0.7_all", generator.images(Truncate(psi=0.7).apply(w, generator))
    cut = int(case.arrays["trunc_layers"])
    pulled = Truncate(psi=0.5, layers=f"0-{cut - 1}").apply(w, generator)
    yield "wp_psi0.5", pulled.codes[:, :, : case.arrays["wp_psi0.5"].shape[2]]
    yield f"img_psi0.5_l{cut}", generator.images(pulled)
    yield "img_mix", generator.images(mixed(w, int(case.arrays["mix_cutoff"])))
    yield "img_wp_rand", generator.images(drawn(case, "wp_rand", 2, w))
    seen = observed(module.synthesis, "{}")
    generator.images(batch, batch_size=len(batch))
    numbers = {name.removeprefix("synthesis."): k for k, name in enumerate(generator.layers)}
    for name, maps in seen.items():
        if name.endswith("torgb"):
            yield (
                f"feat/output{module.synthesis.blocks.index(module.get_submodule(f'synthesis.{name[:-6]}'))}",
                maps,
            )
        elif name in numbers:
            yield f"feat/layer{numbers[name]}", maps
    yield from discriminated(case, generator.discriminator, picture)
    yield from factorised(case, lambda layers: torch.cat([generator.style_weight("w+", k) for k in layers]))
    if "img_f64" in case.arrays:
        module.double()
        yield "img_f64", generator.forward(replace(batch[:2], codes=batch.codes[:2].double()))


def discriminated(case: Case, discriminator: nn.Module, picture: Tensor) -> Iterator[tuple[str, Tensor]]:
    """genforce's discriminator: layers are numbered from the largest resolution on."""
    seen = observed(discriminator, "{}")
    yield "d_out_img", discriminator(picture, stored(case, "label"))
    last = discriminator.depth - 1
    names = {"b4.conv": f"layer{2 * last}", "b4.fc": f"layer{2 * last + 1}", "b4.out": f"layer{2 * last + 2}"}
    for j in range(last + 1):
        block = f"b{4 * 2 ** (last - j)}"
        names |= {f"{block}.fromrgb": f"input{j}"}
        if j < last:
            names |= {f"{block}.conv0": f"layer{2 * j}", f"{block}.conv1": f"layer{2 * j + 1}"}
    for name, maps in seen.items():
        if name in names:
            # Where there is a way round, both are scaled after they are added up, there.
            after = name.endswith("conv1") and f"{name[:-5]}skip" in seen
            yield f"dfeat/{names[name]}", maps * 2**0.5 if after else maps
    yield "d_out_rand", discriminator(noise(case, picture), stored(case, "d_rand_label"))


def rosinality(case: Case, path: Path) -> Iterator[tuple[str, Tensor]]:
    """A dictionary of two networks and the mean of w."""
    mean = 0.2 * seeded_input("G:latent_avg", case.arrays["latent_avg"].shape)
    assert torch.equal(mean, case.tensor("latent_avg"))
    torch.save({"g_ema": case.state("G", keep), "latent_avg": mean, "d": case.state("D", keep)}, path)
    generator = load_generator(path)
    batch = LatentBatch(case.tensor("z"), generator.spaces["z"])
    w = generator.to_space(batch, "w+")
    assert w.codes.shape[1] == case.arrays["n_latent"]
    yield "w", w.codes[:, 0]
    picture = generator.images(batch)
    yield "img", picture
    yield "img_t0.7", generator.images(Truncate(psi=0.7).apply(batch, generator))
    yield "img_mix_inject3", generator.images(mixed(w, 3))
    yield "img_nonoise", load_generator(path, noise="none").images(batch)
    seen = observed(generator.module.synthesis, "{}")
    generator.images(batch, batch_size=len(batch))
    for i in range(len(generator.module.synthesis.blocks)):
        block = f"b{4 * 2**i}"
        yield f"feat/to_rgbs{i - 1}" if i else "feat/to_rgb1", seen[f"{block}/img"]
        if i:
            yield f"feat/convs{2 * i - 2}", seen[f"{block}.conv0"]
        yield f"feat/convs{2 * i - 1}" if i else "feat/conv1", seen[f"{block}.conv1"]
    seen = observed(generator.discriminator, "{}")
    yield "d_out_img", generator.discriminator(picture)
    sides = [4 * 2**i for i in reversed(range(1, generator.discriminator.depth))]
    yield "dfeat/convs0", seen[f"b{sides[0]}.fromrgb"]
    for j, side in enumerate(sides):
        yield f"dfeat/convs{j + 1}", seen[f"b{side}/x"]
    yield "d_out_rand", generator.discriminator(noise(case, picture))
    first, second = (
        generator.module.get_parameter(f"synthesis.b4.{n}.affine.weight") for n in ("conv1", "torgb")
    )
    rest = [generator.style_weight("w+", k) for k in range(1, len(generator.layers))]
    values, vectors = factorise(torch.cat([first, second, *rest]), normalize=False)
    yield "factor/sv", values.sqrt()[: len(case.arrays["factor/sv"])]
    original = case.tensor("factor/eigvec_first20_cols").double()
    # A solver in float32: its rounding leaks into more neighbours.
    near = (values[: len(original), None] - values).abs() < 2.5 * NEIGHBOURS * values[0]
    yield "factor/eigvec_first20_cols", (original @ vectors.T * near) @ vectors
    if "img_f64" in case.arrays:
        generator.module.double()
        yield "img_f64", generator.forward(replace(batch[:1], codes=batch.codes[:1].double()))


def observed(module: nn.Module, form: str) -> dict[str, Tensor]:
    """A dictionary that fills with what passes the layers: of a block, `x` and `img`."""
    seen: dict[str, Tensor] = {}

    def keep_output(name: str, output) -> None:
        if isinstance(output, tuple):
            seen.update({form.format(f"{name}/x"): output[0], form.format(f"{name}/img"): output[1]})
        else:
            seen[form.format(name)] = output

    for name, part in module.named_modules():
        if name:
            part.register_forward_hook(lambda _m, _i, output, name=name: keep_output(name, output))
    return seen


def known(case: Case, seen: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Those that have an answer; NVIDIA's layers are named as ours, with slashes."""
    for name, maps in seen.items():
        name = name.replace(".", "/")
        if f"{name}/stats" in case.arrays:
            yield name, maps


def mixed(batch: LatentBatch, cut: int) -> LatentBatch:
    """The codes of the layers from `cut` on, from the sample before."""
    return replace(batch, codes=torch.cat([batch.codes[:, :cut], batch.codes.roll(1, 0)[:, cut:]], 1))


def stored(case: Case, name: str) -> Tensor | None:
    """A stored input, if there is one."""
    return case.tensor(name) if name in case.arrays else None


def drawn(case: Case, name: str, count: int, batch: LatentBatch) -> LatentBatch:
    """Codes that no z gives."""
    text = case.facts["inputs"][name].partition("base('")[2].partition("'")[0]
    return LatentBatch(seeded_input(text, (count, *batch.space.shape)), batch.space)


def noise(case: Case, picture: Tensor) -> Tensor:
    """Seeded noise for the discriminator."""
    inputs = case.facts["inputs"]
    said = inputs.get("d_rand images", inputs.get("d_rand"))
    text, count = said.partition("base('")[2].split("',[")
    return 0.5 * seeded_input(text, (int(count.partition(",")[0]), *picture.shape[1:]))


def keep(key: str, shape: tuple[int, ...]) -> Tensor:
    """The constant filters: of sum 4 where a generator doubles the size, but for NVIDIA's."""
    up = key.endswith(("upsample.kernel", "blur.kernel")) or (key.startswith("synthesis") and "kernel" in key)
    return (kernel() * (4 if up else 1)).expand(shape).clone()
