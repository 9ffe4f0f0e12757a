"""PGGAN as a generator, and its discriminator: against the formulas of the paper, written out in float64."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu, linear

from interpgan_core import InterpganError, LatentBatch, load_generator
from interpgan_core.plugin import group_std
from interpgan_core.testing import conformance, plugin_conformance, roundings
from interpgan_pggan import operators
from interpgan_pggan.testing import Z, discriminator, generator, write


def load(**options):
    with TemporaryDirectory() as folder:
        content = {"generator_smooth": generator(3), "discriminator": discriminator(3)}
        return load_generator(write(Path(folder), content), **options)


test_plugin = plugin_conformance("pggan")
test_conforms = conformance(load())
test_conforms_half_grown = conformance(load(lod=0.6))


def norm(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def whole(weight):
    """The padding by which a kernel passes over a single place at each of its own."""
    return weight.shape[2] - 1, weight.shape[3] - 1


def written_out(state, z, labels, blocks=3):
    """Images of the last of so many blocks, in float64, at its own size."""
    state = {name: tensor.double() for name, tensor in state.items()}
    x = torch.cat([norm(z.double()), labels.double()], 1)[:, :, None, None]
    for k in range(2 * blocks):
        weight = state[f"layer{k}.weight"]
        x = norm(x)
        if k and k % 2 == 0:
            x = interpolate(x, scale_factor=2, mode="nearest")
        x = conv2d(
            x,
            weight * (2 / weight[0].numel()) ** 0.5,
            state[f"layer{k}.bias"],
            padding=1 if k else whole(weight),
        )
        x = leaky_relu(x, 0.2)
    weight = state[f"output{blocks - 1}.weight"]
    return conv2d(norm(x), weight / weight.shape[1] ** 0.5, state[f"output{blocks - 1}.bias"])


@pytest.fixture(scope="module")
def batch():
    return load().sample([1, 2, 3])


def up(x, size=16):
    return interpolate(x, size=(size, size), mode="nearest")


@pytest.mark.parametrize(
    ("base", "channels"), [((4, 2), 3), ((2, 4), 1), ((4, 4), 4), ((4, 4), 1), ((6, 4), 3)]
)
def test_images_of_other_shapes(base, channels, batch, tmp_path):
    """Rectangles, grey, alpha: drawn as they are, shown in three channels, saved, given to the discriminator."""
    state = generator(3, base=base, channels=channels)
    nets = {"generator": state, "discriminator": discriminator(3, area=base[0] * base[1], channels=channels)}
    made = load_generator(write(tmp_path, nets))
    drawn, expected = made.forward(batch), written_out(state, batch.codes, batch.labels)
    assert drawn.shape == (3, channels, 4 * base[0], 4 * base[1]) == expected.shape
    assert (drawn - expected).abs().max() < 1e-5
    shown = made.images(batch)
    assert shown.shape == (3, 3, 4 * base[0], 4 * base[1])
    made.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    assert again.fingerprint == made.fingerprint and torch.equal(again.images(batch), shown)
    assert made.discriminator(shown).shape == (3, 1)


def test_images(batch):
    expected = written_out(generator(3), batch.codes, batch.labels)
    found = load().images(batch, batch_size=3)
    assert (found - expected).abs().max() < 1e-5
    exact = load()
    exact.module.double()
    assert (exact.forward(replace(batch, codes=batch.codes.double())) - expected).abs().max() < 1e-12


@pytest.mark.parametrize("lod", [0.0, 0.25, 1.0, 1.4, 2.0])
def test_level_of_detail(lod, batch):
    sizes = [up(written_out(generator(3), batch.codes, batch.labels, b)) for b in (3, 2, 1)]
    fine, coarse = sizes[int(lod)], sizes[min(int(lod) + 1, 2)]
    part = lod - int(lod)
    made = load(lod=lod)
    assert (made.images(batch) - (fine * (1 - part) + coarse * part)).abs().max() < 1e-5
    assert len(made.layers) == 2 * (3 - int(lod))
    assert made.fingerprint == load().fingerprint


def test_the_level_of_detail_of_a_file_in_training(tmp_path, batch):
    path = write(tmp_path, {"generator": {**generator(3), "lod": torch.tensor(1.5)}})
    found = load_generator(path, classes=3).images(batch)
    assert torch.equal(found, load(lod=1.5).images(batch))
    assert torch.equal(load_generator(path, classes=3, lod=0).images(batch), load().images(batch))


def test_a_tanh_at_the_end(batch):
    ended = load(final_tanh=True)
    torch.testing.assert_close(ended.images(batch), load().images(batch).tanh())
    assert ended.fingerprint != load().fingerprint


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_precision(precision, batch):
    found = load(precision=precision).images(batch)
    assert found.dtype == torch.float32
    assert 0 < roundings(found, load().images(batch), precision) < 15


def test_noise_does_not_exist(batch):
    assert torch.equal(load(noise="none").images(batch), load().images(batch))


def test_changed_weights_have_an_effect_at_once(batch):
    """Kernels that are computed from weights must not outlive them."""
    made = load()
    before = made.images(batch)
    made.module.get_parameter("layer2.weight").mul_(-1)
    changed = made.images(batch)
    assert (changed - before).abs().max() > 0.1
    made.module.get_parameter("layer2.weight").mul_(-1)
    assert torch.equal(made.images(batch), before)


def test_weights_can_be_trained(batch):
    made = load()
    made.images(batch)
    made.module.requires_grad_(True)
    made.images(batch).square().mean().backward()
    assert all(
        p.grad.abs().sum() > 0 for n, p in made.module.named_parameters() if not n.startswith("output")
    )


def test_style_weights():
    """y = A z is the output of the first layer, but for norm and scale."""
    made = load()
    z = torch.randn(1, Z, generator=torch.Generator().manual_seed(0))
    first = made.module.layer0
    weight = first.weight[:, :Z].flip(2, 3).double()
    expected = torch.einsum("oihw,i->ohw", weight, z[0].double()).flatten()
    torch.testing.assert_close((made.style_weight("z", 0).double() @ z[0].double()), expected)
    for space, layer in (("w", 0), ("z", 1)):
        with pytest.raises(InterpganError, match="takes a code in layer 0 alone, from z"):
            made.style_weight(space, layer)


def test_labels_are_needed(batch):
    with pytest.raises(InterpganError, match="has 3 classes; give the batch labels"):
        load().forward(LatentBatch(batch.codes, batch.space))


def expected_outputs(state, x, fused, group):
    state = {name: tensor.double() for name, tensor in state.items()}
    scaled = lambda name, gain=2**0.5: state[name] * gain / state[name][0].numel() ** 0.5  # noqa: E731
    x = leaky_relu(conv2d(x.double(), scaled("input0.weight"), state["input0.bias"]), 0.2)
    for k in range(4):
        x = conv2d(x, scaled(f"layer{k}.weight"), state[f"layer{k}.bias"], padding=1)
        if k % 2 == 0:
            x = leaky_relu(x, 0.2)
        else:
            x = leaky_relu(avg_pool2d(x, 2), 0.2) if fused else avg_pool2d(leaky_relu(x, 0.2), 2)
    groups = [list(range(j, len(x), len(x) // group)) for j in range(len(x) // group)]
    extra = x.new_zeros(len(x), 1, 4, 4)
    for members in groups:
        extra[members] = (x[members].var(0, correction=0) + 1e-8).sqrt().mean()
    x = conv2d(torch.cat([x, extra], 1), scaled("layer4.weight"), state["layer4.bias"], padding=1)
    x = linear(leaky_relu(x, 0.2).flatten(1), scaled("layer5.weight"), state["layer5.bias"])
    return linear(leaky_relu(x, 0.2), scaled("layer6.weight", 1), state["layer6.bias"])


@pytest.mark.parametrize("fused", [False, True])
def test_discriminator(fused):
    network = load(fused_scale=False).discriminator
    for part in network.modules():
        part.fused = fused
    network.group = 2
    images = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    expected = expected_outputs(discriminator(3), images, fused, 2)
    assert (network.outputs(images) - expected).abs().max() < 1e-5
    assert torch.equal(network(images), network.outputs(images)[:, :1])


def test_images_that_cannot_be_divided_into_groups():
    with pytest.raises(
        InterpganError, match="5 images cannot be divided into groups of 4; give a multiple of 4"
    ):
        group_std(torch.zeros(5, 2, 4, 4), 4)


def test_the_step_of_a_recipe(tmp_path, batch):
    path = write(tmp_path, {"generator": generator(3), "discriminator": discriminator(3)})
    step = operators.LoadPGGAN(weights=str(path), lod=1.4)
    assert torch.equal(step.run("cpu").images(batch), load(lod=1.4).images(batch))
