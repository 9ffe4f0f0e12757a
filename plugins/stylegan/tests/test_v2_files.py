"""StyleGAN 2: which files load, and what is said of those that do not."""

import pickle
import re
from argparse import Namespace
from contextlib import nullcontext

import pytest
import torch
from memory_of_loading import peak_of_loading

from interpgan_core import InterpganError, Remark, load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_stylegan.operators import LoadStyleGAN
from interpgan_stylegan.testing.v2 import W, Z, discriminator, generator
from interpgan_stylegan.testing.v3 import state as stylegan3
from interpgan_stylegan.testing.v3 import write_pickle
from interpgan_stylegan.v2.backbone import backbone
from interpgan_stylegan.v2.conversion import convert
from interpgan_stylegan.v2.generator import StyleGAN2

# A settings dictionary as NVIDIA's training writes it.
SETTINGS = {
    "z_dim": Z, "c_dim": 0, "w_dim": W, "img_resolution": 16, "img_channels": 3,
    "mapping_kwargs": {"num_layers": 3},
    "synthesis_kwargs": {"channel_base": 64, "channel_max": 8, "num_fp16_res": 4, "conv_clamp": 256},
}  # fmt: skip


def write(folder, content):
    torch.save(content, folder / "net.pt")
    return folder / "net.pt"


def parallel(state):
    return {f"module.{name}": tensor for name, tensor in state.items()}


def rosinality(state):
    """As its training writes it: the mean of w is not in the file."""
    moved = convert(state, "rosinality")
    mean = moved.pop("latent_avg")
    return moved, mean


@pytest.fixture
def plain(tmp_path):
    return load_generator(write(tmp_path, generator()))


def halved(state):
    return {
        name: t / 2 if t.ndim > 1 and "filter" not in name and "kernel" not in name else t
        for name, t in state.items()
    }


def zeroed(state):
    return {name: t if t.shape[-2:] == (4, 4) and t.ndim != 3 else t * 0 for name, t in state.items()}


