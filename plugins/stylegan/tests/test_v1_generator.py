"""StyleGAN 1: what it computes, against the formulas of the paper written out."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu, linear

from interpgan_core import InterpganError, LatentBatch, load_generator, seeded_normal
from interpgan_core.testing import conformance, plugin_conformance
from interpgan_stylegan.testing.v1 import DEPTH, WIDTHS, W, Z, blur, discriminator, generator, interfacegan
from interpgan_stylegan.v1.network import restyle

LAYERS = 2 * len(WIDTHS)


def load(base=(4, 4), channels=3, **options):
    nets = {
        "generator_smooth": generator(3, base=base, channels=channels),
        "discriminator": discriminator(3, area=base[0] * base[1], channels=channels),
    }
    with TemporaryDirectory() as folder:
        path = Path(folder, "net.pth")
        torch.save(nets, path)
        return load_generator(path, **options)


RANDOM = {"saved-it-stays-the-same": "random noise is an option of loading, which a file does not keep"}
test_plugin = plugin_conformance("stylegan")
test_conforms = conformance(load())
test_conforms_with_random_noise = conformance(load(noise="random"), exempt=RANDOM)
test_conforms_half_grown = conformance(load(lod=0.6))


def idinvert(**more):
    """A generator as IDInvert's: the mapping makes a code for each layer, and pictures pass a tanh."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "net.pth")
        torch.save(interfacegan(generator(layered=True, **more)), path)
        return load_generator(path)


test_conforms_with_a_code_for_each_layer = conformance(idinvert())


def test_a_mapping_that_makes_a_code_for_each_layer(tmp_path):
    found, plain = idinvert(), generator(layered=True)
    assert list(found.spaces) == ["z", "w+", "s"] and found.codes_of == "StyleGAN 1"
    batch = found.sample([1, 2])
    x = batch.codes.double()
    x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for i in range(DEPTH):
        weight, bias = (plain[f"mapping.dense{i}.{part}"].double() for part in ("weight", "bias"))
        x = leaky_relu(linear(x, equalised(weight) * 0.01, bias * 0.01), 0.2)
    codes = found.to_space(batch, "w+")
    torch.testing.assert_close(codes.codes.double(), x.view(2, LAYERS, W), atol=1e-5, rtol=1e-5)
    assert torch.equal(found.spaces["w+"].mean, plain["truncation.w_avg"].expand(LAYERS, -1))
    pictures = found.images(codes)
    found.module.synthesis.tanh = False
    torch.testing.assert_close(pictures, found.images(codes).tanh())
    found.module.synthesis.tanh = True
    found.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    assert torch.equal(again.images(codes), pictures) and list(again.spaces) == ["z", "w+", "s"]


def test_a_mean_that_such_a_file_lacks():
    with TemporaryDirectory() as folder:
        path = Path(folder, "net.pth")
        state = {n: t for n, t in generator(layered=True).items() if not n.endswith("w_avg")}
        torch.save(state, path)
        found = load_generator(path)
    codes = found.to_space(found.sample(range(500)), "w+").codes
    assert (found.spaces["w+"].mean[0] - codes.mean((0, 1))).abs().max() < 0.2


def doubled(state):
    return {name: tensor.double() for name, tensor in state.items()}


def equalised(weight, gain=2**0.5):
    return weight * gain / weight[0].numel() ** 0.5


def mapped(z, labels):
    """w, in float64."""
    state = doubled(generator(3))
    x = torch.cat([z.double(), labels.double() @ state["mapping.label_weight"]], 1)
    x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for i in range(DEPTH):
        weight, bias = state[f"mapping.dense{i}.weight"], state[f"mapping.dense{i}.bias"]
        x = leaky_relu(linear(x, equalised(weight) * 0.01, bias * 0.01), 0.2)
    return x


