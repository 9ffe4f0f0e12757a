"""Projected GAN's FastGAN: against answers of the original modules; files, options, the generator's promises.

`answers.npz` holds every (side / 8)th pixel of what the original drew in float64, with the weights of
`testing.generator`, of seeds 1 and 2 (classes 3 and 1): "silent" without noise, "ones" with maps of ones.
"""

import pickle
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from interpgan_core import InterpganError, LatentBatch, load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_core.testing import conformance, plugin_conformance
from interpgan_projected.backbone import backbone
from interpgan_projected.testing import Z, generator

ANSWERS = np.load(Path(__file__).parent / "answers.npz")


def write(folder, content):
    torch.save(content, Path(folder) / "net.pt")
    return Path(folder) / "net.pt"


def load(content=None, **options):
    with TemporaryDirectory() as folder:
        return load_generator(write(folder, {"G_ema": content or generator()}), **options)


test_plugin = plugin_conformance("projected")
test_conforms = conformance(load())
test_conforms_with_classes = conformance(load(generator(256, classes=5)))


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_pictures_are_those_of_the_original(name):
    size, classes, noise = name.split("-")
    made = load(generator(int(size), int(classes)), noise="none" if noise == "silent" else "const")
    if noise == "ones":
        made.noise_maps = lambda _batch: [torch.ones(1, 1, 1, 1)] * (2 * len(made.module.blocks))
    batch = made.sample([1, 2])
    if made.classes:
        batch = replace(batch, labels=torch.eye(5)[[3, 1]])
    found = made.forward(batch)[:, :, :: int(size) // 8, :: int(size) // 8].double().numpy()
    expected = ANSWERS[name]
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


WAYS = {
    "an average": lambda g: {"G": {n: t * 1.5 for n, t in g.items()}, "G_ema": g},
    "bare": lambda g: {n.removeprefix("synthesis."): t for n, t in g.items()},
    "parallel": lambda g: {"G": {f"module.{n}": t for n, t in g.items()}},
    "with counters": lambda g: g | {"synthesis.init.init.1.num_batches_tracked": torch.tensor(3)},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_gives_the_same_generator(way, tmp_path):
    made, plain = load_generator(write(tmp_path, WAYS[way](generator()))), load()
    assert made.fingerprint == plain.fingerprint
    assert torch.equal(made.images(made.sample([1])), plain.images(plain.sample([1])))


@pytest.mark.long
def test_weights_without_spectral_norm():
    """As remove_spectral_norm leaves them: divided already."""
    state, plain = {}, load()
    for name, tensor in generator().items():
        if name.endswith("_orig"):
            stem = name.removesuffix("_orig")
            rows = tensor.transpose(0, 1) if ".init.0" in name else tensor
            u, v = (generator()[f"{stem}_{part}"] for part in "uv")
            state[stem] = tensor / (u @ rows.flatten(1) @ v)
        elif not name.endswith(("_u", "_v")):
            state[name] = tensor
    made = load(state)
    batch = plain.sample([1, 2])
    torch.testing.assert_close(made.images(batch), plain.images(batch), atol=1e-5, rtol=1e-5)


def test_a_pickle_of_networks_with_spectral_norm(tmp_path):
    """Modules keep objects of torch's spectral norm among their hooks; they are names here."""
    tree, state = nn.Module(), generator()
    for name, tensor in state.items():
        place = tree
        *path, last = name.split(".")
        for part in path:
            if part not in place._modules:
                place.add_module(part, nn.Module())
            place = place._modules[part]
        place.register_parameter(last, nn.Parameter(tensor, requires_grad=False))
    extra = torch.nn.utils.spectral_norm(nn.Conv2d(2, 2, 1))
    path = tmp_path / "network-snapshot.pkl"
    path.write_bytes(pickle.dumps({"G_ema": tree, "more": extra}))
    assert b"SpectralNorm" in path.read_bytes()
    assert load_generator(path).fingerprint == load().fingerprint


@pytest.mark.parametrize(
    ("size", "classes", "channels"), [(128, 0, 1), (256, 3, 3), (512, 0, 3), (1024, 0, 4)]
)
def test_a_file_is_described_as_it_is_loaded(size, classes, channels, tmp_path):
    path = write(tmp_path, generator(size, classes, channels))
    made, found = load_generator(path), backbone.describe(Checkpoint(path))
    assert made.forward(made.sample([1])).shape == (1, channels, size, size)
    assert (found.resolution, found.channels, found.classes) == (size, channels, classes)
    assert dict(found.spaces) == {"z": (Z,)} == {name: space.shape for name, space in made.spaces.items()}
    assert found.parameters == sum(p.numel() for p in made.module.parameters())
    assert len(made.layers) == size.bit_length() - 2


def test_a_class_changes_the_picture_and_must_be_said():
    made = load(generator(classes=3))
    batch = made.sample([1])
    one, other = (made.forward(replace(batch, labels=torch.eye(3)[[k]])) for k in (0, 1))
    assert (one - other).abs().max() > 1e-3
    with pytest.raises(InterpganError, match="has 3 classes; give the batch labels"):
        made.forward(LatentBatch(batch.codes, batch.space))


def test_noise():
    const, none, random = (load(noise=kind) for kind in ("const", "none", "random"))
    batch = const.sample([3, 4])
    same = replace(batch, codes=batch.codes[:1].expand(2, -1))
    for made, differ in ((const, False), (none, False), (random, True)):
        first, second = made.forward(same)
        assert torch.allclose(first, second, atol=1e-6) != differ
    torch.testing.assert_close(random.forward(batch[1])[0], random.forward(batch)[1], atol=1e-5, rtol=1e-5)
    with pytest.raises(InterpganError, match="load the generator with noise: const or none"):
        random.forward(replace(batch, seeds=None))


def test_style_weights_are_the_affine_map_before_the_first_unit():
    made = load()
    start, weight = made.module.start, made.style_weight("z", 0)
    a, b = (torch.randn(1, Z, generator=torch.Generator().manual_seed(k)) for k in (0, 1))
    maps = [
        start.norm(torch.nn.functional.conv_transpose2d(z[:, :, None, None], start.weight), None)
        for z in (a, b)
    ]
    torch.testing.assert_close(weight @ (a - b)[0], (maps[0] - maps[1]).flatten(), atol=1e-5, rtol=1e-5)
    for space, layer in (("w", 0), ("z", 1)):
        with pytest.raises(InterpganError, match="takes a code in layer 0 alone, from z"):
            made.style_weight(space, layer)


@pytest.mark.parametrize(("precision", "far"), [("bfloat16", 0.3), ("float16", 0.05)])
def test_precision(precision, far):
    low, made = load(precision=precision), load()
    found, expected = low.images(made.sample([1, 2])), made.images(made.sample([1, 2]))
    assert found.dtype == torch.float32
    assert 0 < (found - expected).abs().max() < far * expected.std()


def test_it_is_saved(tmp_path):
    made = load(generator(classes=3))
    made.save(tmp_path)
    again = load_generator(tmp_path / "generator.safetensors")
    assert again.fingerprint == made.fingerprint and again.classes == 3
    assert torch.equal(again.images(again.sample([1])), made.images(made.sample([1])))


def changed(**tensors):
    named = {f"synthesis.{name.replace('__', '.')}": tensor for name, tensor in tensors.items()}
    return {name: tensor for name, tensor in (generator() | named).items() if tensor is not None}


BROKEN = {
    "lacks feat_16.1.weight": changed(feat_16__1__weight_orig=None),
    "lacks feat_8.3.running_mean": changed(feat_8__3__running_mean=None),
    "lacks se_128.main.3.weight": changed(se_128__main__3__weight_orig=None),
    "lacks feat_32.5.weight_u": changed(feat_32__5__weight_u=None),
    "has feat_32.5.weight_u of 7": changed(feat_32__5__weight_u=torch.ones(7)),
    "with a spectral norm of 0": changed(feat_32__5__weight_u=torch.zeros(32)),
    "has gamma, which the network does not know": changed(gamma=torch.zeros(1)),
    "for 5 channels, which no block gives": changed(
        to_big__weight_orig=torch.ones(3, 5, 3, 3),
        to_big__weight_u=torch.ones(3),
        to_big__weight_v=torch.ones(45),
    ),
    "has shape (9,)": changed(feat_8__3__bias=torch.zeros(9)),
}


@pytest.mark.parametrize("says", BROKEN)
def test_damage_is_named(says, tmp_path):
    path = write(tmp_path, BROKEN[says])
    with pytest.raises(InterpganError) as error:
        load_generator(path)
    assert says in str(error.value) and str(path) in str(error.value)


NAMES = sorted(generator(classes=3))
SHAPES = st.one_of(
    st.none(),
    st.lists(st.integers(0, 17), max_size=5).map(lambda s: torch.zeros(s)),
    st.just(torch.tensor(3)),
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.dictionaries(st.sampled_from([*NAMES, "synthesis.feat_8.1.weight"]), SHAPES, max_size=4))
def test_whatever_the_tensors_are_it_is_loaded_or_refused(changes, tmp_path):
    state = generator(classes=3) | {name: tensor for name, tensor in changes.items() if tensor is not None}
    state = {name: tensor for name, tensor in state.items() if changes.get(name, tensor) is not None}
    checkpoint = Checkpoint(write(tmp_path, OrderedDict(state)))
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
    arrays = {n: t.numpy() for n, t in generator().items()}
    path.write_bytes(pickle.dumps({"G_ema": arrays, "more": Hostile(str(mark))}))
    with pytest.raises(InterpganError, match=r"asks to run code.*open"):
        load_generator(path)
    assert not mark.exists()


WRONG = {
    "draws 128 pixels only": {"resolution": 64},
    "no noise some": {"noise": "some"},
    "no precision float61": {"precision": "float61"},
    "no option 'classes'": {"classes": 3},
}


@pytest.mark.parametrize("says", WRONG)
def test_options_that_do_not_apply(says):
    with pytest.raises(InterpganError) as error:
        load(**WRONG[says])
    assert says in str(error.value)
