"""StyleGAN 2 of lucidrains: files, options, and the generator's promises. Numbers: tests/test_parity_families.py."""

import json
import pickle
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_of_loading import peak_of_loading

from interpgan_core import InterpganError, load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_core.testing import conformance, plugin_conformance, recipe_error
from interpgan_lucidrains.backbone import backbone
from interpgan_lucidrains.layers import blur, doubled
from interpgan_lucidrains.operators import LoadLucidrains
from interpgan_lucidrains.testing import CHANNELS, WIDTH, file, networks


def write(folder, content):
    torch.save(content, Path(folder) / "model_3.pt")
    return Path(folder) / "model_3.pt"


def load(content=None, **options):
    with TemporaryDirectory() as folder:
        return load_generator(write(folder, content or file()), **options)


test_plugin = plugin_conformance("lucidrains")
test_conforms = conformance(load())
test_conforms_without_noise = conformance(
    load(noise="none"), exempt={"saved-it-stays-the-same": "a file does not keep the kind of noise"}
)
test_conforms_without_constant = conformance(load(file(constant=False, attention=(1,))))


WAYS = {
    "the package's": lambda s: {"GAN": s, "version": "1.9.0"},
    "bare": lambda s: s,
    "lightning's": lambda s: {"state_dict": {f"model.GAN.{n}": t for n, t in s.items()}},
    "parallel": lambda s: {"GAN": {f"module.{n}": t for n, t in s.items()}},
    "averages alone": lambda s: {n: t for n, t in s.items() if n.startswith(("SE.", "GE."))},
    "double": lambda s: {"GAN": {n: t.double() for n, t in s.items()}},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_gives_the_same_generator(way):
    plain, made = load(), load(WAYS[way](networks()))
    assert made.fingerprint == plain.fingerprint
    assert torch.equal(made.images(made.sample([1])), plain.images(plain.sample([1])))
    assert (made.discriminator is not None) == (way != "averages alone")


def test_the_averages_are_taken_and_raw_networks_where_there_are_none(tmp_path):
    raw = load(file(raw=True))
    assert raw.fingerprint != load().fingerprint
    notes = backbone.describe(Checkpoint(write(tmp_path, file()))).notes
    assert any("SE and GE, the averages over the training, are taken" in note for note in notes)
    assert not any("SE" in n for n in backbone.describe(Checkpoint(write(tmp_path, file(raw=True)))).notes)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"channels": (16, 16, 16, 8, 8), "attention": (2,)},
        {"colours": 4, "discriminator": False},
        {"constant": False, "attention": (0, 1)},
    ],
)
def test_a_file_is_described_as_it_is_loaded(options, tmp_path):
    path = write(tmp_path, file(**options))
    made, found = load_generator(path), backbone.describe(Checkpoint(path))
    image = made.forward(made.sample([1]))
    assert image.shape[1:] == (found.channels, found.resolution, found.resolution)
    assert dict(found.spaces) == {name: space.shape for name, space in made.spaces.items()}
    assert found.parameters == sum(p.numel() for p in made.module.parameters())
    assert found.discriminator == (made.discriminator is not None)
    assert len(made.layers) == made.spaces["w+"].shape[0]


def test_lr_mlp_of_the_option_of_the_file_beside_or_of_the_package(tmp_path):
    path = write(tmp_path, file())
    usual = load_generator(path).fingerprint
    assert "No .config.json beside it" in backbone.describe(Checkpoint(path)).notes[-1]
    (tmp_path / ".config.json").write_text(json.dumps({"image_size": 8, "lr_mlp": 0.01}))
    beside = load_generator(path)
    assert beside.fingerprint != usual and beside.module.mapping.rate == 0.01
    assert len(backbone.describe(Checkpoint(path)).notes) == 1
    assert load_generator(path, lr_mlp=0.1).fingerprint == usual
    for said in ("{", "[]", '{"lr_mlp": "fast"}', '{"lr_mlp": -1}', '{"lr_mlp": true}', "[" * 10_000):
        (tmp_path / ".config.json").write_text(said)
        assert load_generator(path).fingerprint == usual
    with pytest.raises(InterpganError, match=r"lr_mlp is a number above 0"):
        load_generator(path, lr_mlp=-1.0)


