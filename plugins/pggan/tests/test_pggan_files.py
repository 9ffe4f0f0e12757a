"""Files of PGGAN: which are recognised, how they are described, messages on broken ones."""

import io
import zipfile
from argparse import Namespace

import numpy as np
import pytest
import torch
from memory_of_loading import peak_of_loading

from interpgan_core import InterpganError, load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_pggan.backbone import backbone
from interpgan_pggan.generator import PGGAN
from interpgan_pggan.testing import Z, discriminator, fused, generator, interfacegan, write


def parallel(state):
    return {f"module.{name}": tensor for name, tensor in state.items()}


@pytest.fixture
def plain(tmp_path):
    return load_generator(write(tmp_path, {"generator": generator()}))


WAYS = {
    "smooth": lambda g: {"generator": {k: v * 0 for k, v in g.items()}, "generator_smooth": g},
    "flat": lambda g: g,
    "with discriminator": lambda g: {"generator_smooth": g, "discriminator": discriminator()},
    "fused": lambda g: {"generator_smooth": fused(g)},
    "interfacegan": interfacegan,
    "interfacegan fused": lambda g: interfacegan(g, fuse=True),
    "parallel": lambda g: {"generator": parallel(g)},
    "flat parallel": parallel,
    "trainer": lambda g: {
        "models": {"generator": parallel(g), "discriminator": parallel(discriminator())},
        "optimizers": {},
        "running_metadata": {"iter": np.int64(3), "seen": np.float64(0.5)},
        "args": Namespace(lr=0.002),
    },
    "double": lambda g: {"generator": {k: v.double() for k, v in g.items()}},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_gives_the_same_generator(way, tmp_path, plain):
    made = load_generator(write(tmp_path, WAYS[way](generator())))
    assert isinstance(made, PGGAN)
    assert made.fingerprint == plain.fingerprint
    batch = made.sample([1, 2])
    assert torch.equal(made.images(batch), plain.images(batch))
    assert (made.discriminator is not None) == (way in ("with discriminator", "trainer"))


def test_a_file_saved_on_a_gpu(tmp_path, plain):
    """torch writes where each storage was; a file from a GPU says cuda:0."""
    packed = io.BytesIO()
    torch.save({"generator": generator()}, packed)
    path = tmp_path / "gpu.pth"
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.infolist():
            content = source.read(member)
            if member.filename.endswith("data.pkl"):
                here, there = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
                assert here in content
                content = content.replace(here, there)
            target.writestr(member.filename, content)
    assert load_generator(path).fingerprint == plain.fingerprint


def test_the_discriminator_shows_how_many_inputs_are_a_label(tmp_path):
    made = load_generator(write(tmp_path, {"generator": generator(3), "discriminator": discriminator(3)}))
    assert made.classes == 3 and made.spaces["z"].shape == (Z,)
    batch = made.sample([5, 6])
    assert batch.labels.shape == (2, 3)
    assert made.images(batch).shape == (2, 3, 16, 16)
    assert made.style_weight("z", 0).shape == (16 * 8, Z)


def test_the_option_classes(tmp_path):
    path = write(tmp_path, {"generator": generator(classes=3)})
    assert load_generator(path).classes == 0
    assert load_generator(path, classes=3).spaces["z"].shape == (Z,)
    with pytest.raises(InterpganError, match="takes 15 inputs; they cannot be 15 classes"):
        load_generator(path, classes=15)


def test_inputs_beyond_the_published_z_are_taken_for_a_label(tmp_path):
    path = write(tmp_path, generator(classes=512 + 3 - Z))
    assert load_generator(path).classes == 3
    assert "512 are taken for z" in backbone.describe(Checkpoint(path)).notes[0]


def test_the_option_fused_scale_where_all_layers_have_one_width(tmp_path):
    state = generator(widths=(8, 8, 8))
    one = load_generator(write(tmp_path, state))
    other = load_generator(write(tmp_path, fused(state)), fused_scale=True)
    assert other.fingerprint == one.fingerprint


def test_a_file_is_described_as_it_is_loaded(tmp_path):
    path = write(tmp_path, {"generator_smooth": generator(3), "discriminator": discriminator(3)})
    made, found = load_generator(path), backbone.describe(Checkpoint(path))
    assert (found.family, found.layout, found.resolution, found.classes) == ("PGGAN", "genforce", 16, 3)
    assert dict(found.spaces) == {name: space.shape for name, space in made.spaces.items()}
    assert found.parameters == sum(p.numel() for p in made.module.parameters())
    assert found.discriminator and not found.notes
    flat = backbone.describe(Checkpoint(write(tmp_path, interfacegan(generator()))))
    assert flat.layout == "interfacegan" and not flat.discriminator


def test_other_files_are_not_recognised(tmp_path):
    others = [
        {"discriminator": discriminator()},
        discriminator(),
        {"mapping.dense0.weight": torch.zeros(2, 2), "synthesis.layer0.const": torch.zeros(1, 2, 4, 4)},
        {"generator": {**generator(), "layer0.weight": torch.zeros(8, 12, 3, 3)}},
        {"a": [1, 2]},
        torch.zeros(3),
        {},
    ]
    for content in others:
        assert not backbone.recognises(Checkpoint(write(tmp_path, content)))
    assert not backbone.recognises(Checkpoint(tmp_path))


def without(state, name):
    return {key: tensor for key, tensor in state.items() if key != name}


def both(discriminator):
    return {"generator": generator(), "discriminator": discriminator}


BROKEN = {
    "lacks layer3.weight": without(generator(), "layer3.weight"),
    "lacks layer4.bias": without(generator(), "layer4.bias"),
    "lacks output2.weight": without(generator(), "output2.weight"),
    "has noise0": generator() | {"noise0": torch.zeros(3)},
    "layer2.weight has shape (8, 7, 3, 3)": generator() | {"layer2.weight": torch.zeros(8, 7, 3, 3)},
    "has layer2.bias of shape ()": generator() | {"layer2.bias": torch.zeros(())},
    "lacks layer2.bias": generator() | {"layer2.bias": "eight"},
    "lod is not one number": generator() | {"lod": torch.zeros(2)},
    "has layer5.weight of 3 columns for": both(discriminator() | {"layer5.weight": torch.zeros(10, 3)}),
    "lacks layer5.bias": both(without(discriminator(), "layer5.bias")),
}


@pytest.mark.parametrize("says", BROKEN)
def test_damage_is_named(says, tmp_path):
    path = write(tmp_path, BROKEN[says])
    with pytest.raises(InterpganError) as error:
        load_generator(path)
    assert says in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, -1])