def written_out(codes, blocks=3, noise=None, **shape):
    """Pictures of w+ of the block of that number, in float64, at its own size."""
    state = doubled(generator(3, **shape))
    x = state["synthesis.layer0.const"].repeat(len(codes), 1, 1, 1)
    for k in range(2 * blocks):
        part = {n.removeprefix(f"synthesis.layer{k}."): t for n, t in state.items()}
        if k and k % 2 == 0:
            x = interpolate(x, scale_factor=2, mode="nearest")
        if k:
            x = conv2d(x, equalised(part["weight"]), padding=1)
        if k and k % 2 == 0:
            x = conv2d(x, blur(x.shape[1]).double(), padding=1, groups=x.shape[1])
        maps = part["apply_noise.noise"] if noise is None else noise[k].double()
        x = x + maps * part["apply_noise.weight"].view(1, -1, 1, 1)
        x = leaky_relu(x + part["bias"].view(1, -1, 1, 1), 0.2)
        x = x - x.mean((2, 3), keepdim=True)
        x = x / (x.square().mean((2, 3), keepdim=True) + 1e-8).sqrt()
        style = linear(codes[:, k].double(), equalised(part["style.weight"], 1), part["style.bias"])
        scale, shift = style.view(len(codes), 2, -1, 1, 1).unbind(1)
        x = x * (scale + 1) + shift
    last = f"synthesis.output{blocks - 1}"
    return conv2d(x, equalised(state[f"{last}.weight"], 1), state[f"{last}.bias"])


@pytest.fixture(scope="module")
def batch():
    return load().sample([1, 2, 3])


@pytest.fixture(scope="module")
def codes(batch):
    made = load()
    return LatentBatch(seeded_normal([4, 5, 6], (LAYERS, W)), made.spaces["w+"], batch.labels, batch.seeds)


def up(x, size=16):
    return interpolate(x, size=(size, size), mode="nearest")


def test_w(batch):
    assert (load().to_space(batch, "w").codes - mapped(batch.codes, batch.labels)).abs().max() < 1e-5


@pytest.mark.parametrize(
    ("base", "channels"), [((4, 2), 3), ((2, 4), 1), ((4, 4), 4), ((4, 4), 1), ((6, 4), 3)]
)
def test_pictures_of_other_shapes(base, channels, codes, tmp_path):
    """Rectangles, grey, alpha: drawn as they are, shown in three channels, saved, given to the discriminator."""
    made = load(base, channels)
    drawn, expected = made.forward(codes), written_out(codes.codes, base=base, channels=channels)
    assert drawn.shape == (3, channels, 4 * base[0], 4 * base[1]) == expected.shape
    assert (drawn - expected).abs().max() < 1e-4
    shown = made.images(codes)
    assert shown.shape == (3, 3, 4 * base[0], 4 * base[1])
    made.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    assert again.fingerprint == made.fingerprint and torch.equal(again.images(codes), shown)
    assert made.discriminator(shown, codes.labels).shape == (3, 1)


def test_pictures(codes):
    expected = written_out(codes.codes)
    assert (load().images(codes, batch_size=3) - expected).abs().max() < 1e-4
    exact = load()
    exact.module.double()
    assert (exact.forward(replace(codes, codes=codes.codes.double())) - expected).abs().max() < 1e-12


def test_with_gradients_it_computes_the_same(codes):
    """Without them maps are changed in place."""
    made = load()
    tracked = made.images(replace(codes, codes=codes.codes.clone().requires_grad_()))
    with torch.inference_mode():
        assert (made.images(codes) - tracked).abs().max() < 1e-4


def test_gradients_are_those_of_the_formula(codes):
    exact = load()
    exact.module.double()
    one, other = (codes.codes[:1].double().requires_grad_() for _ in range(2))
    exact.forward(replace(codes[:1], codes=one)).square().sum().backward()
    written_out(other).square().sum().backward()
    torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("lod", [0.0, 0.25, 1.0, 1.4, 2.0])
def test_level_of_detail(lod, codes):
    sizes = [up(written_out(codes.codes, b)) for b in (3, 2, 1)]
    fine, coarse = sizes[int(lod)], sizes[min(int(lod) + 1, 2)]
    part = lod - int(lod)
    made = load(lod=lod)
    assert (made.images(codes) - (fine * (1 - part) + coarse * part)).abs().max() < 1e-4
    assert len(made.layers) == 2 * (3 - int(lod))
    assert made.fingerprint == load().fingerprint