def test_noise(tmp_path):
    const, none, random = (load(noise=kind) for kind in ("const", "none", "random"))
    batch = const.sample([3, 4])
    same = replace(batch, codes=batch.codes[:1].expand(2, -1))
    for made, differ in ((const, False), (none, False), (random, True)):
        first, second = made.forward(same)
        assert torch.allclose(first, second, atol=1e-5) != differ
    assert not torch.equal(const.forward(same), none.forward(same))
    torch.testing.assert_close(random.forward(batch[1])[0], random.forward(batch)[1], atol=1e-5, rtol=1e-5)
    assert 0.45 < random.noise_maps(batch).mean() < 0.55
    with pytest.raises(InterpganError, match="load the generator with noise: const or none"):
        random.forward(replace(batch, seeds=None))


def test_a_row_of_the_stem_makes_the_first_maps():
    made = load(file(constant=False))
    batch = made.to_space(made.sample([1]), "w+")
    assert made.layers[0] == "stem" and batch.codes.shape == (1, 5, WIDTH)
    x = torch.nn.functional.conv_transpose2d(batch.codes[:, 0, :, None, None], made.module.start)
    torch.testing.assert_close(made.features(batch, ["stem"])["stem"], made.module.stem(x))
    assert made.style_weight("w+", 0).shape == (16 * CHANNELS[0], WIDTH)


@pytest.mark.parametrize("layer", [0, 1, 2, 3])
def test_style_weights_say_how_a_code_moves_its_styles(layer):
    made = load()
    batch = made.to_space(made.sample([1]), "w+")
    moved = replace(batch, codes=batch.codes + made.spaces["w+"].mask(str(layer)).float())
    change = (made.to_space(moved, "s").codes - made.to_space(batch, "s").codes)[0]
    driven = made.spaces["s"].mask(str(layer))
    torch.testing.assert_close(change[driven], made.style_weight("w+", layer).sum(1), atol=1e-5, rtol=1e-5)
    assert not change[~driven].any()


@pytest.mark.parametrize(("space", "layer"), [("z", 0), ("s", 0), ("w", 4), ("w+", -1)])
def test_style_weights_that_do_not_exist(space, layer):
    with pytest.raises(InterpganError, match=r"spaces are w or w\+, layers are 0 to 3"):
        load().style_weight(space, layer)


def test_the_discriminator_of_pictures_with_alpha_is_turned_round():
    made = load(file(colours=4))
    images = made.forward(made.sample([1, 2]))
    found = made.discriminator(images)
    assert found.shape == (2, 1) and torch.equal(found, -made.discriminator.outputs((images + 1) / 2))


def test_a_discriminator_with_a_dictionary_is_left_out(tmp_path):
    state = networks() | {"D.quantize_blocks.0.fn.embed": torch.zeros(8, 4)}
    path = write(tmp_path, {"GAN": state})
    assert load_generator(path).discriminator is None
    assert any("dictionary of features" in note for note in backbone.describe(Checkpoint(path)).notes)


@pytest.mark.parametrize(("precision", "far"), [("bfloat16", 0.3), ("float16", 0.05)])
def test_precision(precision, far):
    low, made = load(precision=precision), load()
    batch = made.sample([1, 2])
    found, expected = low.images(batch), made.images(batch)
    assert found.dtype == torch.float32
    assert 0 < (found - expected).abs().max() < far * expected.std()


def test_it_is_saved_with_its_discriminator_and_mean(tmp_path):
    made = load(file(attention=(1,)), lr_mlp=0.02)
    made.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    images = made.images(made.sample([1]))
    assert again.fingerprint == made.fingerprint and torch.equal(
        again.spaces["w"].mean, made.spaces["w"].mean
    )
    assert torch.equal(again.images(again.sample([1])), images)
    assert torch.equal(again.discriminator(images), made.discriminator(images))


def without(name):
    return {key: tensor for key, tensor in networks().items() if key != name}


BROKEN = {
    "lacks blocks.1.conv2.weight": without("GE.blocks.1.conv2.weight"),
    "lacks mapping.layers.1.weight": without("SE.net.2.weight"),
    "has shape (8, 7, 3, 3)": networks() | {"GE.blocks.1.conv2.weight": torch.zeros(8, 7, 3, 3)},
    "has attention before block 7": {
        n.replace("attns.1.", "attns.7."): t for n, t in networks(attention=(1,)).items()
    },
    "has attention behind block 9": {
        n.replace("attn_blocks.0.", "attn_blocks.9."): t for n, t in networks(attention=(1,)).items()
    },
    "lacks block 0 of 3": {
        n: t for n, t in networks().items() if n not in ("D.blocks.0.net.0.weight", "D.blocks.1.net.0.weight")
    },
    "has gamma, which the network does not know": networks() | {"GE.gamma": torch.zeros(1)},
}