def test_a_truncated_file(kept, tmp_path):
    whole = write(tmp_path, generator()).read_bytes()
    path = tmp_path / "part.pth"
    path.write_bytes(whole[: int(len(whole) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(InterpganError, match=r"part\.pth"):
        load_generator(path)


WRONG = {
    "draws 16 pixels only": {"resolution": 8},
    "has lod 0 to 2, not 3": {"lod": 3},
    "has lod 0 to 2, not -0.5": {"lod": -0.5},
    "has lod 0 to 2, not nan": {"lod": float("nan")},
    "no noise random": {"noise": "random"},
    "no precision float61": {"precision": "float61"},
    "no option 'lodd'; did you mean 'lod'?": {"lodd": 1},
    "use device: cpu": {"device": "nowhere"},
}


@pytest.mark.parametrize("says", WRONG)
def test_options_that_do_not_apply(says, tmp_path):
    with pytest.raises(InterpganError) as error:
        load_generator(write(tmp_path, generator()), **WRONG[says])
    assert says in str(error.value)


@pytest.mark.long
def test_loading_takes_little_memory(tmp_path):
    (tmp_path / "small").mkdir()
    small = write(tmp_path / "small", generator())
    assert peak_of_loading(write(tmp_path, generator(widths=(512, 512, 512, 512))), small) < 2.2
