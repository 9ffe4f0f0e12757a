"""Files of BigGAN: which are recognised, how they are described, which statistics are read, messages on broken ones."""

from __future__ import annotations

import json
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from interpgan_biggan import testing as files
from interpgan_biggan.backbone import backbone
from interpgan_biggan.files_huggingface import rows_for
from interpgan_biggan.operators import LoadBigGAN
from interpgan_core import InterpganError, LoadGenerator, load_generator
from interpgan_core.plugin import Checkpoint, recognise
from interpgan_core.testing import plugin_conformance, recipe_error

test_plugin = plugin_conformance("biggan")

AJBROCK, HUGGINGFACE, CONFIG = files.ajbrock(), files.huggingface(), files.config()


def without(state, part):
    return {name: tensor for name, tensor in state.items() if part not in name}


@pytest.mark.parametrize("kind", files.KINDS)
def test_ajbrock(kind, tmp_path):
    path = files.write(tmp_path / "G_ema.pth", files.ajbrock(**files.KINDS[kind]))
    generator = load_generator(path)
    images = generator.images(generator.sample([0]))
    assert images.shape == (1, 3, 32, 32) and generator.classes == files.CLASSES
    found = backbone.describe(Checkpoint(path))
    assert (found.family, found.layout) == ("BigGAN-deep" if "deep" in kind else "BigGAN", "ajbrock")
    assert found.resolution == 32 and found.classes == files.CLASSES and not found.discriminator
    assert found.spaces == {name: space.shape for name, space in generator.spaces.items()}
    assert found.parameters == sum(p.numel() for p in generator.module.parameters())


def test_huggingface_folder_file_and_flat_dict(tmp_path):
    folder = files.write_huggingface(tmp_path / "biggan-deep")
    generator = load_generator(folder)
    found = backbone.describe(Checkpoint(folder))
    assert (found.family, found.layout, found.resolution) == ("BigGAN-deep", "Hugging Face", 16)
    assert found.spaces == {"z": (6,), "z+": (5, 6), "c+": (5, 12)}
    batch = generator.sample([3], torch.eye(files.CLASSES)[:1])
    expected = generator.images(batch)
    alone = files.write(tmp_path / "alone.bin", HUGGINGFACE)  # no config.json beside it
    for path in (folder / "pytorch_model.bin", alone):
        assert torch.equal(load_generator(path).images(batch), expected)


def test_the_settings_beside_a_file_count(tmp_path):
    folder = files.write_huggingface(tmp_path / "deep")
    settings = files.config() | {"eps": 0.5}
    settings["layers"][2][0] = True  # and the third block doubles the size as well
    before = load_generator(folder)
    (folder / "config.json").write_text(json.dumps(settings))
    after = load_generator(folder)
    assert after.images(after.sample([0])).shape[-1] == 2 * before.images(before.sample([0])).shape[-1]
    assert after.fingerprint != before.fingerprint


def test_a_folder_of_ajbrock_prefers_the_moving_average_and_brings_the_discriminator(tmp_path):
    files.write(tmp_path / "G.pth", AJBROCK)
    other = {k: -v if k.endswith("conv1.weight") else v for k, v in AJBROCK.items()}
    average = files.write(tmp_path / "G_ema.pth", other)
    files.write(tmp_path / "D.pth", files.discriminator())
    generator = load_generator(tmp_path)
    assert generator.fingerprint == load_generator(average).fingerprint
    assert backbone.describe(Checkpoint(tmp_path)).discriminator
    batch = generator.sample([0, 1])
    images = generator.images(batch)
    logits = generator.discriminator(images, batch.labels)
    assert logits.shape == (2, 1) and not torch.equal(logits, generator.discriminator(images))
    files.write(tmp_path / "G_ema_best0.pth", AJBROCK)
    load_generator(tmp_path)  # the one without a suffix
    average.rename(tmp_path / "G_ema_best1.pth")
    with pytest.raises(InterpganError, match=r"holds G_ema_best0\.pth, G_ema_best1\.pth; name one of them"):
        load_generator(tmp_path)


def fingerprint(folder, state):
    return load_generator(files.write(folder / "G.pth", state)).fingerprint


def test_a_file_of_parallel_training_loads(tmp_path):
    parallel = {f"module.{k}": v for k, v in AJBROCK.items()}
    assert fingerprint(tmp_path, AJBROCK) == fingerprint(tmp_path, parallel)