@pytest.mark.parametrize("says", BROKEN)
def test_damage_is_named(says, tmp_path):
    path = write(tmp_path, {"GAN": BROKEN[says]})
    with pytest.raises(InterpganError) as error:
        load_generator(path)
    assert says in str(error.value) and str(path) in str(error.value)


NAMES = sorted(n for n in networks(attention=(1,)) if n.startswith(("SE", "GE", "D.")))
SHAPES = st.one_of(
    st.none(),
    st.lists(st.integers(0, 17), max_size=5).map(lambda s: torch.zeros(s)),
    st.just(torch.tensor(3)),
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(
        st.sampled_from([*NAMES, "GE.blocks.99999.conv1.weight", "SE.net.7.weight", "GE.attns.x.y"]),
        SHAPES,
        max_size=4,
    )
)
def test_whatever_the_tensors_are_it_is_loaded_or_refused(changes, tmp_path):
    state = networks(attention=(1,)) | {
        name: tensor for name, tensor in changes.items() if tensor is not None
    }
    state = {name: tensor for name, tensor in state.items() if changes.get(name, tensor) is not None}
    checkpoint = Checkpoint(write(tmp_path, {"GAN": state}))
    with suppress(InterpganError):
        backbone.load(checkpoint, backbone.options())
    with suppress(InterpganError):
        backbone.describe(checkpoint)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_file_that_would_run_something_runs_nothing(tmp_path):
    path, mark = tmp_path / "model_3.pt", tmp_path / "mark"
    path.write_bytes(
        pickle.dumps({"GAN": {n: t.numpy() for n, t in networks().items()}, "x": Hostile(str(mark))})
    )
    with pytest.raises(InterpganError, match=r"asks to run code.*open"):
        load_generator(path)
    assert not mark.exists()


WRONG = {
    "draws 8 pixels only": {"resolution": 64},
    "no noise some": {"noise": "some"},
    "no precision float61": {"precision": "float61"},
    "no option 'lr_map'; did you mean 'lr_mlp'?": {"lr_map": 1},
}


@pytest.mark.parametrize("says", WRONG)
def test_options_that_do_not_apply(says):
    with pytest.raises(InterpganError) as error:
        load(**WRONG[says])
    assert says in str(error.value)


def test_the_step_of_a_recipe(tmp_path):
    path = write(tmp_path, file())
    made = LoadLucidrains(weights=str(path), lr_mlp=0.02, noise="none").run("cpu")
    assert made.noise == "none" and made.fingerprint == load(lr_mlp=0.02).fingerprint


def test_a_wrong_step_is_refused_at_once(tmp_path):
    (tmp_path / "model_3.pt").touch()
    step = "{use: lucidrains, weights: model_3.pt, lr_mlp: 0}"
    said = recipe_error(f"interpgan: 1\nsteps:\n  - {step}\n", tmp_path)
    assert "'lr_mlp' of lucidrains must be more than 0.0, not 0" in said


@pytest.mark.long
def test_loading_takes_little_memory(tmp_path):
    (tmp_path / "small").mkdir()
    options = {"raw": True, "discriminator": False}
    large = write(tmp_path, file(channels=(512, 512, 512), **options))
    assert peak_of_loading(large, write(tmp_path / "small", file(**options))) < 1.3


def test_files_of_the_first_versions_are_not_blurred(tmp_path):
    """They have no kernels of a blur, and the layer that halves is no Sequential."""
    state = {
        n.replace("downsample.1.", "downsample."): t for n, t in networks().items() if not n.endswith(".f")
    }
    old, new = load(state), load()
    assert old.fingerprint != new.fingerprint
    batch = new.sample([1])
    for made, blurred in ((old, False), (new, True)):
        block = made.module.each[0]
        x, styles, noise = torch.randn(1, 16, 4, 4), [torch.zeros(1, 16)] * 3, torch.zeros(1, 8, 8)
        maps, enlarged = block(x, None, styles, noise)
        drawn = doubled(block.rgb.convolved(maps, styles[2]))
        assert torch.equal(enlarged, blur(drawn) if blurred else drawn)
        assert made.discriminator.blocks[0].blurred == blurred
    assert not torch.equal(old.images(batch), new.images(batch))
    old.save(tmp_path)
    assert load_generator(tmp_path / "generator.safetensors").fingerprint == old.fingerprint