WAYS = {
    "flat": lambda g: g,
    "parallel": parallel,
    "averaged": lambda g: {"G": halved(g), "G_ema": g, "D": discriminator()},
    "not averaged": lambda g: {"G": g},
    "genforce": lambda g: {"generator_smooth": convert(g, "genforce"), "generator": halved(convert(g, "genforce"))},
    "genforce, trainer": lambda g: {
        "models": {
            "generator_smooth": parallel(convert(g, "genforce")),
            "discriminator": parallel(convert(discriminator(), "genforce")),
        },
        "args": Namespace(lr=0.002),
    },
    "rosinality": lambda g: {"g_ema": rosinality(g)[0], "latent_avg": rosinality(g)[1]},
    "rosinality, training": lambda g: {
        "g": halved(rosinality(g)[0]),
        "d": convert(discriminator(), "rosinality"),
        "g_ema": rosinality(g)[0],
        "g_optim": {"state": {0: {"step": 3}}, "param_groups": [{"lr": 0.002}]},
        "args": Namespace(size=16, latent=W, n_mlp=3),
        "ada_aug_p": 0.2,
    },
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_gives_the_same_generator(way, tmp_path, plain):
    state = generator()
    if "rosinality" in way:  # whose networks have equal sizes of z and w
        state["mapping.fc0.weight"] = state["mapping.fc0.weight"][:, :Z]
    made = load_generator(write(tmp_path, WAYS[way](state)))
    assert isinstance(made, StyleGAN2)
    assert made.fingerprint == plain.fingerprint
    batch = made.sample([1, 2])
    assert (made.images(batch) - plain.images(batch)).abs().max() < 2e-5  # of a publisher's own epsilon
    assert (made.discriminator is not None) == ("train" in way or way == "averaged")


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("flat", [False, True])
def test_pickles(protocol, flat, tmp_path, plain):
    """Settings of the synthesis are nested in one version of NVIDIA's code, and flat in the other."""
    settings = dict(SETTINGS)
    if flat:
        settings |= settings.pop("synthesis_kwargs")
    path = tmp_path / "net.pkl"
    write_pickle(
        path,
        protocol,
        G=("Generator", halved(generator()), settings),
        D=("Discriminator", discriminator(), {"conv_clamp": 256}),
        G_ema=("Generator", generator(), settings),
    )
    made = load_generator(path)
    assert made.fingerprint == plain.fingerprint
    batch = made.sample([1, 2])
    assert torch.equal(made.images(batch), plain.images(batch))
    assert made.discriminator(made.images(batch)).shape == (2, 1)


def test_a_pickle_knows_its_clamp(tmp_path, plain):
    write_pickle(
        tmp_path / "net.pkl", G_ema=("Generator", generator(), {"synthesis_kwargs": {"conv_clamp": 0.5}})
    )
    made = load_generator(tmp_path / "net.pkl")
    found = made.features(made.sample([1]), made.layers)
    assert all(maps.abs().max() == 0.5 for maps in found.values())
    loud = {name: t * (1e4 if name.endswith("noise_strength") else 1) for name, t in generator().items()}
    made = load_generator(write(tmp_path, loud))
    found = made.features(made.sample([1]), made.layers)
    assert all(maps.abs().max() == 256 for maps in found.values()), "as NVIDIA's training always clamps"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"mapping_kwargs": {"lr_multiplier": 0.1}}, "lr_multiplier = 0.1; only 0.01"),
        ({"synthesis_kwargs": {"activation": "relu"}}, "activation = relu; only lrelu"),
        ({"resample_filter": [1, 2, 1]}, "resample_filter = [1, 2, 1]; only [1, 3, 3, 1]"),
        ({"synthesis_kwargs": {"conv_clamp": "tight"}}, "could not convert string to float"),
        ({"synthesis_kwargs": {"resample_filter": torch.ones(4)}}, "unknown variant"),
    ],
)
def test_settings_that_no_published_network_has(setting, says, tmp_path):
    write_pickle(tmp_path / "net.pkl", G_ema=("Generator", generator(), setting))
    with pytest.raises(InterpganError) as error:
        load_generator(tmp_path / "net.pkl")
    assert says in str(error.value) and "net.pkl" in str(error.value)


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize("noise", [True, False])
def test_what_it_is_is_said_without_building_it(architecture, noise, tmp_path):
    content = {"G_ema": generator(architecture, 3, noise), "D": discriminator(architecture, 3)}
    path = write(tmp_path, content)
    made, said = load_generator(path), backbone.describe(Checkpoint(path))
    assert (said.family, said.layout, said.resolution, said.classes) == ("StyleGAN 2", "NVIDIA", 16, 3)
    assert dict(said.spaces) == {name: space.shape for name, space in made.spaces.items()}
    assert said.parameters == sum(p.numel() for p in made.module.parameters())
    assert said.discriminator
    assert f"Architecture {architecture}." in said.notes
    assert ("Trained without noise." in said.notes) != noise
    assert made.images(made.sample([1])).shape == (1, 3, 16, 16)


def test_what_other_layouts_are(tmp_path):
    for layout in ("genforce", "rosinality"):
        state = convert(generator(), layout)
        said = backbone.describe(Checkpoint(write(tmp_path, state)))
        assert (said.layout, said.resolution, said.discriminator) == (layout, 16, False)
        assert said.parameters == sum(
            p.numel() for p in load_generator(write(tmp_path, state)).module.parameters()
        )


def test_others_are_not_claimed(tmp_path):
    others = [
        {"D": discriminator()},
        discriminator(),
        stylegan3(),
        {"input.input": torch.zeros(1, 2, 4, 4)},
        {"mapping.dense0.weight": torch.zeros(2, 2), "synthesis.layer0.const": torch.zeros(1, 2, 4, 4)},
        {"a": [1, 2]},
        torch.zeros(3),
        {},
    ]
    for content in others:
        assert not backbone.recognises(Checkpoint(write(tmp_path, content)))
    write_pickle(tmp_path / "net.pkl", G_ema=("Generator", stylegan3(), {}))
    assert not backbone.recognises(Checkpoint(tmp_path / "net.pkl"))
    (tmp_path / "folder").mkdir()
    assert not backbone.recognises(Checkpoint(tmp_path / "folder"))


def changed(state, **tensors):
    state = {**state, **{name.replace("__", "."): t for name, t in tensors.items()}}
    return {name: t for name, t in state.items() if t is not None}


