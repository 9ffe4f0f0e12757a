"""Files of BigGAN: which are known, what is said of them, what becomes of broken ones."""

from __future__ import annotations

import json

import pytest
import torch

from interpgan_biggan import testing as files
from interpgan_biggan.backbone import backbone
from interpgan_core import InterpganError, LoadGenerator, load_generator
from interpgan_core.plugin import Checkpoint, recognise
from interpgan_core.testing import recipe_error

AJBROCK = {
    "hier": {},
    "not hier": {"hier": False},
    "unshared": {"hier": False, "shared": False},
    "mybn": {"mybn": True, "attention": None},
    "deep": {"deep": True},
    "deep, class only": {"deep": True, "hier": False},
}


@pytest.mark.parametrize("kind", AJBROCK)
def test_ajbrock(kind, tmp_path):
    torch.save(files.ajbrock(**AJBROCK[kind]), tmp_path / "G_ema.pth")
    generator = load_generator(tmp_path / "G_ema.pth")
    picture = generator.images(generator.sample([0]))
    assert picture.shape == (1, 3, 32, 32) and generator.classes == files.CLASSES
    found = backbone.describe(Checkpoint(tmp_path / "G_ema.pth"))
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
    torch.save(files.huggingface(), tmp_path / "alone.bin")  # nothing beside it says what doubles the size
    for path in (folder / "pytorch_model.bin", tmp_path / "alone.bin"):
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
    torch.save(files.ajbrock(), tmp_path / "G.pth")
    torch.save(
        {k: -v if k.endswith("conv1.weight") else v for k, v in files.ajbrock().items()},
        tmp_path / "G_ema.pth",
    )
    torch.save(files.discriminator(), tmp_path / "D.pth")
    generator = load_generator(tmp_path)
    assert generator.fingerprint == load_generator(tmp_path / "G_ema.pth").fingerprint
    assert backbone.describe(Checkpoint(tmp_path)).discriminator
    batch = generator.sample([0, 1])
    logits = generator.discriminator(generator.images(batch), batch.labels)
    assert logits.shape == (2, 1) and not torch.equal(
        logits, generator.discriminator(generator.images(batch))
    )
    torch.save(files.ajbrock(), tmp_path / "G_ema_best0.pth")
    load_generator(tmp_path)  # the one without a suffix is plainly the one
    (tmp_path / "G_ema.pth").rename(tmp_path / "G_ema_best1.pth")
    with pytest.raises(InterpganError, match=r"holds G_ema_best0\.pth, G_ema_best1\.pth; name the one"):
        load_generator(tmp_path)


def test_a_file_of_parallel_training_loads(tmp_path):
    torch.save(files.ajbrock(), tmp_path / "G.pth")
    torch.save({f"module.{k}": v for k, v in files.ajbrock().items()}, tmp_path / "G_ddp.pth")
    found = [load_generator(tmp_path / name).fingerprint for name in ("G.pth", "G_ddp.pth")]
    assert found[0] == found[1]


def test_sums_of_standing_statistics_are_divided_by_their_count(tmp_path):
    state = files.ajbrock(mybn=True)
    torch.save(state, tmp_path / "means.pth")
    for name in state:
        if name.endswith("accumulation_counter"):
            state[name] = torch.full((1,), 4.0)
        elif "stored_" in name:
            state[name] = state[name] * 4
    torch.save(state, tmp_path / "sums.pth")
    found = [load_generator(tmp_path / name).fingerprint for name in ("means.pth", "sums.pth")]
    assert found[0] == found[1]


def test_a_converted_file_has_the_small_numbers_of_tensorflow(tmp_path):
    torch.save({k: v for k, v in files.ajbrock().items() if "sv0" not in k}, tmp_path / "converted.pth")
    torch.save(files.ajbrock(), tmp_path / "trained.pth")
    converted, trained = (load_generator(tmp_path / f"{n}.pth") for n in ("converted", "trained"))
    assert (converted.module.made.eps, trained.module.made.eps) == (1e-4, 1e-5)
    assert load_generator(tmp_path / "trained.pth", bn_eps=0.5).module.made.eps == 0.5
    large = load_generator(tmp_path / "trained.pth", sn_eps=1e6)
    assert large.module.stem.linear.factor > trained.module.stem.linear.factor


def _without(state, *endings):
    return {name: t for name, t in state.items() if not name.endswith(endings)}