def test_noise(codes):
    none = [torch.zeros(1, 1, 4 * 2 ** (k // 2), 4 * 2 ** (k // 2)) for k in range(LAYERS)]
    drawn = [seeded_normal([1, 2, 3], maps.shape[1:], stream=k + 1) for k, maps in enumerate(none)]
    for noise, maps in (("none", none), ("random", drawn)):
        found = load(noise=noise).images(codes, batch_size=3)
        assert (found - written_out(codes.codes, noise=maps)).abs().max() < 1e-4
    with pytest.raises(InterpganError, match="load the generator with noise: const or none"):
        load(noise="random").forward(replace(codes, seeds=None))


@pytest.mark.parametrize(("precision", "far"), [("bfloat16", 1.0), ("float16", 0.1)])
def test_precision(precision, far, codes):
    made, exact = load(precision=precision), load()
    found = made.images(codes)
    assert found.dtype == torch.float32
    assert 0 < (found - exact.images(codes)).abs().max() < far
    assert torch.equal(made.to_space(codes, "s").codes, exact.to_space(codes, "s").codes)


def test_spaces():
    spaces = load().spaces
    assert {name: space.shape for name, space in spaces.items()} == {
        "z": (Z,),
        "w": (W,),
        "w+": (LAYERS, W),
        "s": (4 * sum(WIDTHS),),
    }
    assert torch.equal(spaces["w+"].mean, generator(3)["truncation.w_avg"].expand(LAYERS, W))
    assert spaces["s"].layer_of.tolist() == [k for k in range(LAYERS) for _ in range(2 * WIDTHS[k // 2])]
    assert spaces["s"].mean.shape == spaces["s"].shape


def test_style_weights(codes):
    made = load()
    for k in range(LAYERS):
        assert torch.equal(made.style_weight("w+", k), generator(3)[f"synthesis.layer{k}.style.weight"])
    for space, layer, says in (("z", 0, "codes of w or w\\+"), ("w", LAYERS, "layers are 0 to 5")):
        with pytest.raises(InterpganError, match=says):
            made.style_weight(space, layer)


def test_labels_are_asked_for(batch):
    with pytest.raises(
        InterpganError, match="has 3 classes, and these codes name none; sample them with classes"
    ):
        load().forward(LatentBatch(batch.codes, batch.space))


def test_changed_weights_show_at_once(codes):
    """What is made of the weights once must not outlive them."""
    made = load()
    before = made.images(codes)
    weight = made.module.get_parameter("synthesis.layer2.weight")
    weight.mul_(-1)
    assert (made.images(codes) - before).abs().max() > 0.1
    weight.mul_(-1)
    assert torch.equal(made.images(codes), before)


def test_weights_can_be_trained(batch):
    made = load()
    made.images(batch)
    made.module.requires_grad_(True)
    made.images(batch).square().mean().backward()
    unused = {f"synthesis.output{b}.{kind}" for b in (0, 1) for kind in ("weight", "bias")}
    assert {n for n, p in made.module.named_parameters() if p.grad is None or not p.grad.any()} == unused


@pytest.mark.parametrize("side", [16, 512])
def test_norms_stay_exact_on_large_maps(side):
    x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0)) * 0.1 + 1
    exact = x.double() - x.double().mean((2, 3), keepdim=True)
    exact = exact / exact.square().mean((2, 3), keepdim=True).sqrt()
    one = torch.ones(1, 3, 1, 1)
    found = restyle(x.contiguous(memory_format=torch.channels_last), one, 0 * one)
    assert (found - exact).abs().max() < 1e-5


def expected_logits(x, labels, group):
    state = doubled(discriminator(3))
    x = leaky_relu(conv2d(x.double(), equalised(state["input0.weight"]), state["input0.bias"]), 0.2)
    for k in range(4):
        if k % 2:
            x = conv2d(x, blur(x.shape[1]).double(), padding=1, groups=x.shape[1])
        x = conv2d(x, equalised(state[f"layer{k}.weight"]), state[f"layer{k}.bias"], padding=1)
        x = leaky_relu(avg_pool2d(x, 2) if k % 2 else x, 0.2)
    extra = x.new_zeros(len(x), 1, 4, 4)
    for members in (list(range(j, len(x), len(x) // group)) for j in range(len(x) // group)):
        extra[members] = (x[members].var(0, correction=0) + 1e-8).sqrt().mean()
    x = conv2d(torch.cat([x, extra], 1), equalised(state["layer4.weight"]), state["layer4.bias"], padding=1)
    x = linear(leaky_relu(x, 0.2).flatten(1), equalised(state["layer5.weight"]), state["layer5.bias"])
    x = linear(leaky_relu(x, 0.2), equalised(state["layer6.weight"], 1), state["layer6.bias"])
    return (x * labels).sum(1, keepdim=True)


def test_discriminator():
    discriminator = load().discriminator
    discriminator.group = 2
    pictures = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    labels = torch.eye(3).repeat(2, 1)
    assert (discriminator(pictures, labels) - expected_logits(pictures, labels, 2)).abs().max() < 1e-5
    with pytest.raises(InterpganError, match="has 3 classes; give it labels"):
        discriminator(pictures)