BROKEN = {
    "lacks synthesis.b8.conv0.weight": changed(generator(), synthesis__b8__conv0__weight=None),
    "lacks synthesis.b4.conv1.weight": changed(generator(), synthesis__b4__conv1__weight=None),
    "lacks synthesis.b16.torgb.affine.bias": changed(generator(), synthesis__b16__torgb__affine__bias=None),
    "lacks mapping.fc0.weight": changed(generator(), mapping__fc0__weight=None),
    "has synthesis.b8.": changed(generator(), synthesis__b8__conv1__weight=None),
    "has synthesis.b8.more, which": changed(generator(), synthesis__b8__more=torch.zeros(2)),
    "synthesis.b8.conv1.bias has shape (3,)": changed(generator(), synthesis__b8__conv1__bias=torch.zeros(3)),
    "synthesis.b8.conv1.weight has shape (6,)": changed(generator(), synthesis__b8__conv1__weight=torch.zeros(6)),
    "mean of w has shape (3,)": changed(generator(), mapping__w_avg=torch.zeros(3)),
    "torgb.weight has shape (3, ": changed(generator(), synthesis__b16__torgb__weight=torch.zeros(1, 4, 1, 1)),
    "synthesis.b8.resample_filter is not the filter [1, 3, 3, 1]": changed(
        generator(), synthesis__b8__resample_filter=torch.ones(4, 4) / 16
    ),
    "genforce's StyleGAN 2 has no tensor synthesis.layer1.extra": changed(
        convert(generator(), "genforce"), synthesis__layer1__extra=torch.zeros(2)
    ),
    "lacks synthesis.b8.conv0.bias": changed(convert(generator(), "genforce"), synthesis__layer1__bias=None),
    "unknown variant": changed(convert(generator(), "rosinality"), conv1__noise__weight=torch.zeros(())),
    "b4.fc.weight": {"G_ema": generator(), "D": changed(discriminator(), b4__fc__weight=None)},
    "discriminator in": {"G_ema": generator(), "D": changed(discriminator(), b4__conv__weight=torch.zeros(2))},
    "8 channels have no -3 statistics": {
        "G_ema": generator(),
        "D": changed(discriminator(), b4__conv__weight=torch.zeros(8, 5, 3, 3)),
    },
    "b8.conv0.bias": {"G_ema": generator(), "D": changed(discriminator(), b8__conv0__bias=None)},
}  # fmt: skip


@pytest.mark.parametrize("says", BROKEN)
def test_damage_is_named(says, tmp_path):
    path = write(tmp_path, BROKEN[says])
    with pytest.raises(InterpganError) as error:
        load_generator(path)
    assert says in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_files_cut_short(share, tmp_path):
    whole = write(tmp_path, generator()).read_bytes()
    write_pickle(tmp_path / "net.pkl", G_ema=("Generator", generator(), SETTINGS))
    for content in (whole, (tmp_path / "net.pkl").read_bytes()):
        path = tmp_path / "part.pkl"
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(InterpganError, match=r"part\.pkl"):
            load_generator(path)


def test_a_network_whose_insides_are_damaged(tmp_path):
    """What the pickle's own reader lets pass: names that stand for nothing."""
    write_pickle(tmp_path / "net.pkl", G_ema=("Generator", {"synthesis.b4.const": torch.zeros(2)}, SETTINGS))
    with pytest.raises(InterpganError, match=r"net\.pkl"):
        load_generator(tmp_path / "net.pkl")
    (tmp_path / "text.pkl").write_bytes(pickle.dumps({"G_ema": "a network"}))
    with pytest.raises(InterpganError, match=r"text\.pkl"):
        load_generator(tmp_path / "text.pkl")


def test_a_file_without_the_mean_of_w(tmp_path, plain):
    state = changed(generator(), mapping__w_avg=None)
    made = load_generator(write(tmp_path, state))
    codes = made.to_space(made.sample(range(20_000, 30_000)), "w").codes
    error = (codes.mean(0) - made.spaces["w"].mean) / (codes.std(0) * (2 / 10_000) ** 0.5)
    assert error.abs().max() < 5
    assert torch.equal(made.images(made.sample([1])), plain.images(plain.sample([1])))
    notes = backbone.describe(Checkpoint(write(tmp_path, state))).notes
    assert "It has no mean of w; one of 10,000 samples takes its place." in notes


def test_an_old_file_of_rosinality_without_noise_maps(tmp_path, plain):
    state = {n: t for n, t in convert(generator(), "rosinality").items() if not n.startswith("noises.")}
    mean = state.pop("latent_avg")
    path = write(tmp_path, {"g_ema": state, "latent_avg": mean})
    made, silent = load_generator(path), load_generator(path, noise="none")
    batch = made.sample([1])
    assert torch.equal(made.images(batch), silent.images(batch))
    assert not torch.equal(load_generator(path, noise="random").images(batch), silent.images(batch))


