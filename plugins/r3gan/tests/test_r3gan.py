"""R3GAN: files, options, and the generator's promises. Numbers: tests/test_parity_families.py."""

import pickle
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_of_loading import peak_of_loading
from safetensors.torch import save_file

from interpgan_core import InterpganError, LatentBatch, load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_core.testing import conformance, plugin_conformance
from interpgan_r3gan.backbone import backbone
from interpgan_r3gan.testing import EMBEDDED, Z, discriminator, generator, write_pickle


def nets(classes=0):
    state = generator(classes)
    return {"G": {n: t * 1.5 for n, t in state.items()}, "D": discriminator(classes), "G_ema": state}


def load(classes=0, **options):
    with TemporaryDirectory() as folder:
        return load_generator(write_pickle(Path(folder, "net.pkl"), nets(classes)), **options)


test_plugin = plugin_conformance("r3gan")
test_conforms = conformance(load())
test_conforms_with_classes = conformance(load(classes=5))


def test_the_pickle_is_that_of_classes_which_are_not_here(tmp_path):
    """Python's own reader cannot open it; ours needs none of the classes."""
    path = write_pickle(tmp_path / "net.pkl", nets())
    content = path.read_bytes()
    for name in (b"training.networks", b"R3GAN.Networks", b"BiasedActivationCUDA", b"bfloat16"):
        assert name in content
    assert not [name for name in sys.modules if name.partition(".")[0] in ("training", "R3GAN")]
    with pytest.raises(ModuleNotFoundError):
        pickle.loads(content)
    assert load_generator(path).fingerprint == load().fingerprint


def test_older_pickles(tmp_path):
    path = write_pickle(tmp_path / "net.pkl", nets(), root="BaselineGAN")
    assert load_generator(path).fingerprint == load().fingerprint