def test_sums_of_standing_statistics_are_divided_by_their_count(tmp_path):
    state = files.ajbrock(mybn=True)
    means = fingerprint(tmp_path, state)
    for name in state:
        if name.endswith("accumulation_counter"):
            state[name] = torch.full((1,), 4.0)
        elif "stored_" in name:
            state[name] = state[name] * 4
    assert fingerprint(tmp_path, state) == means


def test_a_converted_file_has_the_small_constants_of_tensorflow(tmp_path):
    path = files.write(tmp_path / "trained.pth", AJBROCK)
    trained = load_generator(path)
    converted = load_generator(files.write(tmp_path / "x.pth", without(AJBROCK, "sv0")))
    assert (converted.module.architecture.eps, trained.module.architecture.eps) == (1e-4, 1e-5)
    assert load_generator(path, bn_eps=0.5).module.architecture.eps == 0.5
    large = load_generator(path, sn_eps=1e6)
    assert large.module.stem.linear.factor > trained.module.stem.linear.factor


@given(st.floats(0.001, 1), st.integers(2, 60), st.sampled_from(["exact", "corrected"]))
def test_rows_of_statistics(truncation, count, mode):
    rows = rows_for(truncation, count, mode)
    assert all(0 <= row < count for row in rows) and sum(rows.values()) == pytest.approx(1)
    if mode == "corrected":  # linear interpolation gives a linear function back
        assert sum(row / (count - 1) * share for row, share in rows.items()) == pytest.approx(truncation)


def test_rows_as_the_original_reads_them():
    assert rows_for(1.0, 51, "exact") == {50: 1.0}
    assert rows_for(0.425, 51, "exact") == {21: pytest.approx(0.25), 22: pytest.approx(0.75)}
    assert rows_for(0.425, 51, "corrected") == {21: pytest.approx(0.75), 22: pytest.approx(0.25)}
    for truncation, row in {0.14: 8, 0.28: 15, 0.56: 29, 0.58: 28, 0.94: 46}.items():
        assert max((share, row) for row, share in rows_for(truncation, 51, "exact").items())[1] == row
        assert rows_for(truncation, 51, "corrected") == {round(truncation * 50): 1.0}


BROKEN = [
    ("lacks linear.weight", without(AJBROCK, "linear.weight")),
    ("lacks block 1 of 3", without(AJBROCK, "blocks.1")),
    ("lacks blocks.1.steps.1.conv.u", without(AJBROCK, "blocks.1.0.conv2.u0")),
    ("blocks.2.steps.1.conv.weight has shape (8, 8, 5, 5), and the network of this file (8, 8, 3, 3)",
     AJBROCK | {"blocks.2.0.conv2.weight": torch.zeros(8, 8, 5, 5)}),
    ("linear.weight of shape (), not 2 dimensions", AJBROCK | {"linear.weight": torch.zeros(())}),
    ("has psi, which the network does not know", AJBROCK | {"psi": torch.zeros(1)}),
    ("has conditions of 9 numbers for blocks and 3 for the first layer, classes of 4",
     AJBROCK | {"shared.weight": torch.zeros(files.CLASSES, 4)}),
    ("trained with cross_replica",
     {n.replace("stored", "running"): t for n, t in files.ajbrock(mybn=True).items()}),
    ("has 5 blocks of BigGAN-deep, which come in pairs", without(files.ajbrock(deep=True), "blocks.5")),
    ("spectral norm of stem.linear is no positive number", AJBROCK | {"linear.weight": torch.zeros(256, 3)}),
    ("lacks block 3 of 5", without(HUGGINGFACE, "layers.3.")),
    ("lacks generator.bn.running_means", without(HUGGINGFACE, "generator.bn.running_means")),
    ("has 1 row of statistics", {n: t[:1] if "running_" in n else t for n, t in HUGGINGFACE.items()}),
    ("has no blocks", without(HUGGINGFACE, "layers")),
    ("which leaves none for z",
     HUGGINGFACE | {"embeddings.weight": torch.zeros(2 * files.EMBEDDING, files.CLASSES)}),
    ("spectral norm of stem.linear is no positive number",
     HUGGINGFACE | {"generator.gen_z.weight_u": -HUGGINGFACE["generator.gen_z.weight_u"]}),
]  # fmt: skip


