"""StyleGAN 1: which files load, and what is said of those that do not."""

from argparse import Namespace

import pytest
import torch
from memory_of_loading import peak_of_loading

from interpgan_core import InterpganError, load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_stylegan.operators import LoadStyleGAN
from interpgan_stylegan.testing.v1 import DEPTH, W, discriminator, fused, generator, interfacegan
from interpgan_stylegan.v1.backbone import backbone
from interpgan_stylegan.v1.files import plain_kernels, read
from interpgan_stylegan.v1.generator import StyleGAN1


def write(folder, content):
    torch.save(content, folder / "net.pth")
    return folder / "net.pth"


def parallel(state):
    return {f"module.{name}": tensor for name, tensor in state.items()}


@pytest.fixture
def plain(tmp_path):
    return load_generator(write(tmp_path, {"generator": generator()}))


WAYS = {
    "smooth": lambda g: {"generator": {k: v * 0 for k, v in g.items()}, "generator_smooth": g},
    "flat": lambda g: g,
    "with discriminator": lambda g: {"generator_smooth": g, "discriminator": discriminator()},
    "interfacegan": interfacegan,
    "interfacegan fused": lambda g: interfacegan(g, fuse=True),
    "interfacegan with its truncation": lambda g: (
        interfacegan(g) | {"truncation.truncation": torch.ones(1, 6, 1)}
    ),
    "trainer": lambda g: {
        "models": {"generator": parallel(g), "discriminator": parallel(discriminator())},
        "args": Namespace(lr=0.002),
    },
    "double": lambda g: {"generator": {k: v.double() for k, v in g.items()}},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_gives_the_same_generator(way, tmp_path, plain):
    content = WAYS[way](generator())
    if way != "smooth":
        made = load_generator(write(tmp_path, content))
    else:
        content["generator"] |= {k: v for k, v in generator().items() if k.endswith("kernel")}
        made = load_generator(write(tmp_path, content))
    assert isinstance(made, StyleGAN1)
    assert made.fingerprint == plain.fingerprint
    batch = made.sample([1, 2])
    assert torch.equal(made.images(batch), plain.images(batch))
    assert (made.discriminator is not None) == (way in ("with discriminator", "trainer"))


def test_fused_layers_are_named_by_hand(tmp_path, plain):
    path = write(tmp_path, {"generator": fused(generator())})
    assert load_generator(path, fused_scale=True).fingerprint == plain.fingerprint
    assert load_generator(path).fingerprint != plain.fingerprint


def test_published_networks_are_fused_from_128_pixels_on(tmp_path):
    """Of six blocks, the last is at 128 pixels; one number a kernel tells whether it was turned round."""
    state = {f"synthesis.output{b}.bias": torch.zeros(3) for b in range(6)}
    state |= {f"synthesis.layer{2 * b}.bias": torch.zeros(1) for b in range(6)}
    state |= {f"synthesis.layer{2 * b}.weight": torch.arange(9.0).view(1, 1, 3, 3) for b in range(1, 6)}
    names = {"mapping.dense0.weight": torch.zeros(1, 1), "synthesis.layer0.const": torch.zeros(1)}
    parts = read(Checkpoint(write(tmp_path, state | names)))
    for fuse, turned in (("auto", [5]), (True, [1, 2, 3, 4, 5]), (False, [])):
        found = plain_kernels(parts, fuse)
        assert [b for b in range(1, 6) if found[f"synthesis.layer{2 * b}.weight"][0, 0, 0, 0] == 8] == turned


def test_what_it_is_is_said_without_building_it(tmp_path):
    content = {"generator_smooth": generator(3), "discriminator": discriminator(3)}
    path = write(tmp_path, content)
    made, said = load_generator(path), backbone.describe(Checkpoint(path))
    assert (said.family, said.layout, said.resolution, said.classes) == ("StyleGAN 1", "genforce", 16, 3)
    assert dict(said.spaces) == {name: space.shape for name, space in made.spaces.items()}
    noise = sum(p.numel() for n, p in made.module.named_parameters() if n.endswith(".noise"))
    assert said.parameters == sum(p.numel() for p in made.module.parameters()) - noise
    assert said.discriminator and not said.notes
    flat = backbone.describe(Checkpoint(write(tmp_path, interfacegan(generator()))))
    assert (flat.layout, flat.discriminator, flat.resolution) == ("interfacegan", False, 16)


def test_others_are_not_claimed(tmp_path):
    others = [
        {"discriminator": discriminator()},
        {"mapping.dense0.weight": torch.zeros(2, 2), "synthesis.early_layer.const": torch.zeros(1, 2, 4, 4)},
        {"lod": torch.zeros(()), "layer0.weight": torch.zeros(2, 2, 4, 4), "output0.weight": torch.zeros(1)},
        {"a": [1, 2]},
        torch.zeros(3),
        {},
    ]
    for content in others:
        assert not backbone.recognises(Checkpoint(write(tmp_path, content)))
    assert not backbone.recognises(Checkpoint(tmp_path))


def without(name):
    return {key: tensor for key, tensor in generator().items() if key != name}


BROKEN = {
    "lacks synthesis.layer3.weight": without("synthesis.layer3.weight"),
    "lacks synthesis.layer4.bias": without("synthesis.layer4.bias"),
    "lacks synthesis.layer4.weight": without("synthesis.layer4.weight"),
    "lacks synthesis.output2.weight": without("synthesis.output2.weight"),
    "lacks mapping.dense1.weight": without("mapping.dense1.weight"),
    "has synthesis.noise0": {**generator(), "synthesis.noise0": torch.zeros(3)},
    "synthesis.layer2.apply_noise.noise has shape (1, 1, 4, 4)": {
        **generator(),
        "synthesis.layer2.apply_noise.noise": torch.zeros(1, 1, 4, 4),
    },
    "w_avg has shape (3,)": {**generator(), "truncation.w_avg": torch.zeros(3)},
    "has synthesis.layer2.bias of shape ()": {
        **generator(),
        "synthesis.layer2.bias": torch.zeros(()),
    },
    "lacks synthesis.layer2.bias": {**generator(), "synthesis.layer2.bias": "eight"},
    "synthesis.lod is not one number": {**generator(), "synthesis.lod": torch.zeros(2)},
    "blur.kernel is not the [1 2 1]": {
        **generator(),
        "synthesis.layer2.blur.kernel": torch.ones(8, 1, 3, 3) / 9,
    },
    "has layer5.weight of 3 columns for": {
        "generator": generator(),
        "discriminator": {**discriminator(), "layer5.weight": torch.zeros(10, 3)},
    },
}


@pytest.mark.parametrize("says", BROKEN)
def test_damage_is_named(says, tmp_path):
    path = write(tmp_path, BROKEN[says])
    with pytest.raises(InterpganError) as error:
        load_generator(path)
    assert says in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, -1])
