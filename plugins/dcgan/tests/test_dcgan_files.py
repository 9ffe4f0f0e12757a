"""Files of DCGANs: which are recognised, how they are described, messages on broken ones."""

import pickle
from contextlib import suppress

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_of_loading import peak_of_loading
from safetensors.torch import save_file

from interpgan_core import InterpganError, load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_core.testing import recipe_error
from interpgan_dcgan.backbone import backbone
from interpgan_dcgan.generator import DCGAN
from interpgan_dcgan.testing import attributes, blocks, discriminator, generator, norm


def write(folder, content):
    torch.save(content, folder / "net.pth")
    return folder / "net.pth"


@pytest.fixture
def plain(tmp_path):
    return load_generator(write(tmp_path, generator()))


def prefixed(state, prefix):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


WAYS = {
    "netG and netD": lambda g: {"netG": g, "netD": discriminator()},
    "a training's": lambda g: {
        "epoch": 5, "netG_state_dict": g, "netD_state_dict": discriminator(), "optimizerG_state_dict": {"state": {}},
    },
    "parallel": lambda g: prefixed(g, "module."),
    "lightning's": lambda g: {"state_dict": prefixed(g, "generator.") | prefixed(discriminator(), "discriminator.")},
    "average": lambda g: {"g": {n: t * 2 for n, t in g.items()}, "g_ema": g},
    "another name": lambda g: {name.replace("main.", "model."): tensor for name, tensor in g.items()},
    "a bare Sequential": lambda g: {name.removeprefix("main."): tensor for name, tensor in g.items()},
    "attributes": attributes,
    "blocks": blocks,
    "blocks beside their discriminator": lambda g: {"gen": blocks(g), "disc": discriminator()},
    "with a dropout": lambda g: generator(dropout=True),
    "double": lambda g: {k: v.double() for k, v in g.items()},
    "half": lambda g: {k: v.half() if v.is_floating_point() else v for k, v in g.items()},
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_gives_the_same_generator(way, tmp_path, plain):
    made = load_generator(write(tmp_path, WAYS[way](generator())))
    assert isinstance(made, DCGAN)
    if way == "half":
        assert (made.images(made.sample([1])) - plain.images(plain.sample([1]))).abs().max() < 0.02
        return
    assert made.fingerprint == plain.fingerprint
    assert torch.equal(made.images(made.sample([1])), plain.images(plain.sample([1])))
    has = way in ("netG and netD", "a training's", "lightning's", "blocks beside their discriminator")
    assert (made.discriminator is not None) == has


def test_safetensors_sorts_names_by_letters(tmp_path, plain):
    """main.10 stands before main.3 there."""
    wide = generator(widths=(8, 8, 8, 6))
    expected = load_generator(write(tmp_path, wide)).fingerprint
    save_file({n: t.contiguous() for n, t in wide.items()}, tmp_path / "net.safetensors")
    assert load_generator(tmp_path / "net.safetensors").fingerprint == expected


@pytest.mark.parametrize(
    ("widths", "kernels", "bias", "side"),
    [
        ((16, 8), None, False, 16),
        ((16, 8, 6), None, True, 32),
        ((16, 8, 6, 6), None, False, 64),
        ((16, 8, 8, 6, 6), None, False, 128),
        ((16, 8, 6), (4, 3, 4, 4), False, 28),
        ((16, 8), (7, 4, 4), True, 28),
        ((16, 8, 6), (3, 4, 3, 4), True, 28),
        ((16, 8), (4, 5, 5), True, 16),
        ((16, 8), (4, 2, 2), True, 16),
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sizes_by_counting(widths, kernels, bias, side, channels, tmp_path):
    path = write(tmp_path, generator(channels, widths=widths, kernels=kernels, bias=bias))
    made, found = load_generator(path), backbone.describe(Checkpoint(path))
    assert made.forward(made.sample([1])).shape == (1, channels, side, side)
    assert made.images(made.sample([1])).shape == (1, 3, side, side)
    assert (found.family, found.resolution, found.channels, found.classes) == ("DCGAN", side, channels, 0)
    assert dict(found.spaces) == {name: space.shape for name, space in made.spaces.items()}
    assert found.parameters == sum(p.numel() for p in made.module.parameters())


def test_a_label_is_counted_only_where_it_is_said(tmp_path):
    path = write(tmp_path, generator(inputs=110))
    assert load_generator(path).classes == 0
    assert "110 inputs are a label" in backbone.describe(Checkpoint(path)).notes[0]
    made = load_generator(path, classes=10)
    assert made.classes == 10 and made.spaces["z"].shape == (100,)
    with pytest.raises(InterpganError, match="takes 110 inputs; they cannot be 110 classes"):
        load_generator(path, classes=110)


def test_other_files_are_not_recognised(tmp_path):
    resnet = {"0.weight": torch.zeros(64, 3, 7, 7)} | prefixed(norm(0, 64), "1.")
    resnet |= {"4.weight": torch.zeros(64, 64, 3, 3), "5.weight": torch.zeros(10, 64, 1, 1)}
    others = [discriminator(), prefixed(discriminator(), "netD."), resnet, {"a": [1, 2]}, torch.zeros(3), {}]
    for content in others:
        assert not backbone.recognises(Checkpoint(write(tmp_path, content)))
    assert not backbone.recognises(Checkpoint(tmp_path))


def test_a_discriminator_alone_is_named_for_what_it_is(tmp_path):
    with pytest.raises(InterpganError, match="is a discriminator of DCGAN; name the file of its generator"):
        load_generator(write(tmp_path, discriminator()))


def without(state, name):
    return {key: tensor for key, tensor in state.items() if key != name}


BROKEN = {
    "lacks main.4.weight": without(generator(), "main.4.weight"),
    "lacks main.7.running_var": without(generator(), "main.7.running_var"),
    "has main.7.bias of shape (5,) for 6 channels": generator() | {"main.7.bias": torch.zeros(5)},
    "lacks the batch norm behind main.6": {
        k: t for k, t in generator().items() if not k.startswith("main.7.")
    },
    "has main.6.weight for 7 channels, behind a layer of 8": generator()
    | {"main.6.weight": torch.zeros(7, 6, 4, 4)},
    "has main.3.weight of 4 x 3": generator() | {"main.3.weight": torch.zeros(16, 8, 4, 3)},
    "has main.3.bias of shape (3,) for 8 channels": generator() | {"main.3.bias": torch.zeros(3)},
    "has main.2.gamma, which is no part of a chain": generator() | {"main.2.gamma": torch.zeros(1)},
    "kernels of 6 x 6 pixels, whose stride no file says": generator(kernels=(4, 6, 4, 4)),
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


NAMES = sorted(generator())
SHAPES = st.one_of(
    st.none(),
    st.lists(st.integers(0, 17), max_size=5).map(lambda s: torch.zeros(s)),
    st.just(torch.tensor(3)),
)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(
        st.sampled_from([*NAMES, "main.-1.weight", "main.3.3.weight", "x"]), SHAPES, max_size=4
    )
)
def test_whatever_the_tensors_are_it_is_loaded_or_refused(changes, tmp_path):
    state = generator() | {name: tensor for name, tensor in changes.items() if tensor is not None}
    state = {name: tensor for name, tensor in state.items() if changes.get(name, tensor) is not None}
    checkpoint = Checkpoint(write(tmp_path, {"netG": state, "netD": discriminator()}))
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
    path, mark = tmp_path / "net.pkl", tmp_path / "mark"
    path.write_bytes(
        pickle.dumps({**{n: t.numpy() for n, t in generator().items()}, "more": Hostile(str(mark))})
    )
    with pytest.raises(InterpganError, match=r"asks to run code.*open"):
        load_generator(path)
    assert not mark.exists()


WRONG = {
    "draws 32 pixels only": {"resolution": 8},
    "no noise random": {"noise": "random"},
    "no precision float61": {"precision": "float61"},
    "no option 'classe'; did you mean 'classes'?": {"classe": 1},
    "they cannot be -1 classes": {"classes": -1},
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
    large = write(tmp_path, generator(widths=(1024, 512, 512)))
    assert peak_of_loading(large, write(tmp_path / "small", generator())) < 2.2


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("weights: dcgan.celeba-64, classes: -1", "'classes' of dcgan must be at least 0, not -1"),
        ("weights: dcgan.celeba-64, slope: 1", "'slope' of dcgan must be less than 1.0, not 1"),
        ("weights: dcgan.celeba-64, sigmoid: tanh", "'sigmoid' of dcgan must be true or false, not 'tanh'"),
        ("weights: dcgan.celebA-64", "no model of that name; did you mean 'dcgan.celeba-64'?"),
    ],
)
def test_a_wrong_step_is_refused_at_once(step, says, tmp_path):
    assert says in recipe_error(f"interpgan: 1\nsteps:\n  - {{use: dcgan, {step}}}\n", tmp_path)


def test_a_discriminator_of_other_pictures_is_left_out(tmp_path):
    path = write(tmp_path, {"netG": generator(), "netD": discriminator(widths=(6, 16))})
    assert load_generator(path).discriminator is None
    assert not backbone.describe(Checkpoint(path)).discriminator