@pytest.mark.parametrize(("message", "state"), BROKEN, ids=[message for message, _ in BROKEN])
def test_broken(message, state, tmp_path):
    with pytest.raises(InterpganError, match=re.escape(message)):
        load_generator(files.write(tmp_path / "broken.pth", state), family="biggan")


def test_a_truncated_file(tmp_path):
    path = files.write(tmp_path / "G.pth", AJBROCK)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InterpganError, match=r"G\.pth"):
        load_generator(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("[]", "holds"),  # not the settings of a BigGAN: the folder is not recognised
        (json.dumps(CONFIG | {"layers": [[True, 1, 1]]}), "has 4 blocks, and the config.json beside it 1"),
        (json.dumps(CONFIG | {"layers": 7}), "is damaged"),
        (json.dumps(CONFIG | {"layers": [7]}), "is damaged"),
        (json.dumps(CONFIG | {"eps": "small"}), "is damaged"),
    ],
)
def test_broken_settings(text, message, tmp_path):
    folder = files.write_huggingface(tmp_path / "deep")
    (folder / "config.json").write_text(text)
    with pytest.raises(InterpganError, match=message):
        load_generator(folder)


def test_a_file_that_does_not_say_which_blocks_double_the_size(tmp_path):
    path = files.write(tmp_path / "x.bin", files.huggingface(((True, 16, 8), (False, 8, 8), (True, 8, 8))))
    with pytest.raises(InterpganError, match=r"which of its 3 blocks double the size; put its config\.json"):
        load_generator(path)


@pytest.mark.parametrize(
    ("layout", "options", "message"),
    [
        ("ajbrock", {"noise": "random"}, "BigGAN has no noise random"),
        ("ajbrock", {"precision": "float8"}, "BigGAN has no precision float8"),
        ("ajbrock", {"resolution": 64}, "this BigGAN draws 32 pixels only"),
        ("ajbrock", {"statistics": "corected"}, "no statistics corected; did you mean 'corrected'"),
        ("ajbrock", {"bn_eps": 0.0}, "bn_eps must be above 0, not 0.0"),
        ("ajbrock", {"sn_eps": -1.0}, "sn_eps must be above 0, not -1.0"),
        ("ajbrock", {"truncation": 0.5}, "leave out truncation and statistics"),
        ("ajbrock", {"statistics": "corrected"}, "leave out truncation and statistics"),
        ("huggingface", {"truncation": 0.0}, "truncation must be above 0 and at most 1, not 0.0"),
        ("huggingface", {"truncation": 1.5}, "truncation must be above 0 and at most 1, not 1.5"),
        ("huggingface", {"sn_eps": 1e-6}, "holds its spectral norms; leave out sn_eps"),
    ],
)
def test_options_that_do_not_apply(layout, options, message, tmp_path):
    state = AJBROCK if layout == "ajbrock" else HUGGINGFACE
    with pytest.raises(InterpganError, match=message):
        load_generator(files.write(tmp_path / "G.pth", state), **options)


def test_other_files_are_not_recognised(tmp_path):
    some = {"blocks.0.0.conv1.weight": torch.zeros(1), "linear.weight": torch.zeros(1)}
    files.write(tmp_path / "x.pth", some)
    files.write(tmp_path / "D.pth", files.discriminator())
    for name in ("bert", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"layers": 12}')
    files.write(tmp_path / "bert" / "pytorch_model.bin", {"a": torch.zeros(1)})
    for name in ("x.pth", "D.pth", "bert", "empty"):
        assert not backbone.recognises(Checkpoint(tmp_path / name))
    assert recognise(Checkpoint(files.write(tmp_path / "G.pth", AJBROCK))) == ("biggan", backbone)


def test_the_step_of_a_recipe(tmp_path):
    files.write_huggingface(tmp_path / "deep")
    step = "interpgan: 1\nsteps:\n  - {use: biggan, weights: deep, truncation: 2}\n"
    assert "'truncation' of biggan must be at most 1" in recipe_error(step, tmp_path)
    assert issubclass(LoadBigGAN, LoadGenerator)
    generator = LoadBigGAN(weights=tmp_path / "deep", truncation=0.5, statistics="corrected").run("cpu")
    assert generator.truncation == 0.5