WAYS = {
    "a state dict": lambda g: g,
    "under names": lambda g: {"G_ema": g, "D": discriminator()},
    "without Model": lambda g: {n.removeprefix("Model."): t for n, t in g.items()},
    "parallel": lambda g: {"G": {f"module.{n}": t for n, t in g.items()}},
    "with optimisers": lambda g: {
        "G": g,
        "G_opt_state": {"state": {0: {"exp_avg": torch.zeros(3)}}},
        "cur_nimg": 3,
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_gives_the_same_generator(way, tmp_path):
    torch.save(WAYS[way](generator()), tmp_path / "net.pt")
    made, plain = load_generator(tmp_path / "net.pt"), load()
    assert made.fingerprint == plain.fingerprint
    assert torch.equal(made.images(made.sample([1])), plain.images(plain.sample([1])))
    assert (made.discriminator is not None) == (way == "under names")


def test_safetensors(tmp_path):
    save_file({n: t.contiguous() for n, t in generator().items()}, tmp_path / "net.safetensors")
    assert load_generator(tmp_path / "net.safetensors").fingerprint == load().fingerprint


@pytest.mark.parametrize(
    ("classes", "widths", "channels"), [(0, (8, 8), 1), (3, (24, 16, 16, 8), 3), (0, (8,) * 5, 4)]
)
def test_a_file_is_described_as_it_is_loaded(classes, widths, channels, tmp_path):
    judge = discriminator(classes, widths[::-1], channels)
    path = write_pickle(tmp_path / "net.pkl", {"G_ema": generator(classes, widths, channels), "D": judge})
    made, found = load_generator(path), backbone.describe(Checkpoint(path))
    image = made.forward(made.sample([1, 2]))
    assert image.shape[1:] == (found.channels, found.resolution, found.resolution)
    assert dict(found.spaces) == {"z": (Z,)} == {name: space.shape for name, space in made.spaces.items()}
    assert found.classes == made.classes == classes and found.discriminator
    assert found.parameters == sum(p.numel() for p in made.module.parameters())
    assert len(made.layers) == 3 * len(widths)


def test_a_label_is_embedded_behind_z():
    made = load(classes=5)
    batch = made.sample([1, 2])
    network = made.module
    joined = torch.cat([batch.codes, batch.labels @ network.embedding.T], 1)
    expected = network.start.basis * (joined @ network.start.weight.T)[:, :, None, None]
    torch.testing.assert_close(made.features(batch, ["start"])["start"], expected)
    assert network.start.weight.shape[1] == Z + EMBEDDED and made.style_weight("z", 0).shape == (16, Z)
    with pytest.raises(InterpganError, match="has 5 classes; give the batch labels"):
        made.forward(LatentBatch(batch.codes, batch.space))
    images = made.images(batch)
    first, second = (made.discriminator(images, labels) for labels in (batch.labels, batch.labels.flip(0)))
    assert first.shape == (2, 1) and not torch.equal(first, second)


def test_style_weights_have_the_lengths_of_the_maps_that_they_scale():
    made = load()
    weight, batch = made.style_weight("z", 0), made.sample([3])
    first = made.features(batch, ["start"])["start"][0].flatten(1).norm(dim=1)
    torch.testing.assert_close((weight @ batch.codes[0]).abs(), first, atol=1e-5, rtol=1e-5)
    for space, layer in (("w", 0), ("z", 1)):
        with pytest.raises(InterpganError, match="takes a code in layer 0 alone, from z"):
            made.style_weight(space, layer)


@pytest.mark.parametrize(("precision", "far"), [("bfloat16", 0.3), ("float16", 0.05)])
def test_precision(precision, far):
    low, made = load(precision=precision), load()
    found, expected = low.images(made.sample([1, 2])), made.images(made.sample([1, 2]))
    assert found.dtype == torch.float32
    assert 0 < (found - expected).abs().max() < far * expected.std()


def test_it_is_saved_with_its_discriminator(tmp_path):
    made = load(classes=5)
    made.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    batch = made.sample([1])
    images = made.images(batch)
    assert again.fingerprint == made.fingerprint and torch.equal(again.images(batch), images)
    assert torch.equal(again.discriminator(images, batch.labels), made.discriminator(images, batch.labels))


def without(part):
    return {name: tensor for name, tensor in generator().items() if part not in name}


FIRST = "Model.MainLayers.1.Layers.1.LinearLayer"
BROKEN = {
    "lacks blocks.1.0.bias2": without("MainLayers.1.Layers.1.NonLinearity2"),
    "lacks a block of stage 1": without("MainLayers.1.Layers.1."),
    "lacks block 1 of 3": without("MainLayers.1."),
    "lacks ups.0.kernel": without("MainLayers.1.Layers.0.Resampler"),
    "for 5 channels a group, of 32": generator() | {f"{FIRST}2.Layer.weight": torch.zeros(32, 5, 3, 3)},
    "not 4 dimensions": generator() | {f"{FIRST}1.Layer.weight": torch.zeros(32)},
    "for a label of 20": generator() | {"Model.EmbeddingLayer.weight": torch.zeros(20, 3)},
    "has gamma, which the network does not know": generator() | {"Model.gamma": torch.zeros(1)},
}


@pytest.mark.parametrize("says", BROKEN)
def test_damage_is_named(says, tmp_path):
    torch.save(BROKEN[says], tmp_path / "net.pt")
    with pytest.raises(InterpganError) as error:
        load_generator(tmp_path / "net.pt")
    assert says in str(error.value) and str(tmp_path / "net.pt") in str(error.value)


def test_a_discriminator_of_other_classes(tmp_path):
    torch.save({"G": generator(4), "D": discriminator(5)}, tmp_path / "net.pt")
    with pytest.raises(InterpganError, match="a generator of 4 classes, a discriminator of 5"):
        load_generator(tmp_path / "net.pt")


NAMES = sorted(generator(3))
SHAPES = st.one_of(
    st.none(),
    st.lists(st.integers(0, 17), max_size=5).map(lambda s: torch.zeros(s)),
    st.just(torch.tensor(3)),
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(
        st.sampled_from([*NAMES, "Model.MainLayers.99999.Layers.1.x"]), SHAPES, max_size=4
    )
)
def test_whatever_the_tensors_are_it_is_loaded_or_refused(changes, tmp_path):
    state = generator(3) | {name: tensor for name, tensor in changes.items() if tensor is not None}
    state = {name: tensor for name, tensor in state.items() if changes.get(name, tensor) is not None}
    torch.save({"G_ema": state, "D": discriminator(3)}, tmp_path / "net.pt")
    checkpoint = Checkpoint(tmp_path / "net.pt")
    with suppress(InterpganError):
        backbone.load(checkpoint, backbone.options())
    with suppress(InterpganError):
        backbone.describe(checkpoint)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_pickle_that_would_run_something_runs_nothing(tmp_path):
    mark = tmp_path / "mark"
    path = write_pickle(tmp_path / "net.pkl", nets(), more=Hostile(str(mark)))
    with pytest.raises(InterpganError, match=r"asks to run code.*open"):
        load_generator(path)
    assert not mark.exists()


@pytest.mark.parametrize("kept", [0, 1, 100, 0.3, 0.9, -1])
def test_a_truncated_pickle(kept, tmp_path):
    path = write_pickle(tmp_path / "part.pkl", nets())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(InterpganError, match=r"part\.pkl"):
        load_generator(path)


WRONG = {
    "draws 16 pixels only": {"resolution": 64},
    "no noise random": {"noise": "random"},
    "no precision float61": {"precision": "float61"},
    "no option 'classes'": {"classes": 3},
}


@pytest.mark.parametrize("says", WRONG)
def test_options_that_do_not_apply(says, tmp_path):
    with pytest.raises(InterpganError) as error:
        load_generator(write_pickle(tmp_path / "net.pkl", nets()), **WRONG[says])
    assert says in str(error.value)


@pytest.mark.long
def test_loading_takes_little_memory(tmp_path):
    """A pickle holds each storage as bytes, from which the tensors are made."""
    small = write_pickle(tmp_path / "small.pkl", {"G_ema": generator()})
    large = write_pickle(tmp_path / "large.pkl", {"G_ema": generator(widths=(1024, 1024, 1024))})
    assert peak_of_loading(large, small) < 2.2
