"""ALAE: files, options, encoder, and the generator's promises. Numbers: tests/test_parity_families.py."""

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
from PIL import Image

from interpgan_alae.backbone import backbone
from interpgan_alae.generator import ALAE, ALAEWithEncoder
from interpgan_alae.testing import WIDTH, dense, models
from interpgan_core import HasEncoder, InterpganError, LatentBatch, load_generator, make_plan, run
from interpgan_core.plugin import Checkpoint
from interpgan_core.testing import conformance, plugin_conformance


def write(folder, content):
    torch.save(content, Path(folder) / "model.pth")
    return Path(folder) / "model.pth"


def load(content=None, **options):
    with TemporaryDirectory() as folder:
        return load_generator(
            write(folder, content or {"models": models(), "auxiliary": {"iteration": 3}}), **options
        )


test_plugin = plugin_conformance("alae")
test_conforms = conformance(load())
test_conforms_without_noise = conformance(
    load(noise="none"), exempt={"saved-it-stays-the-same": "a file does not keep the kind of noise"}
)
test_conforms_without_encoder = conformance(
    load({"models": {n: s for n, s in models().items() if n.startswith(("generator", "mapping_fl"))}})
)


def test_the_averages_are_taken():
    plain, raw = load({"models": models(averages=False)}), load()
    assert plain.fingerprint == raw.fingerprint
    other = {n: s for n, s in models().items() if not n.endswith("_s")}
    assert load({"models": other}).fingerprint != plain.fingerprint