WRONG = {
    "draws 16 pixels only": {"resolution": 8},
    "no noise loud": {"noise": "loud"},
    "no precision float61": {"precision": "float61"},
    "no option 'lod'": {"lod": 1},
}


@pytest.mark.parametrize("says", WRONG)
def test_options_that_do_not_apply(says, tmp_path):
    with pytest.raises(InterpganError) as error:
        load_generator(write(tmp_path, generator()), **WRONG[says])
    assert says in str(error.value)


@pytest.mark.parametrize("noise", ["const", "none", "random"])
def test_networks_without_noise(noise, tmp_path):
    path = write(tmp_path, generator(noise=False))
    says = pytest.raises(InterpganError, match="was trained without noise; leave noise at const")
    with says if noise == "random" else nullcontext():
        assert load_generator(path, noise=noise).fingerprint


def test_the_step_of_a_recipe(tmp_path, plain):
    path = write(tmp_path, generator())
    made = LoadStyleGAN(weights=str(path), noise="none").run("cpu")
    assert made.fingerprint == plain.fingerprint and made.noise == "none"
    with pytest.raises(InterpganError, match="no option 'lod'"):
        LoadStyleGAN(weights=str(path), lod=1).run("cpu")
    with pytest.raises(InterpganError, match="toy is no StyleGAN; load it with use: generator"):
        LoadStyleGAN(weights="toy").run("cpu")


@pytest.mark.long
@pytest.mark.parametrize("layout", ["nvidia", "genforce", "rosinality"])
def test_loading_takes_little_memory(layout, tmp_path):
    large = convert(generator(widths=(512, 512, 512, 512)), layout)
    (tmp_path / "small").mkdir()
    small = write(tmp_path / "small", convert(generator(), layout))
    assert peak_of_loading(write(tmp_path, {n: t.clone() for n, t in large.items()}), small) < 2.2


MMGENERATION = (
    (r"^input\.input$", "constant_input.weight"),
    (r"^style\.(\d+)\.weight$", r"style_mapping.\1.linear.weight_orig"),
    (r"^style\.(\d+)\.bias$", r"style_mapping.\1.activate.bias"),
    (r"\.modulation\.weight$", ".style_modulation.fc.weight_orig"),
    (r"\.modulation\.bias$", ".style_modulation.fc.bias"),
    (r"^noises\.noise_(\d+)$", r"injected_noise_\1"),
    (r"\.noise\.weight$", ".noise_injector.weight"),
)


def test_mmgeneration(tmp_path):
    """Its names map one by one onto rosinality's; the average and the discriminator stand beside it."""
    state = {n: t for n, t in convert(generator(), "rosinality").items() if n != "latent_avg"}
    renamed = {}
    for name, tensor in state.items():
        for pattern, new in MMGENERATION:
            name = re.sub(pattern, new, name)
        renamed[name] = tensor
    assert not set(renamed) & {"input.input", "style.1.weight"}
    content = {
        "meta": {"mmcv_version": "1.3.0"},
        "state_dict": {f"generator.{n}": 2 * t for n, t in renamed.items()}
        | {f"generator_ema.{n}": t for n, t in renamed.items()}
        | {"discriminator.convs.0.conv.weight_orig": torch.zeros(4, 3, 1, 1)},
    }
    found = load_generator(write(tmp_path, content))
    assert found.fingerprint == load_generator(write(tmp_path, {"g_ema": state})).fingerprint


def test_a_conditional_network_without_its_embedding_is_said(tmp_path):
    """A conversion that drops mapping.embed leaves a mapping of twice the width, which z would fill."""
    state = generator()
    state["mapping.fc0.weight"] = torch.zeros(9, 20)  # w is 10
    path = write(tmp_path, state)
    with pytest.warns(Remark, match="seems to be a conditional network whose embedding was lost"):
        assert load_generator(path).spaces["z"].shape == (20,)
    assert any("embedding was lost" in note for note in backbone.describe(Checkpoint(path)).notes)


def test_what_is_near_but_not_supported_is_named(tmp_path):
    lucidrains = {
        "GAN": {f"{part}.net.0.weight": torch.zeros(8, 8) for part in ("S", "SE")},
        "version": "1.8.9",
    }
    with pytest.raises(InterpganError, match=r"is of lucidrains' stylegan2-pytorch.*not supported"):
        load_generator(write(tmp_path, lucidrains))
