"""The network on random weights: against the formulas written out once more, and what it promises."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import FeatureEdit, InterpganError, seeded_normal, write_safetensors
from interpgan_core.testing import GENERATOR_CHECKS, Case, plugin_conformance, roundings
from interpgan_mobilestylegan import strip_convolution
from interpgan_mobilestylegan.backbone import w_mean
from interpgan_mobilestylegan.files import read_network
from interpgan_mobilestylegan.generator import MobileStyleGAN
from interpgan_mobilestylegan.network import inverse_haar

test_plugin = plugin_conformance(
    "mobilestylegan",
    exempt={"licences-reach-the-report": "it fetches the weights; test_ffhq.py holds it there"},
)


@pytest.mark.parametrize("check", GENERATOR_CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_what_every_generator_promises(check, small, tmp_path) -> None:
    check(Case(small, small, tmp_path))


def written_out(arrays: dict[str, Tensor], codes: Tensor) -> Tensor:
    """The picture (3, h, w) of one sample's codes, in float64, in the order of the file's channels."""
    arrays = {name: torch.from_numpy(array).double() for name, array in arrays.items()}
    order = iter(codes.double())

    def style(name: str) -> Tensor:
        weight, bias = (arrays[f"{name}.modulation.{part}"] for part in ("weight", "bias"))
        return (weight @ next(order) + bias[0])[:, None, None]

    def haar(x: Tensor) -> Tensor:
        low = len(x) // 4
        out = x.new_empty(low, 2 * x.shape[1], 2 * x.shape[2])
        for c in range(low):
            ll, b1, b2, b3 = x[c], *x[low + 3 * c : low + 3 * c + 3]
            out[c, 0::2, 0::2] = (ll + b1 + b2 + b3) / 2
            out[c, 0::2, 1::2] = (ll + b1 - b2 - b3) / 2
            out[c, 1::2, 0::2] = (ll - b1 + b2 - b3) / 2
            out[c, 1::2, 1::2] = (ll - b1 - b2 + b3) / 2
        return out

    def styled_conv(name: str, x: Tensor) -> Tensor:
        x = x * style(f"{name}.conv") * arrays[f"{name}.scale"][0]
        weight, padding = arrays[f"{name}.weight"], 1
        if weight.shape[2] == 1:
            x = functional.conv2d(x, arrays[f"{name}.conv.weight_dw"][:, 0], padding=1, groups=len(x))
            padding = 0
        x = functional.conv2d(x, weight, padding=padding)
        return functional.leaky_relu(x + arrays[f"{name}.noise"][0] + arrays[f"{name}.bias"][0], 0.2)

    x = styled_conv("m.conv1", arrays["m.input.input"][0])
    for i in range(2):
        x = haar(x * style(f"m.layers.{i}.up"))
        x = styled_conv(f"m.layers.{i}.conv2", styled_conv(f"m.layers.{i}.conv1", x))
    x = x * style("m.layers.1.to_img.conv") * arrays["m.layers.1.to_img.scale"][0]
    x = functional.conv2d(x, arrays["m.layers.1.to_img.conv.weight"])
    return haar(x + arrays["m.layers.1.to_img.bias"][0])


@pytest.fixture
def codes(small) -> Tensor:
    """Codes of w+, a different one for each layer."""
    return torch.randn(5, *small.spaces["w+"].shape, generator=torch.Generator().manual_seed(0))


def in_wplus(small, codes: Tensor):
    batch = small.to_space(small.sample(range(len(codes))), "w+")
    return replace(batch, codes=codes)


def test_it_computes_the_formulas(small, synthesis, codes) -> None:
    expected = torch.stack([written_out(synthesis.arrays, code) for code in codes])
    torch.testing.assert_close(small.forward(in_wplus(small, codes)).double(), expected, atol=1e-5, rtol=1e-5)


def test_mapping_computes_the_formula(small, mapping) -> None:
    z = small.prior([5])
    x = z[0].double() / (z[0].double().square().mean() + 1e-8).sqrt()
    for i in range(8):
        weight, bias = (
            torch.from_numpy(mapping.arrays[f"{part}{i}"]).double() for part in ("weight", "bias")
        )
        x = functional.leaky_relu(weight @ x + bias, 0.2) * 2**0.5
    torch.testing.assert_close(small.map(z, "z", "w", None)[0].double(), x, atol=1e-5, rtol=1e-5)


def test_the_mean_of_w_is_kept_and_made_again_when_damaged(small, tmp_path) -> None:
    path = tmp_path / "mean.safetensors"
    mean = w_mean(small.module.mapping, path)
    expected = small.map(small.prior(range(10_000)), "z", "w", None).double().mean(0)
    torch.testing.assert_close(mean.double(), expected, atol=1e-6, rtol=1e-6)
    kept = path.read_bytes()
    path.write_bytes(kept[:-1])
    assert torch.equal(w_mean(small.module.mapping, path), mean) and path.read_bytes() == kept
    write_safetensors(path, {"w": mean + 1}, "mean", {})
    assert torch.equal(w_mean(small.module.mapping, path), mean + 1)  # it is the file that is read


@pytest.mark.parametrize("numbers", [1, 200, 300, 1000, 2**19])
def test_strips_of_any_height_agree_with_the_differentiable_way(small, codes, monkeypatch, numbers) -> None:
    monkeypatch.setattr(strip_convolution, "STRIP", numbers)
    found = small.forward(in_wplus(small, codes))
    expected = small.forward(in_wplus(small, codes.clone().requires_grad_(True)))
    assert expected.requires_grad and not found.requires_grad
    torch.testing.assert_close(found, expected.detach(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("hooked", [False, True])
def test_a_batch_of_any_size_gives_the_same_bytes(small, codes, hooked) -> None:
    batch = in_wplus(small, codes)
    alone = torch.cat([small.forward(batch[i]) for i in range(5)])
    handle = small.module.convs[1].register_forward_hook(lambda *_: None) if hooked else None
    for count in (1, 2, 3, 4, 5):
        assert torch.equal(small.forward(batch[:count]), alone[:count])
    assert small.forward(batch[:0]).shape == (0, *alone.shape[1:])
    if handle:
        handle.remove()


def test_half_the_resolution_is_the_mean_of_four_pixels(small, mapping, synthesis, codes) -> None:
    """The low band of a Haar transform, halved, is the mean of each 2 x 2 pixels."""
    network = read_network(mapping.graph(), synthesis.graph(), half=True)
    half = MobileStyleGAN(network, "small-network", torch.zeros(codes.shape[2]))
    found = half.forward(in_wplus(half, codes))
    expected = functional.avg_pool2d(small.forward(in_wplus(small, codes)), 2)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_inverse_haar_keeps_lengths_and_inverts() -> None:
    x = torch.randn(2, 12, 5, 3, dtype=torch.float64)
    y = inverse_haar(x)
    assert y.shape == (2, 3, 10, 6)
    torch.testing.assert_close(y.square().sum(), x.square().sum())
    quarters = [y[:, :, row::2, column::2] for row in (0, 1) for column in (0, 1)]
    torch.testing.assert_close(sum(quarters) / 2, x[:, :3])


def test_gradients_are_those_of_the_picture(small, codes) -> None:
    network = copy.deepcopy(small.module).double()
    styles = network.to_styles(codes[:1].double()).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda s: network(s)[0, :, ::5, ::7], (styles,), fast_mode=True)


def test_kept_feature_maps_are_not_overwritten(small, codes) -> None:
    batch = in_wplus(small, codes)
    kept = small.features(batch[0], small.layers)
    before = {name: maps.clone() for name, maps in kept.items()}
    small.forward(batch)
    small.features(batch[1], small.layers)
    assert all(torch.equal(kept[name], before[name]) for name in kept)


def test_an_edit_reaches_only_its_sample(small, codes) -> None:
    batch = in_wplus(small, codes[:2])
    plain = small.images(batch, batch_size=2)
    value, weight = torch.zeros(1, 1, 1, 1), torch.tensor([1.0, 0.0]).view(2, 1, 1, 1)
    edited = replace(batch, edits=(FeatureEdit("convs.2", (3,), value, weight),))
    found = small.images(edited, batch_size=2)
    assert not torch.equal(found[0], plain[0]) and torch.equal(found[1], plain[1])


def test_inference_mode_leaves_nothing_behind(small, codes) -> None:
    """Scratch memory made inside inference mode can be written to outside, in the same thread."""
    batch = in_wplus(small, codes[:1])

    def render() -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            inside = small.forward(batch)
        return inside, small.forward(batch)

    with ThreadPoolExecutor(1) as fresh_thread:
        inside, outside = fresh_thread.submit(render).result()
    assert torch.equal(inside, outside)


def test_threads_do_not_share_scratch_memory(small, codes) -> None:
    batch = in_wplus(small, codes)
    expected = small.forward(batch)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda i: small.forward(batch[i % 5]), range(40)))
    assert all(torch.equal(picture[0], expected[i % 5]) for i, picture in enumerate(found))


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_low_precision_comes_near(small, codes, precision) -> None:
    low = copy.deepcopy(small.module)
    low.cast(getattr(torch, precision))
    styles = small.module.to_styles(codes)
    found, expected = low(styles), small.module(styles)
    assert found.dtype == getattr(torch, precision)
    assert 0 < roundings(found, expected, precision) < 5


def test_layers_are_numbered_as_in_stylegan2(small) -> None:
    """Two blocks: 0; up, conv1, conv2 of each; and the picture's."""
    assert small.spaces["w+"].layer_of.flatten().tolist() == [0, 1, 1, 2, 3, 3, 4, 5]
    widths = [len(dense.bias) for dense in small.module.styles]
    assert widths == [16, 16, 4, 8, 8, 2, 8, 8]
    numbers, counts = small.spaces["s"].layer_of.unique(return_counts=True)
    assert numbers.tolist() == [0, 1, 2, 3, 4, 5] and counts.tolist() == [16, 20, 8, 10, 8, 8]