WAYS = {
    "bare": lambda m: m,
    "prefixed": lambda m: {"state_dict": {f"{k}.{n}": t for k, s in m.items() for n, t in s.items()}},
    "parallel": lambda m: {"models": {k: {f"module.{n}": t for n, t in s.items()} for k, s in m.items()}},
    "double": lambda m: {"models": {k: {n: t.double() for n, t in s.items()} for k, s in m.items()}},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_gives_the_same_generator(way):
    plain, made = load(), load(WAYS[way](models(averages=False)))
    assert isinstance(made, ALAEWithEncoder) and made.fingerprint == plain.fingerprint
    images = plain.images(plain.sample([1]))
    assert torch.equal(made.images(made.sample([1])), images)
    assert torch.equal(made.encode(images).codes, plain.encode(images).codes)
    assert torch.equal(made.discriminator(images), plain.discriminator(images))


@pytest.mark.parametrize(("widths", "channels", "z"), [((8, 8), 1, 12), ((16, 16, 8, 8, 8, 8), 3, 20)])
def test_a_file_is_described_as_it_is_loaded(widths, channels, z, tmp_path):
    path = write(tmp_path, {"models": models(widths, channels, z)})
    made, found = load_generator(path), backbone.describe(Checkpoint(path))
    image = made.forward(made.sample([1]))
    assert image.shape[1:] == (channels, found.resolution, found.resolution) and found.channels == channels
    assert dict(found.spaces) == {name: space.shape for name, space in made.spaces.items()}
    assert found.parameters == sum(p.numel() for p in made.module.parameters())
    assert (
        found.discriminator and "under models.generator_s" in found.notes[0] and "encoder" in found.notes[1]
    )


def test_a_file_without_encoder_makes_a_generator_that_has_none(tmp_path):
    nets = {n: s for n, s in models().items() if n.startswith(("generator", "mapping_fl"))}
    made = load({"models": nets})
    assert type(made) is ALAE and not isinstance(made, HasEncoder) and made.discriminator is None
    mean = made.to_space(made.sample(range(2000)), "w").codes.mean(0)
    torch.testing.assert_close(made.spaces["w"].mean, mean, atol=1e-5, rtol=0)
    found = backbone.describe(Checkpoint(write(tmp_path, {"models": nets})))
    assert not found.discriminator and len(found.notes) == 1


def test_codes_of_the_encoder_and_pictures_of_another_size():
    made = load()
    images = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    batch = made.encode(images)
    assert isinstance(made, HasEncoder) and isinstance(batch, LatentBatch) and batch.space.name == "w"
    assert batch.codes.shape == (3, WIDTH) and batch.seeds is None
    torch.testing.assert_close(made.encode(images[1:2]).codes, batch.codes[1:2])
    large = images.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert made.encode(large).codes.shape == (3, WIDTH)
    codes = images[:1].clone().requires_grad_(True)
    made.encode(codes).codes.sum().backward()
    assert codes.grad.abs().sum() > 0
    assert torch.equal(made.discriminator(images), made.discriminator.of_codes(batch.codes))


def test_a_smaller_picture_skips_the_last_blocks():
    small, made = load(resolution=8), load()
    assert small.fingerprint == made.fingerprint and len(small.layers) == 4
    batch = made.sample([1, 2])
    assert small.images(batch).shape == (2, 3, 8, 8)
    kept = made.features(batch, ["blocks.1.second"])["blocks.1.second"]
    assert torch.equal(small.features(batch, ["blocks.1.second"])["blocks.1.second"], kept)
    assert small.encode(small.images(batch)).codes.shape == (2, WIDTH)
    with pytest.raises(InterpganError, match="draws 4, 8, 16 pixels, not 32"):
        load(resolution=32)


def test_noise():
    const, none, random = (load(noise=kind) for kind in ("const", "none", "random"))
    batch = const.sample([3, 4])
    same = replace(batch, codes=batch.codes[:1].expand(2, -1))
    for made, differ in ((const, False), (none, False), (random, True)):
        first, second = made.forward(same)
        assert torch.allclose(first, second, atol=1e-5) != differ
    assert (const.forward(same) - none.forward(same)).abs().max() > 1e-2
    torch.testing.assert_close(random.forward(batch[1])[0], random.forward(batch)[1], atol=1e-5, rtol=1e-5)
    with pytest.raises(InterpganError, match="load the generator with noise: const or none"):
        random.forward(replace(batch, seeds=None))


@pytest.mark.parametrize("layer", range(6))
def test_style_weights_say_how_a_code_moves_its_styles(layer):
    made = load()
    batch = made.to_space(made.sample([1]), "w+")
    moved = replace(batch, codes=batch.codes + made.spaces["w+"].mask(str(layer)).float())
    change = (made.to_space(moved, "s").codes - made.to_space(batch, "s").codes)[0]
    driven = made.spaces["s"].mask(str(layer))
    torch.testing.assert_close(change[driven], made.style_weight("w+", layer).sum(1), atol=1e-5, rtol=1e-5)
    assert not change[~driven].any()


@pytest.mark.parametrize(("space", "layer"), [("z", 0), ("s", 0), ("w", 6), ("w+", -1)])
def test_style_weights_that_do_not_exist(space, layer):
    with pytest.raises(InterpganError, match=r"spaces are w or w\+, layers are 0 to 5"):
        load().style_weight(space, layer)


@pytest.mark.parametrize(("precision", "far"), [("bfloat16", 0.3), ("float16", 0.05)])
def test_precision(precision, far):
    low, made = load(precision=precision), load()
    found, expected = low.images(made.sample([1, 2])), made.images(made.sample([1, 2]))
    assert found.dtype == torch.float32
    assert 0 < (found - expected).abs().max() < far * expected.std()


def test_it_is_saved_with_its_encoder_and_discriminator(tmp_path):
    made = load()
    made.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    images = made.images(made.sample([1]))
    assert again.fingerprint == made.fingerprint and torch.equal(again.images(again.sample([1])), images)
    assert torch.equal(again.encode(images).codes, made.encode(images).codes)
    assert torch.equal(again.discriminator(images), made.discriminator(images))
    assert torch.equal(again.spaces["w+"].mean, made.spaces["w+"].mean)


def test_a_recipe_encodes_a_photograph_by_the_generators_own_encoder(tmp_path):
    write(tmp_path, {"models": models((16, 16, 8, 8, 8))})
    Image.effect_noise((80, 80), 60).convert("RGB").save(tmp_path / "photo.png")
    (tmp_path / "recipe.yaml").write_text(
        "interpgan: 1\nsteps:\n  - {use: generator, weights: model.pth}\n"
        "  - {use: inversion.encode, id: me, pictures: photo.png}\n  - {use: render}\n"
    )
    page = run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu")
    assert "Codes by the encoder of the generator, with no search." in page.read_text()


def changed(net, **tensors):
    nets = models()
    nets[net] = {name: tensor for name, tensor in (nets[net] | tensors).items() if tensor is not None}
    return nets


BROKEN = {
    "lacks blocks.1.second.weight": changed("generator_s", **{"decode_block.1.conv_2.weight": None}),
    "lacks mapping.layers.1.bias": changed("mapping_fl_s", **{"map_blocks.1.fc.bias": None}),
    "lacks blocks.2.bias1": changed("discriminator_s", **{"encode_block.2.bias_1": None}),
    "lacks layers.1.bias": changed("mapping_tl_s", **{"map_blocks.1.bias": None}),
    "has gamma, which the network does not know": changed("generator_s", gamma=torch.zeros(1)),
    "lacks block 1 of 3": changed("generator_s", **{"decode_block.1.bias_1": None}),
    "has shape (8, 7, 3, 3)": changed(
        "generator_s", **{"decode_block.2.conv_1.weight": torch.zeros(8, 7, 3, 3)}
    ),
    "has a mean of w of shape (4, 3)": changed("dlatent_avg", buff=torch.zeros(4, 3)),
    "an encoder of 2 blocks and a generator of 3": models()
    | {"discriminator_s": models((16, 8))["discriminator_s"]},
    "a discriminator for codes of 5 numbers": models() | {"mapping_tl_s": dense("map_blocks.{}", (5, 8))},
}


@pytest.mark.parametrize("says", BROKEN)
def test_damage_is_named(says, tmp_path):
    path = write(tmp_path, {"models": BROKEN[says]})
    with pytest.raises(InterpganError) as error:
        load_generator(path)
    assert says in str(error.value) and str(path) in str(error.value)


GOOD = models(averages=False)
NAMES = sorted((net, name) for net, state in GOOD.items() for name in state)
SHAPES = st.one_of(
    st.none(),
    st.lists(st.integers(0, 17), max_size=5).map(lambda s: torch.zeros(s)),
    st.just(torch.tensor(3)),
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(
        st.sampled_from([*NAMES, ("generator", "decode_block.99999.bias_1")]), SHAPES, max_size=4
    )
)
def test_whatever_the_tensors_are_it_is_loaded_or_refused(changes, tmp_path):
    nets = {net: dict(state) for net, state in GOOD.items()}
    for (net, name), tensor in changes.items():
        if tensor is None:
            nets[net].pop(name, None)
        else:
            nets[net][name] = tensor
    checkpoint = Checkpoint(write(tmp_path, {"models": nets}))
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
    path, mark = tmp_path / "model.pth", tmp_path / "mark"
    arrays = {net: {n: t.numpy() for n, t in state.items()} for net, state in GOOD.items()}
    path.write_bytes(pickle.dumps({"models": arrays, "more": Hostile(str(mark))}))
    with pytest.raises(InterpganError, match=r"asks to run code.*open"):
        load_generator(path)
    assert not mark.exists()


WRONG = {
    "no noise some": {"noise": "some"},
    "no precision float61": {"precision": "float61"},
    "no option 'psi'": {"psi": 0.7},
}


@pytest.mark.parametrize("says", WRONG)
def test_options_that_do_not_apply(says):
    with pytest.raises(InterpganError) as error:
        load(**WRONG[says])
    assert says in str(error.value)


@pytest.mark.long
def test_loading_takes_little_memory(tmp_path):
    (tmp_path / "small").mkdir()
    large = write(tmp_path, {"models": models((512, 512, 512), averages=False)})
    assert peak_of_loading(large, write(tmp_path / "small", {"models": GOOD})) < 1.3