def test_a_file_that_breaks_off(kept, tmp_path):
    whole = write(tmp_path, generator()).read_bytes()
    path = tmp_path / "part.pth"
    path.write_bytes(whole[: int(len(whole) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(InterpganError, match=r"part\.pth"):
        load_generator(path)


def test_a_file_without_the_mean_of_w(tmp_path, plain):
    made = load_generator(write(tmp_path, without("truncation.w_avg")))
    codes = made.to_space(made.sample(range(20_000, 30_000)), "w").codes
    error = (codes.mean(0) - made.spaces["w"].mean) / (codes.std(0) * (2 / 10_000) ** 0.5)
    assert error.abs().max() < 5
    again = load_generator(write(tmp_path, without("truncation.w_avg")))
    assert again.fingerprint == made.fingerprint != plain.fingerprint
    assert torch.equal(again.images(again.sample([1])), plain.images(plain.sample([1])))


WRONG = {
    "draws 16 pixels only": {"resolution": 8},
    "has lod 0 to 2, not 3": {"lod": 3},
    "has lod 0 to 2, not nan": {"lod": float("nan")},
    "no noise loud": {"noise": "loud"},
    "no precision float61": {"precision": "float61"},
    "no fused_scale some": {"fused_scale": "some"},
    "no option 'lodd'; did you mean 'lod'?": {"lodd": 1},
    "use device: cpu": {"device": "nowhere"},
}


@pytest.mark.parametrize("says", WRONG)
def test_options_that_do_not_apply(says, tmp_path):
    with pytest.raises(InterpganError) as error:
        load_generator(write(tmp_path, generator()), **WRONG[says])
    assert says in str(error.value)


def test_the_step_of_a_recipe(tmp_path, plain):
    path = write(tmp_path, fused(generator()))
    made = LoadStyleGAN(weights=str(path), fused_scale=True).run("cpu")
    assert made.fingerprint == plain.fingerprint
    half = LoadStyleGAN(weights=str(path), lod=1, fused_scale=True).run("cpu")
    assert len(half.layers) == 4 and half.spaces["w+"].shape == (6, W)


def test_the_depth_of_the_mapping_is_that_of_the_file(plain):
    assert plain.module.mapping.depth == DEPTH


@pytest.mark.long
def test_loading_takes_little_memory(tmp_path):
    (tmp_path / "small").mkdir()
    small = write(tmp_path / "small", generator())
    assert peak_of_loading(write(tmp_path, generator(widths=(512, 512, 512, 512))), small) < 2.2