def test_style_weights_say_how_a_code_moves_its_styles(small, codes) -> None:
    """An edit of w+ in a layer moves just the entries of s that this layer drives."""
    batch = in_wplus(small, codes[:1])
    moved = replace(batch, codes=batch.codes + small.spaces["w+"].mask("3")[None].float())
    change = (small.to_space(moved, "s").codes - small.to_space(batch, "s").codes)[0]
    driven = small.spaces["s"].mask("3")
    torch.testing.assert_close(change[driven], small.style_weight("w+", 3).sum(1), atol=1e-5, rtol=1e-5)
    assert not change[~driven].any()


@pytest.mark.parametrize(("space", "layer"), [("z", 1), ("s", 1), ("w+", 6), ("w", -1)])
def test_style_weights_that_do_not_exist(small, space, layer) -> None:
    with pytest.raises(InterpganError, match="w or w\\+" if space in "zs" else "layers are 0 to 5"):
        small.style_weight(space, layer)


class TestNoise:
    """The three kinds of noise."""

    def load(self, mapping, synthesis, noise: str) -> MobileStyleGAN:
        network = read_network(mapping.graph(), synthesis.graph())
        return MobileStyleGAN(network, "small-network", torch.zeros(8), noise)

    def test_none(self, mapping, synthesis, codes) -> None:
        silent = {n: a * 0 if n.endswith(".noise") else a for n, a in synthesis.arrays.items()}
        generator = self.load(mapping, synthesis, "none")
        found = generator.forward(in_wplus(generator, codes[:1]))[0].double()
        torch.testing.assert_close(found, written_out(silent, codes[0]), atol=1e-5, rtol=1e-5)

    def test_random_comes_from_the_seed_alone(self, mapping, synthesis, codes) -> None:
        generator = self.load(mapping, synthesis, "random")
        batch = in_wplus(generator, codes[:1].expand(3, -1, -1))
        found = generator.forward(batch)
        assert not torch.equal(found[0], found[1])
        assert torch.equal(generator.forward(batch[2])[0], found[2])

    def test_random_is_another_in_each_layer(self, mapping, synthesis, codes) -> None:
        """As strong as the file's, from the seed and the layer's number."""
        generator = self.load(mapping, synthesis, "random")
        seen = []
        for conv in generator.module.convs:
            conv.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[2]))
        generator.forward(in_wplus(generator, codes[:2]))
        for layer, (conv, maps) in enumerate(zip(generator.module.convs, seen, strict=True)):
            drawn = seeded_normal([0, 1], conv.noise.shape[1:], stream=layer + 1)
            torch.testing.assert_close(maps, drawn * conv.noise.square().mean().sqrt())

    def test_random_needs_seeds(self, mapping, synthesis, codes) -> None:
        generator = self.load(mapping, synthesis, "random")
        batch = replace(in_wplus(generator, codes), seeds=None)
        with pytest.raises(InterpganError, match="load the generator with noise: const or none"):
            generator.forward(batch)


@pytest.mark.parametrize("noise", ["const", "none"])
def test_it_is_saved_and_made_again(small, tmp_path, noise) -> None:
    """With the published files' fingerprint as long as the weights are theirs, and another once they are changed."""
    from interpgan_core import load_generator

    small.save(tmp_path)
    codes = small.sample([1, 2])
    again = load_generator(tmp_path / "generator.safetensors", noise=noise)
    assert again.fingerprint == small.fingerprint
    if noise == "const":
        assert torch.equal(again.images(codes), small.images(codes))
    else:
        assert not torch.equal(again.images(codes), small.images(codes))
    again.module.convs[0].bias.data += 0.1
    again.save(tmp_path / "tuned")
    tuned = load_generator(tmp_path / "tuned/generator.safetensors")
    assert tuned.fingerprint not in (small.fingerprint, "")
    assert load_generator(tmp_path / "tuned/generator.safetensors").fingerprint == tuned.fingerprint
