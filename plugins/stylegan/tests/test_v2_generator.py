"""StyleGAN 2: what it computes, against the formulas of the papers written out."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, linear

from interpgan_core import FeatureEdit, InterpganError, LatentBatch, load_generator, seeded_normal
from interpgan_core.testing import conformance
from interpgan_stylegan.testing.v2 import SIDES, WIDTHS, W, Z, discriminator, generator, taps
from interpgan_stylegan.testing.v3 import write_pickle
from interpgan_stylegan.v2 import strip_convolution
from interpgan_stylegan.v2.discriminator import GroupStd

LAYERS = 2 * len(WIDTHS)
STYLES = [8, 8, 8, 6, 6, 6, 4, 4]  # channels that each affine layer styles, with a picture at each size


def load(architecture="skip", classes=0, kind="resnet", settings=None, base=(4, 4), channels=3, **options):
    area = base[0] * base[1]
    with TemporaryDirectory() as folder:
        path = Path(folder, "net.pkl")
        write_pickle(
            path,
            G_ema=(
                "Generator",
                generator(architecture, classes, base=base, channels=channels),
                settings or {},
            ),
            D=("Discriminator", discriminator(kind, classes, 1, area, channels), settings or {}),
        )
        return load_generator(path, **options)


RANDOM = {"saved-it-stays-the-same": "random noise is an option of loading, which a file does not keep"}
test_conforms = conformance(load())
test_conforms_by_class = conformance(load(classes=3))
test_conforms_resnet = conformance(load("resnet"))
test_conforms_orig_with_random_noise = conformance(load("orig", noise="random"), exempt=RANDOM)


def doubled(state):
    return {name: tensor.double() for name, tensor in state.items()}


def unit(x):
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


def dense(state, name, x, rate=1.0):
    weight = state[f"{name}.weight"]
    return linear(x, weight * rate / weight.shape[1] ** 0.5, state[f"{name}.bias"] * rate)


def act(x):
    return leaky_relu(x, 0.2) * 2**0.5


def mapped(state, z, labels=None):
    """w, in float64."""
    x = unit(z.double())
    if labels is not None:
        x = torch.cat([x, unit(dense(state, "mapping.embed", labels.double()))], 1)
    for i in range(3):
        x = act(dense(state, f"mapping.fc{i}", x, 0.01))
    return x


def filtered(x, before, after, gain=1.0):
    """Zeros before and after on both axes, then the filter."""
    x = torch.nn.functional.pad(x, (before, after, before, after))
    return conv2d(x, (taps() * gain).to(x).expand(x.shape[1], 1, 4, 4), groups=x.shape[1])


def enlarged(x):
    wide = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    wide[:, :, ::2, ::2] = x
    return filtered(wide, 2, 1, 4)


def written_out(codes, architecture="skip", clamp=None, noise=None, **shape):
    """Pictures of w+ in float64: every sample with its own kernels."""
    state = doubled(generator(architecture, **shape))

    def styled(layer, code):
        style = dense(state, f"{layer}.affine", code[None])[0]
        return state[f"{layer}.weight"] * style[None, :, None, None]

    def conv(layer, x, code, maps, gain):
        kernels = styled(layer, code)
        kernels = kernels / (kernels.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if layer.endswith("conv0"):
            x = filtered(conv_transpose2d(x, kernels.transpose(0, 1), stride=2), 1, 1, 4)
        else:
            x = conv2d(x, kernels, padding=1)
        x = x + maps * state[f"{layer}.noise_strength"] + state[f"{layer}.bias"].view(-1, 1, 1)
        x = act(x) * gain
        return x if clamp is None else x.clamp(-clamp * gain, clamp * gain)

    def one(number):
        x, picture, k = state["synthesis.b4.const"][None], 0, 0
        for i, side in enumerate(SIDES):
            block, gain = f"synthesis.b{side}", 0.5**0.5 if architecture == "resnet" and i else 1
            if i and architecture == "resnet":
                way_round = conv2d(x, state[f"{block}.skip.weight"] / x.shape[1] ** 0.5)
                way_round = enlarged(way_round) * 0.5**0.5
            for name in ("conv0", "conv1")[i == 0 :]:
                maps = state[f"{block}.{name}.noise_const"] if noise is None else noise[k][number].double()
                x = conv(
                    f"{block}.{name}", x, codes[number, k].double(), maps, gain if name == "conv1" else 1
                )
                k += 1
            if i and architecture == "resnet":
                x = x + way_round
            if i and architecture == "skip":
                picture = enlarged(picture)
            if architecture == "skip" or side == SIDES[-1]:
                drawn = conv2d(x, styled(f"{block}.torgb", codes[number, k].double()) / x.shape[1] ** 0.5)
                drawn = drawn + state[f"{block}.torgb.bias"].view(-1, 1, 1)
                picture = picture + (drawn if clamp is None else drawn.clamp(-clamp, clamp))
        return picture

    return torch.cat([one(number) for number in range(len(codes))])


@pytest.fixture(scope="module")
def codes():
    """Codes of w+, another for each layer."""
    made = load()
    return LatentBatch(
        seeded_normal([4, 5, 6], (LAYERS, W)), made.spaces["w+"], seeds=torch.tensor([4, 5, 6])
    )


SHAPES = [((4, 2), 3), ((2, 4), 1), ((4, 4), 4), ((4, 4), 1), ((6, 4), 3)]


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize(("base", "channels"), SHAPES)
def test_pictures_of_other_shapes(base, channels, architecture, codes, tmp_path):
    """Rectangles, grey, alpha: drawn as they are, shown in three channels, saved, given to the discriminator."""
    made = load(architecture, base=base, channels=channels)
    expected = written_out(codes.codes, architecture, base=base, channels=channels)
    drawn = made.forward(codes)
    assert drawn.shape == (3, channels, 4 * base[0], 4 * base[1]) == expected.shape
    assert (drawn - expected).abs().max() < 1e-4
    shown = made.images(codes)
    assert shown.shape == (3, 3, 4 * base[0], 4 * base[1])
    assert made.images(codes, alpha=True).shape[1] == max(channels, 3)
    made.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    assert again.fingerprint == made.fingerprint and torch.equal(again.images(codes), shown)
    assert torch.allclose(again.discriminator(drawn), made.discriminator(drawn))
    assert made.discriminator(shown).shape == (3, 1)
    if channels == 1:
        assert torch.allclose(made.discriminator(shown), made.discriminator(drawn), atol=1e-5)


@pytest.mark.parametrize("classes", [0, 3])
def test_w(classes):
    made = load(classes=classes)
    batch = made.sample([1, 2, 3])
    expected = mapped(doubled(generator(classes=classes)), batch.codes, batch.labels)
    assert (made.to_space(batch, "w").codes - expected).abs().max() < 1e-5


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize("clamp", [None, 1.5])
def test_pictures(architecture, clamp, codes):
    """The quick way, the way with gradients, and the way in float64."""
    made = load(architecture, settings={"synthesis_kwargs": {"conv_clamp": clamp}})
    expected = written_out(codes.codes, architecture, clamp)
    assert (made.images(codes, batch_size=3) - expected).abs().max() < 2e-5
    tracked = replace(codes, codes=codes.codes.clone().requires_grad_())
    assert (made.images(tracked, batch_size=3) - expected).abs().max() < 2e-5
    made.module.double()
    assert (made.forward(replace(codes, codes=codes.codes.double())) - expected).abs().max() < 1e-12


def test_gradients_are_those_of_the_formula(codes):
    exact = load()
    exact.module.double()
    one, other = (codes.codes[:1].double().requires_grad_() for _ in range(2))
    exact.forward(replace(codes[:1], codes=one)).square().sum().backward()
    written_out(other, clamp=None).square().sum().backward()
    torch.testing.assert_close(one.grad, other.grad)


@pytest.mark.parametrize("numbers", [1, 40, 200, 500])
def test_strips_of_any_height_give_the_same(numbers, codes, monkeypatch):
    expected = written_out(codes.codes)
    monkeypatch.setattr(strip_convolution, "STRIP", numbers)
    assert (load().images(codes) - expected).abs().max() < 2e-5


@pytest.mark.parametrize("architecture", ["skip", "resnet"])
def test_a_batch_of_any_size_gives_the_same_bytes(architecture, codes):
    made = load(architecture)
    alone = torch.cat([made.forward(codes[i]) for i in range(3)])
    for count in (1, 2, 3):
        assert torch.equal(made.forward(codes[:count]), alone[:count])
    assert made.forward(codes[:0]).shape == (0, 3, SIDES[-1], SIDES[-1])


def test_maps_that_somebody_keeps_are_not_overwritten(codes):
    made = load()
    kept = made.features(codes[0], made.layers)
    before = {name: maps.clone() for name, maps in kept.items()}
    made.forward(codes)
    made.features(codes[1], made.layers)
    assert all(torch.equal(kept[name], before[name]) for name in kept)


def test_an_edit_reaches_only_its_sample(codes):
    made = load()
    edit = FeatureEdit(
        "synthesis.b8.conv1", (3,), torch.zeros(1, 1, 1, 1), torch.tensor([1.0, 0, 0]).view(3, 1, 1, 1)
    )
    plain = made.images(codes, batch_size=3)
    found = made.images(replace(codes, edits=(edit,)), batch_size=3)
    assert (found[0] - plain[0]).abs().max() > 1e-2
    assert (found[1:] - plain[1:]).abs().max() < 1e-5


def test_what_inference_mode_leaves_behind_can_be_used_outside(codes):
    made = load()
    with torch.inference_mode():
        inside = made.forward(codes)
    assert torch.equal(made.forward(codes), inside)
    tracked = replace(codes, codes=codes.codes.clone().requires_grad_())
    made.forward(tracked).sum().backward()
    assert tracked.codes.grad.abs().sum() > 0


def test_noise(codes):
    none = [torch.zeros(3, 1, side, side) for side in (4, 8, 8, 16, 16)]
    drawn = [seeded_normal([4, 5, 6], maps.shape[1:], stream=k + 1) for k, maps in enumerate(none)]
    for noise, maps in (("none", none), ("random", drawn)):
        found = load(noise=noise).images(codes, batch_size=3)
        assert (found - written_out(codes.codes, noise=[m[:, 0] for m in maps])).abs().max() < 2e-5
    with pytest.raises(InterpganError, match="load the generator with noise: const or none"):
        load(noise="random").forward(replace(codes, seeds=None))


@pytest.mark.parametrize(("precision", "far"), [("bfloat16", 1.0), ("float16", 0.1)])
def test_precision(precision, far, codes):
    made, exact = load(precision=precision), load()
    found = made.images(codes)
    assert found.dtype == torch.float32
    assert 0 < (found - exact.images(codes)).abs().max() < far
    assert torch.equal(made.to_space(codes, "s").codes, exact.to_space(codes, "s").codes)


def test_kernels_are_arranged_alike_by_drawing_and_by_differentiating(codes):
    """Last bits of gradients depend on their order in memory: what was drawn before must not matter."""
    drawn, differentiated = load(), load()
    drawn.images(codes)
    differentiated.images(replace(codes, codes=codes.codes.clone().requires_grad_(True)))
    orders = [
        {name: weight.stride() for name, weight in made.module.named_parameters()}
        for made in (drawn, differentiated)
    ]
    assert orders[0] == orders[1]


def test_float16_survives_large_styles(codes):
    made = load(precision="float16")
    styles = made.to_space(codes, "s")
    large = styles.codes * (1 + 3e4 * styles.space.mask("2"))
    found = made.images(replace(styles, codes=large))
    assert (found - load().images(styles)).abs().max() < 0.1  # demodulation cancels it


def test_spaces():
    made = load()
    assert {name: space.shape for name, space in made.spaces.items()} == {
        "z": (Z,),
        "w": (W,),
        "w+": (LAYERS, W),
        "s": (sum(STYLES),),
    }
    mean = generator()["mapping.w_avg"]
    assert torch.equal(made.spaces["w+"].mean, mean.expand(LAYERS, W))
    numbers = [k for k, width in zip((0, 1, 1, 2, 3, 3, 4, 5), STYLES, strict=True) for _ in range(width)]
    assert made.spaces["s"].layer_of.tolist() == numbers
    assert made.layers == [
        f"synthesis.{n}" for n in ["b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1"]
    ]


def test_a_code_moves_the_styles_of_its_layer(codes):
    made = load()
    before = made.to_space(codes, "s").codes
    for layer in range(LAYERS):
        moved = replace(codes, codes=codes.codes + made.spaces["w+"].mask(str(layer)).float())
        changed = (made.to_space(moved, "s").codes != before).any(0)
        assert torch.equal(changed, made.spaces["s"].mask(str(layer)))


def test_style_weights():
    made, state = load(), generator()
    names = ["b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1", "b16.torgb"]
    for k, name in enumerate(names):
        assert torch.equal(made.style_weight("w+", k), state[f"synthesis.{name}.affine.weight"])
    for space, layer, says in (("z", 0, "codes of w or w\\+"), ("w", LAYERS, "layers are 0 to 5")):
        with pytest.raises(InterpganError, match=says):
            made.style_weight(space, layer)


def test_labels_are_asked_for():
    made = load(classes=3)
    batch = made.sample([1])
    with pytest.raises(InterpganError, match="has 3 classes, and these codes name none"):
        made.forward(replace(batch, labels=None))


def test_changed_weights_show_at_once(codes):
    """What is kept of the weights must not outlive them."""
    made = load()
    before = made.images(codes)
    weight = made.module.get_parameter("synthesis.b8.conv1.weight")
    old = weight.clone()
    weight[:3] *= -2
    weight[:, 2] = 0
    changed = made.images(codes)
    assert (changed - before).abs().max() > 0.1
    tracked = replace(codes, codes=codes.codes.clone().requires_grad_())
    assert (made.images(tracked) - changed).abs().max() < 2e-5
    weight.copy_(old)
    assert torch.equal(made.images(codes), before)


def test_weights_can_be_trained():
    made = load("resnet")
    batch = made.sample([1, 2])
    made.images(batch)
    made.module.requires_grad_(True)
    made.images(batch).square().mean().backward()
    assert not [n for n, p in made.module.named_parameters() if p.grad is None or not p.grad.any()]


def expected_logits(x, architecture, group, classes=0, labels=None, clamp=None, statistics=1):
    state = doubled(discriminator(architecture, classes, statistics))

    def conv(name, x, down=False, gain=1.0, limit=clamp):
        weight = state[f"{name}.weight"] / state[f"{name}.weight"][0].numel() ** 0.5
        if down:
            x = conv2d(filtered(x, 2, 2), weight, state[f"{name}.bias"], stride=2)
        else:
            x = conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[2] // 2)
        return act(x) * gain if limit is None else (act(x) * gain).clamp(-limit * gain, limit * gain)

    images, x = x.double(), None
    for side in SIDES[:0:-1]:
        if x is None or architecture == "skip":
            seen = conv(f"b{side}.fromrgb", images)
            x = seen if x is None else x + seen
            images = filtered(images, 1, 1)[:, :, ::2, ::2]
        if architecture == "resnet":
            skip = state[f"b{side}.skip.weight"] / x.shape[1] ** 0.5
            around = conv2d(filtered(x, 1, 1)[:, :, ::2, ::2], skip) * 0.5**0.5
            x = around + conv(f"b{side}.conv1", conv(f"b{side}.conv0", x), down=True, gain=0.5**0.5)
        else:
            x = conv(f"b{side}.conv1", conv(f"b{side}.conv0", x), down=True)
    if architecture == "skip":
        x = x + conv("b4.fromrgb", images, limit=None)
    extra = x.new_zeros(len(x), statistics, 4, 4)
    for members in (list(range(j, len(x), len(x) // group)) for j in range(len(x) // group)):
        for f, part in enumerate(x[members].chunk(statistics, 1)):
            extra[members, f] = (part.var(0, correction=0) + 1e-8).sqrt().mean()
    x = act(dense(state, "b4.fc", conv("b4.conv", torch.cat([x, extra], 1)).flatten(1)))
    x = dense(state, "b4.out", x)
    if labels is None:
        return x
    weights = act(dense(state, "mapping.fc0", unit(dense(state, "mapping.embed", labels.double())), 0.01))
    return (x * weights).sum(1, keepdim=True) / 5**0.5


@pytest.mark.parametrize("architecture", ["resnet", "skip", "orig"])
@pytest.mark.parametrize("clamp", [None, 0.7])
def test_discriminator(architecture, clamp):
    settings = {"conv_clamp": clamp, "epilogue_kwargs": {"mbstd_group_size": 2}}
    network = load(kind=architecture, settings=settings).discriminator
    pictures = seeded_normal(range(6), (3, 16, 16))
    assert (network(pictures) - expected_logits(pictures, architecture, 2, clamp=clamp)).abs().max() < 1e-5


def test_discriminator_by_class():
    network = load(classes=3).discriminator
    pictures, labels = seeded_normal(range(4), (3, 16, 16)), torch.eye(3)[[0, 2, 1, 1]]
    assert (network(pictures, labels) - expected_logits(pictures, "resnet", 4, 3, labels)).abs().max() < 1e-5
    with pytest.raises(InterpganError, match="this discriminator has 3 classes; give it labels"):
        network(pictures)


def test_pictures_that_do_not_fall_into_groups():
    with pytest.raises(
        InterpganError, match="compares 4 pictures with one another, and 6 are not a multiple"
    ):
        GroupStd(1, 4)(torch.zeros(6, 2, 4, 4))
    assert GroupStd(1, 4)(torch.zeros(3, 2, 4, 4)).shape == (3, 3, 4, 4)
