"""StyleGAN 3: which files are recognised, and what is said of those that are damaged."""

import pytest
import torch

from interpgan_core import InterpganError, load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_stylegan.testing.v3 import discriminator, state, write_pickle
from interpgan_stylegan.v3.backbone import backbone
from interpgan_stylegan.v3.generator import StyleGAN3


def save(folder, content):
    torch.save(content, folder / "net.pt")
    return folder / "net.pt"


@pytest.fixture
def expected():
    def picture(made):
        return made.images(made.sample([7]))

    return picture


@pytest.mark.parametrize("kind", ["t", "r"])
@pytest.mark.parametrize("classes", [0, 4])
def test_a_state_dict(kind, classes, tmp_path):
    path = save(tmp_path, state(kind, classes))
    made = load_generator(path)
    assert isinstance(made, StyleGAN3)
    assert made.classes == classes
    assert made.images(made.sample([1, 2])).shape == (2, 3, 16, 16)


def test_every_way_of_writing_gives_the_same_generator(tmp_path, expected):
    tensors = state()
    plain = load_generator(save(tmp_path, tensors))
    picture = expected(plain)
    parallel = {f"module.{name}": t for name, t in tensors.items()}
    half = {name: t.half() for name, t in tensors.items()}
    for content in ({"G_ema": tensors, "G": half}, parallel, {"G_ema": parallel}, {"G": tensors}):
        made = load_generator(save(tmp_path, content))
        assert made.fingerprint == plain.fingerprint
        assert torch.equal(expected(made), picture)
    for protocol in (2, 3, 4):
        write_pickle(
            tmp_path / "net.pkl", protocol, G=("Generator", half, {}), G_ema=("Generator", tensors, {})
        )
        made = load_generator(tmp_path / "net.pkl")
        assert made.fingerprint == plain.fingerprint
        assert torch.equal(expected(made), picture)


def test_a_pickle_knows_its_settings(tmp_path, expected):
    write_pickle(
        tmp_path / "net.pkl", G_ema=("Generator", state(), {"output_scale": 0.5, "conv_clamp": None})
    )
    other = load_generator(tmp_path / "net.pkl")
    plain = load_generator(save(tmp_path, state()))
    assert torch.allclose(expected(other), 2 * expected(plain))
    assert other.fingerprint != plain.fingerprint


def test_the_discriminator_of_a_pickle(tmp_path):
    generator, other = ("Generator", state(), {}), ("Discriminator", discriminator(), {"conv_clamp": 256})
    write_pickle(tmp_path / "net.pkl", G_ema=generator, D=other)
    made = load_generator(tmp_path / "net.pkl")
    logits = made.discriminator(made.images(made.sample([1, 2, 3, 4]))).flatten()
    assert logits.shape == (4,) and len(set(logits.tolist())) == 4
    assert backbone.describe(Checkpoint(tmp_path / "net.pkl")).discriminator
    assert load_generator(save(tmp_path, state())).discriminator is None


def test_what_it_is_is_said_without_building_it(tmp_path):
    write_pickle(tmp_path / "net.pkl", G_ema=("Generator", state("r", 4), {}))
    for path in (save(tmp_path, state("r", 4)), tmp_path / "net.pkl"):
        made, said = load_generator(path), backbone.describe(Checkpoint(path))
        assert (said.family, said.resolution, said.classes) == ("StyleGAN 3", 16, 4)
        assert dict(said.spaces) == {name: space.shape for name, space in made.spaces.items()}
        assert said.parameters == sum(p.numel() for p in made.module.parameters())
        assert not said.discriminator
        assert "rotation" in " ".join(said.notes)
        assert ("pickle" in said.layout) == (path.suffix == ".pkl")


def test_others_are_not_claimed(tmp_path):
    for content in ({"synthesis.b4.const": torch.zeros(2, 4, 4)}, {"a": [1, 2]}, torch.zeros(3), {}):
        assert not backbone.recognises(Checkpoint(save(tmp_path, content)))
    (tmp_path / "folder").mkdir()
    assert not backbone.recognises(Checkpoint(tmp_path / "folder"))


def without(name):
    return {key: t for key, t in state().items() if key != name}


def reshaped(name, *shape):
    return state() | {name: torch.zeros(shape)}


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        (without("mapping.w_avg"), "mapping.w_avg"),
        (without("synthesis.L1_36_6.affine.bias"), "lacks synthesis.L1_36_6.affine.bias"),
        (without("synthesis.L1_36_6.weight"), "synthesis.L1_36_6.weight"),
        (without("synthesis.L0_36_6.up_filter"), "up_filter"),
        (without("synthesis.L2_36_5.up_filter"), "L2_36_5"),
        (reshaped("synthesis.L1_36_6.weight", 6, 6, 3), "damaged"),
        (reshaped("synthesis.L1_36_6.affine.weight", 6, 8), "has shape (6, 8)"),
        (reshaped("synthesis.input.weight", 6), "(6,)"),
        (reshaped("mapping.fc1.weight", 9, 9), "mapping.fc1"),
        (reshaped("synthesis.L0_36_6.up_filter", 1), "damaged"),
        (state() | {"synthesis.extra.weight": torch.zeros(2)}, "synthesis.extra.weight"),
        ({"synthesis.input.freqs": torch.zeros(6, 2)}, "damaged or of an unknown variant"),
    ],
)
def test_damaged_files_are_refused_in_words(tensors, said, tmp_path):
    with pytest.raises(InterpganError) as error:
        load_generator(save(tmp_path, tensors))
    assert said in str(error.value)
    assert "net.pt" in str(error.value)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_files_cut_short_are_refused(share, tmp_path):
    path = save(tmp_path, state())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InterpganError, match="damaged"):
        load_generator(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"noise": "random"}, "noise random"),
        ({"resolution": 8}, "resolution 8"),
        ({"precision": "int8"}, "precision int8"),
    ],
)
def test_options_that_do_not_apply(options, said, tmp_path):
    path = save(tmp_path, state())
    with pytest.raises(InterpganError, match=said):
        load_generator(path, **options)
    assert load_generator(path, noise="none", resolution=16, precision="bfloat16").fingerprint


def test_a_stylegan_xl_is_named(tmp_path):
    from interpgan_core import InterpganError, load_generator

    torch.save({**state("t"), "mapping.w_avg": torch.zeros(3, 10)}, tmp_path / "net.pt")
    with pytest.raises(InterpganError, match="is a StyleGAN-XL: it embeds classes by a network of its own"):
        load_generator(tmp_path / "net.pt")
