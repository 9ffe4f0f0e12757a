"""BigGAN as a generator: formulas, spaces, classes, SeFa, the discriminator; faster layers give the same numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import truncnorm
from torch.nn import functional

from interpgan_biggan import testing as files
from interpgan_biggan.generator import imagenet_names
from interpgan_biggan.layers import Conv
from interpgan_core import InterpganError, LatentBatch, Mix, Sample, Shift, Truncate, load_generator
from interpgan_core.testing import GENERATOR_CHECKS, Case
from interpgan_sefa.factorise import FindSemantics

KINDS = [*files.KINDS, "huggingface"]
EYE = torch.eye(files.CLASSES)


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """`load("deep")`, `load("huggingface", truncation=0.5)`."""
    folder = tmp_path_factory.mktemp("biggan")
    files.write_huggingface(folder / "huggingface")
    for name, options in files.KINDS.items():
        files.write(folder / name, files.ajbrock(**options))
    return lambda name, **options: load_generator(folder / name, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("check", GENERATOR_CHECKS, ids=lambda check: check.__name__)
def test_conforms(check, kind, load, tmp_path):
    generator = load(kind)
    check(Case(generator, generator, tmp_path))


def far(a, b):
    return float((a - b).detach().abs().max())


# The formulas of the original code, in float64.


def spectral(state, name, eps=1e-6):
    weight = state[f"{name}.weight"].double()
    if f"{name}.u0" not in state:
        return weight
    flat, u = weight.flatten(1), state[f"{name}.u0"].double()[0]
    v = functional.normalize(u @ flat, dim=0, eps=eps)
    u = functional.normalize(flat @ v, dim=0, eps=eps)
    return weight / (u @ flat @ v)


def batch_norm(state, name, x, gain, bias):
    mean, variance = (state[f"{name}.stored_{p}"].double()[:, None, None] for p in ("mean", "var"))
    return (x - mean) / (variance + 1e-5).sqrt() * gain[..., None, None] + bias[..., None, None]


def written_out_deep(state, z, y, attention=1):
    """ajbrock's BigGAN-deep, of which the parity suite has no answers."""
    state = {name: tensor.double() for name, tensor in state.items()}
    condition = torch.cat([y.double() @ state["shared.weight"], z.double()], 1)

    def conv(name, x):
        w = spectral(state, name)
        return functional.conv2d(x, w, state.get(f"{name}.bias"), padding=w.shape[2] // 2)

    x = condition @ spectral(state, "linear").t() + state["linear.bias"]
    x = x.view(len(z), -1, 4, 4)
    for i in range(6):
        name, maps, up = f"blocks.{i}.0", x, i % 2 == 1
        for k in (1, 2, 3, 4):
            gain, bias = (condition @ spectral(state, f"{name}.bn{k}.{p}").t() for p in ("gain", "bias"))
            maps = batch_norm(state, f"{name}.bn{k}", maps, 1 + gain, bias).relu()
            maps = functional.interpolate(maps, scale_factor=2) if up and k == 2 else maps
            maps = conv(f"{name}.conv{k}", maps)
        x = x[:, : maps.shape[1]]
        x = maps + (functional.interpolate(x, scale_factor=2) if up else x)
        if i == attention:
            theta, phi, g = (conv(f"blocks.{i}.1.{p}", x) for p in ("theta", "phi", "g"))
            phi, g = (functional.max_pool2d(t, 2).flatten(2) for t in (phi, g))
            beta = (theta.flatten(2).transpose(1, 2) @ phi).softmax(2)
            attended = (g @ beta.transpose(1, 2)).view(len(z), -1, *x.shape[2:])
            x = x + state[f"blocks.{i}.1.gamma"] * conv(f"blocks.{i}.1.o", attended)
    x = batch_norm(state, "output_layer.0", x, state["output_layer.0.gain"], state["output_layer.0.bias"])
    return conv("output_layer.2", x.relu()).tanh()


def test_ajbrocks_deep_variant_computes_the_formulas(load):
    generator = load("deep")
    generator.module.double()
    batch = generator.sample([0, 1, 2])
    expected = written_out_deep(files.ajbrock(deep=True), batch.codes, batch.labels)
    assert far(generator.forward(batch), expected) < 1e-12


@pytest.mark.parametrize("size", [1, 4, 5])
def test_four_small_kernels_are_upsampling_and_a_large_one(size):
    conv = Conv(6, 5, 3, 3, vectors="").double().requires_grad_(False)
    for i, tensor in enumerate((conv.weight, conv.bias)):
        tensor.copy_(torch.randn(tensor.shape, generator=torch.Generator().manual_seed(i)))
    x = torch.randn(2, 5, size, size + 1, dtype=torch.float64, requires_grad=True)
    large = functional.conv2d(functional.interpolate(x, scale_factor=2), conv.weight, conv.bias, padding=1)
    assert far(conv(x, up=True), large) < 1e-12
    grads = [torch.autograd.grad(y.square().sum(), x)[0] for y in (conv(x, up=True), large)]
    assert far(*grads) < 1e-9
    conv.weight.mul_(2)  # the stored kernels must follow
    assert far(conv(x, up=True), 2 * (large - conv.bias[:, None, None]) + conv.bias[:, None, None]) < 1e-12
    conv.requires_grad_(True)
    conv(x, up=True).sum().backward()
    assert conv.weight.grad is not None


def test_one_network_in_inference_mode_and_then_with_gradients(load):
    generator = load("hier")
    batch = generator.sample([0])
    with torch.inference_mode():
        before = generator.forward(batch)
    codes = batch.codes.clone().requires_grad_(True)
    after = generator.forward(replace(batch, codes=codes))
    after.sum().backward()
    assert far(before, after) < 1e-6 and codes.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", ["hier", "huggingface"])
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_near(kind, precision, load):
    batch = load(kind).sample([0, 1])
    images = load(kind, precision=precision).images(batch)
    assert images.dtype == torch.float32
    assert 0 < far(images, load(kind).images(batch)) < 0.2


# Spaces.


def test_a_chunk_of_z_moves_its_own_layer_and_later_ones_alone(load):
    generator = load("hier")
    assert generator.spaces["z"].layer_numbers() == [0, 1, 2, 3]
    batch = generator.sample([0])
    moved = replace(batch, codes=batch.codes + generator.spaces["z"].mask("2"))
    before, after = (generator.features(b, generator.layers) for b in (batch, moved))
    changed = {name: far(before[name], after[name]) > 0 for name in generator.layers}
    assert changed == {
        "stem": False, "blocks.0": False, "blocks.1": True, "attention.1": True, "blocks.2": True
    }  # fmt: skip


def test_a_row_of_zplus_moves_its_own_layer_and_later_ones_alone(load):
    generator = load("huggingface")
    batch = generator.to_space(generator.sample([0]), "z+")
    moved = replace(batch, codes=batch.codes + generator.spaces["z+"].mask("2"))
    before, after = (generator.features(b, generator.layers) for b in (batch, moved))
    assert [name for name in generator.layers if far(before[name], after[name]) > 0] == [
        "blocks.1", "attention.1", "blocks.2", "blocks.3"
    ]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_class_can_be_edited_in_cplus(kind, load):
    generator = load(kind)
    z = generator.module.architecture.z
    one, two = (generator.to_space(generator.sample([0], EYE[i : i + 1]), "c+") for i in (0, 1))
    codes = one.codes.clone()
    codes[..., z:] = two.codes[..., z:]
    assert far(generator.images(replace(one, codes=codes)), generator.images(two)) == 0
    assert far(generator.images(one), generator.images(two)) > 1e-3


def test_mixed_classes_mix_embeddings(load):
    generator = load("huggingface")
    codes = [
        generator.to_space(generator.sample([0], row[None]), "c+").codes
        for row in (EYE[0], EYE[1], 0.25 * EYE[0] + 0.75 * EYE[1])
    ]
    assert far(codes[2], 0.25 * codes[0] + 0.75 * codes[1]) < 1e-6


def test_codes_without_a_class(load):
    generator = load("hier")
    batch = LatentBatch(generator.prior([0]), generator.spaces["z"])
    with pytest.raises(InterpganError, match="has 5 classes, and these codes have none"):
        generator.images(batch)


@pytest.mark.parametrize("kind", KINDS)
def test_style_weights_are_the_matrices_that_codes_are_multiplied_by(kind, load):
    """A layer's first batch norm, and the first map, depend on the code by the style weight alone."""
    generator = load(kind)
    network = generator.module
    a, b = (generator.to_space(generator.sample([s], EYE[:1]), "c+").codes for s in (0, 1))
    layer = 1
    norm = network.blocks[0].steps[0].norm
    conditions = [network._condition(codes[:, layer], network.architecture.told) for codes in (a, b)]
    first, second = (torch.cat([norm.gain.dense(c), norm.bias.dense(c)], 1) for c in conditions)
    rows = first.shape[1]
    weight = generator.style_weight("c+", layer)[:rows]
    assert far((b - a)[:, layer] @ weight.t(), second - first) < 1e-5
    z = [generator.sample([s], EYE[:1]).codes for s in (0, 1)]
    assert far((z[1] - z[0]) @ generator.style_weight("z", layer)[:rows].t(), second - first) < 1e-5
    stems = [network.stem(network._condition(codes[:, 0], network.architecture.stem)) for codes in (a, b)]
    found = (z[1] - z[0]) @ generator.style_weight("z", 0).t()
    expected = network.stem.linear.dense(network._condition(b[:, 0] - a[:, 0], network.architecture.stem))
    assert far(found, expected - network.stem.linear.bias) < 1e-5 and far(*stems) > 0


@pytest.mark.parametrize(("space", "layer"), [("w", 0), ("z", 4), ("z", -1)])
def test_style_weights_that_do_not_exist(space, layer, load):
    with pytest.raises(InterpganError, match=f"no style weight from {space} into layer {layer}"):
        load("hier").style_weight(space, layer)


# SeFa.


def test_sefa_finds_directions_in_the_chunk_of_a_layer(load):
    generator = load("hier")
    found = FindSemantics(layers="2", count=20).run(generator)
    assert len(found) == files.CHUNK and {d.space for d in found.values()} == {"z"}
    mask = generator.spaces["z"].mask("2")
    vectors = torch.stack([d.vector for d in found.values()])
    assert not vectors[:, ~mask].any()
    assert far(vectors @ vectors.T, torch.eye(files.CHUNK, dtype=torch.float64)) < 1e-12
    weight = functional.normalize(generator.style_weight("z", 2)[:, mask].double(), dim=1)
    values = torch.tensor([d.notes["eigenvalue"] for d in found.values()], dtype=torch.float64)
    assert far(values, torch.linalg.svdvals(weight) ** 2) < 1e-9


def test_sefa_of_all_layers_stacks_chunk_by_chunk(load):
    """The directions of several layers are those of each alone, in one order."""
    generator = load("hier")
    alone = [
        (d.notes["eigenvalue"], d.vector)
        for n in (1, 2)
        for d in FindSemantics(layers=str(n)).run(generator).values()
    ]
    together = FindSemantics(layers="1-2").run(generator)
    assert len(together) == 2 * files.CHUNK
    for (value, vector), found in zip(sorted(alone, key=lambda a: -a[0]), together.values(), strict=True):
        assert abs(value - found.notes["eigenvalue"]) < 1e-9 and far(vector, found.vector) < 1e-6


def test_sefa_of_a_deep_network_leaves_the_class_out_and_edits_by_layer(load):
    generator = load("huggingface")
    first = FindSemantics(layers="1-2").run(generator)["0"]
    assert (first.space, first.vector.shape) == ("z", (files.EMBEDDING,))
    moved = Shift(direction=first, strength=2.0).run(generator.sample([0]), generator)
    assert moved.space.name == "z+"
    distances = (moved.codes - generator.to_space(generator.sample([0]), "z+").codes).norm(dim=2)
    assert far(distances, torch.tensor([[0.0, 2, 2, 0, 0]])) < 1e-5


# Samples and truncation.


def test_samples_are_those_of_the_repositories(load):
    generator = load("huggingface", truncation=0.5)
    for seed in (0, 7, 4_000_000_000):
        expected = truncnorm.rvs(-2, 2, size=(1, 6), random_state=np.random.RandomState(seed))
        assert far(generator.prior([seed]), 0.5 * torch.from_numpy(expected).float()) < 1e-6
    normal = np.random.RandomState(7).randn(12).astype(np.float32)
    assert torch.equal(load("hier").prior([7])[0], torch.from_numpy(normal))
    assert generator.prior([]).shape == (0, 6)


def test_truncation_takes_its_own_statistics(load):
    batch = load("huggingface").sample([0], EYE[:1])
    assert far(*(load("huggingface", truncation=t).images(batch) for t in (1.0, 0.5))) > 1e-3
    fingerprints = {load("huggingface", truncation=t).fingerprint for t in (1.0, 0.5, 0.45)}
    fingerprints.add(load("huggingface", truncation=0.45, statistics="corrected").fingerprint)
    assert len(fingerprints) == 3  # at 0.45 of 11 rows both modes blend two rows by halves


def test_the_step_truncate_pulls_z_to_zero(load):
    generator = load("hier")
    batch = generator.sample([0])
    assert far(Truncate(psi=0.5).run(batch, generator).codes, batch.codes / 2) == 0


def test_layers_of_two_samples_are_mixed(load):
    generator = load("hier")
    batch, other = generator.sample([0], EYE[:1]), generator.sample([1], EYE[:1])
    mixed = Mix(source=other, layers="0-1").run(batch, generator)
    assert torch.equal(mixed.codes[0], torch.cat([other.codes[0, :6], batch.codes[0, 6:]]))


# Names of classes.


def test_names_of_imagenet():
    names = imagenet_names()
    assert len(names) == len({name.casefold() for name in names}) == 1000
    known = {0: "tench", 1: "goldfish", 207: "golden retriever", 281: "tabby", 291: "lion", 417: "balloon",
             530: "digital clock", 812: "space shuttle", 949: "strawberry", 980: "volcano", 985: "daisy",
             134: "crane (bird)", 517: "crane (machine)", 264: "Cardigan (dog)", 474: "cardigan",
             638: "maillot", 639: "maillot (tank suit)", 999: "toilet tissue"}  # fmt: skip
    assert {number: names[number] for number in known} == known


def test_networks_of_imagenet_know_the_names(tmp_path):
    state = files.huggingface() | {"embeddings.weight": torch.randn(files.EMBEDDING, 1000)}
    generator = load_generator(files.write_huggingface(tmp_path / "deep", state))
    labels = Sample(seeds="0", classes=["0.7*golden retriever + 0.3*Tabby"]).run(generator).labels[0]
    assert labels.nonzero().flatten().tolist() == [207, 281]
    with pytest.raises(InterpganError, match="did you mean 'golden retriever'"):
        Sample(seeds="0", classes=["golden retreiver"]).run(generator)
    with pytest.raises(InterpganError, match=r"crane \(bird\), crane \(machine\)"):
        Sample(seeds="0", classes=["crane"]).run(generator)


# The discriminator.


@pytest.fixture
def with_discriminator(tmp_path):
    files.write(tmp_path / "G.pth", files.ajbrock())
    files.write(tmp_path / "D.pth", files.discriminator())
    return load_generator(tmp_path)


def test_the_discriminator_is_linear_in_classes_and_gives_gradients(with_discriminator):
    discriminator = with_discriminator.discriminator
    assert not discriminator.training and not any(p.requires_grad for p in discriminator.parameters())
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    first, second = (discriminator(images, EYE[i].expand(2, -1)) for i in (0, 1))
    assert first.shape == (2, 1) and far(first, second) > 1e-4
    mixed = discriminator(images, (0.25 * EYE[0] + 0.75 * EYE[1]).expand(2, -1))
    assert far(mixed, 0.25 * first + 0.75 * second) < 1e-5
    first.sum().backward()
    assert images.grad.abs().sum() > 0


def test_the_discriminator_moves_with_the_generator(with_discriminator):
    assert with_discriminator.to("meta").discriminator.linear.weight.device.type == "meta"