BROKEN = {
    "lacks linear.weight": (_without(files.ajbrock(), "linear.weight"), r"lacks linear\.weight"),
    "lacks a block": (
        {n: t for n, t in files.ajbrock().items() if "blocks.1" not in n},
        r"lacks block 1 of 3",
    ),
    "lacks a vector": (_without(files.ajbrock(), "blocks.1.0.conv2.u0"), r"lacks blocks\.1\.steps\.1\.conv\.u"),
    "of another shape": (
        files.ajbrock() | {"blocks.2.0.conv2.weight": torch.zeros(8, 8, 5, 5)},
        r"blocks\.2\.steps\.1\.conv\.weight has shape \(8, 8, 5, 5\), and the network of this file \(8, 8, 3, 3\)",
    ),
    "one number where a matrix should be": (
        files.ajbrock() | {"linear.weight": torch.zeros(())},
        r"linear\.weight of shape \(\), not 2 dimensions",
    ),
    "a stranger": (files.ajbrock() | {"psi": torch.zeros(1)}, "has psi, which the network does not know"),
    "another condition": (
        files.ajbrock() | {"shared.weight": torch.zeros(files.CLASSES, 4)},
        "has blocks with conditions of 9 numbers, a first layer of 3, classes of 4",
    ),
    "cross_replica": (
        {n.replace("stored_var", "running_var").replace("stored_mean", "running_mean"): t
         for n, t in files.ajbrock(mybn=True).items()},
        "trained with cross_replica",
    ),
    "half a stage": (
        {n: t for n, t in files.ajbrock(deep=True).items() if "blocks.5" not in n},
        "has 5 blocks of BigGAN-deep, which come in pairs",
    ),
    "no spectral norm": (
        files.ajbrock() | {"linear.weight": torch.zeros(256, 3)},
        r"spectral norm of stem\.linear is no positive number",
    ),
    "hf lacks a module": (
        {n: t for n, t in files.huggingface().items() if "layers.3." not in n},
        "lacks block 3 of 5",
    ),
    "hf lacks statistics": (
        _without(files.huggingface(), "generator.bn.running_means"),
        r"lacks generator\.bn\.running_means",
    ),
    "hf of one row": (
        {n: t[:1] if "running_" in n else t for n, t in files.huggingface().items()},
        "has 1 row of statistics",
    ),
    "hf without blocks": (
        {n: t for n, t in files.huggingface().items() if "layers" not in n},
        "has no blocks",
    ),
    "hf without z": (
        files.huggingface() | {"embeddings.weight": torch.zeros(2 * files.EMBEDDING, files.CLASSES)},
        "which leaves none for z",
    ),
    "hf turned round": (
        files.huggingface() | {"generator.gen_z.weight_u": -files.huggingface()["generator.gen_z.weight_u"]},
        r"spectral norm of stem\.linear is no positive number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_broken(what, tmp_path):
    state, message = BROKEN[what]
    torch.save(state, tmp_path / "broken.pth")
    with pytest.raises(InterpganError, match=message):
        load_generator(tmp_path / "broken.pth", family="biggan")


def test_a_truncated_file(tmp_path):
    torch.save(files.ajbrock(), tmp_path / "G.pth")
    whole = (tmp_path / "G.pth").read_bytes()
    (tmp_path / "G.pth").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InterpganError, match=r"G\.pth"):
        load_generator(tmp_path / "G.pth")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("[]", "holds"),  # not the settings of a BigGAN: nobody knows the folder
        (
            json.dumps(files.config() | {"layers": [[True, 1, 1]]}),
            "has 4 blocks, and the config.json beside it 1",
        ),
        (json.dumps(files.config() | {"layers": 7}), "is damaged"),
        (json.dumps(files.config() | {"layers": [7]}), "is damaged"),
        (json.dumps(files.config() | {"eps": "small"}), "is damaged"),
    ],
)
def test_broken_settings(text, message, tmp_path):
    folder = files.write_huggingface(tmp_path / "deep")
    (folder / "config.json").write_text(text)
    with pytest.raises(InterpganError, match=message):
        load_generator(folder)


def test_a_file_that_does_not_say_which_blocks_double_the_size(tmp_path):
    torch.save(files.huggingface(((True, 16, 8), (False, 8, 8), (True, 8, 8))), tmp_path / "x.bin")
    with pytest.raises(
        InterpganError, match=r"which of its 3 blocks double the size; put its config\.json beside"
    ):
        load_generator(tmp_path / "x.bin")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": "random"}, "BigGAN has no noise random"),
        ({"precision": "float8"}, "BigGAN has no precision float8"),
        ({"resolution": 64}, "BigGAN has no resolution 64"),
        ({"statistics": "corected"}, "no statistics corected; did you mean 'corrected'"),
        ({"bn_eps": 0.0}, "bn_eps must be above 0, not 0.0"),
        ({"sn_eps": -1.0}, "sn_eps must be above 0, not -1.0"),
        ({"truncation": 0.5}, "leave out truncation and statistics"),
        ({"statistics": "corrected"}, "leave out truncation and statistics"),
    ],
)
def test_options_that_ajbrock_does_not_have(options, message, tmp_path):
    torch.save(files.ajbrock(), tmp_path / "G.pth")
    with pytest.raises(InterpganError, match=message):
        load_generator(tmp_path / "G.pth", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"truncation": 0.0}, "truncation must be above 0 and at most 1, not 0.0"),
        ({"truncation": 1.5}, "truncation must be above 0 and at most 1, not 1.5"),
        ({"sn_eps": 1e-6}, "knows its spectral norms; leave out sn_eps"),
    ],
)
def test_options_that_huggingface_does_not_have(options, message, tmp_path):
    with pytest.raises(InterpganError, match=message):
        load_generator(files.write_huggingface(tmp_path / "deep"), **options)


def test_it_leaves_other_files_alone(tmp_path):
    torch.save(
        {"blocks.0.0.conv1.weight": torch.zeros(1), "linear.weight": torch.zeros(1)}, tmp_path / "x.pth"
    )
    torch.save(files.discriminator(), tmp_path / "D.pth")
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text('{"layers": 12}')
    torch.save({"a": torch.zeros(1)}, tmp_path / "bert" / "pytorch_model.bin")
    (tmp_path / "empty").mkdir()
    for name in ("x.pth", "D.pth", "bert", "empty"):
        assert not backbone.recognises(Checkpoint(tmp_path / name))
    torch.save(files.ajbrock(), tmp_path / "G.pth")
    assert recognise(Checkpoint(tmp_path / "G.pth")) is backbone


def test_the_step(tmp_path):
    files.write_huggingface(tmp_path / "deep")
    step = "interpgan: 1\nsteps:\n  - {use: biggan, weights: deep, truncation: 2}\n"
    assert "'truncation' of biggan must be at most 1" in recipe_error(step, tmp_path)
    from interpgan_biggan.operators import LoadBigGAN

    assert issubclass(LoadBigGAN, LoadGenerator)
    generator = LoadBigGAN(weights=tmp_path / "deep", truncation=0.5, statistics="corrected").run("cpu")
    assert generator.truncation == 0.5
