"""Generators in files of ours: saved and loaded again they are the same."""

import json
import re

import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open

from interpgan_biggan import testing as biggan_files
from interpgan_core import Generator, InterpganError, load_generator, write_safetensors
from interpgan_core.cli import command
from interpgan_core.generators.saving import KIND, is_saved_generator, open_generator, write_generator
from interpgan_core.loading.inspection import inspect
from interpgan_core.operators.builtin.generator import LoadGenerator
from interpgan_core.plugin import SavedGenerator
from interpgan_core.testing import toy
from interpgan_pggan import testing as pggan_files
from interpgan_stylegan.testing import v2 as stylegan2_files
from interpgan_stylegan.testing.v3 import write_pickle

FAMILIES = ("stylegan.v2", "stylegan.v2 by class", "pggan", "biggan", "biggan-deep")


def published(family, folder):
    """A tiny checkpoint as its publisher would have written it, with its discriminator where the layout has one."""
    path = folder / "net"
    if family.startswith("stylegan.v2"):
        classes = 3 if "class" in family else 0
        tensors = stylegan2_files.discriminator("skip", classes)
        nets = {"G_ema": ("Generator", stylegan2_files.generator("resnet", classes), {})}
        write_pickle(path, **nets, D=("Discriminator", tensors, {}))
    elif family == "pggan":
        nets = {"generator_smooth": pggan_files.generator(3), "discriminator": pggan_files.discriminator(3)}
        torch.save(nets, path)
    elif family == "biggan":
        path.mkdir()
        torch.save(biggan_files.ajbrock(), path / "G_ema.pth")
        torch.save(biggan_files.discriminator(), path / "D.pth")
    else:
        biggan_files.write_huggingface(path)
    return path


@pytest.fixture(scope="module", params=FAMILIES)
def pair(request, tmp_path_factory):
    """A published checkpoint, and the file that we save of it."""
    folder = tmp_path_factory.mktemp("saved")
    path = published(request.param, folder)
    made = load_generator(path)
    made.licence, made.notes = "for tests only", {"training": {"kimg": 1.5}, "data": "noise"}
    made.save(folder)
    return path, folder / "generator.safetensors"


@pytest.fixture(scope="module")
def stylegan(tmp_path_factory):
    """The file of a saved StyleGAN 2."""
    folder = tmp_path_factory.mktemp("stylegan")
    load_generator(published("stylegan.v2", folder)).save(folder)
    return folder / "generator.safetensors"


def logits(generator, pictures, labels):
    return generator.discriminator(pictures, labels)


def test_a_generator_is_the_same_when_it_comes_back(pair):
    before, after = (load_generator(path) for path in pair)
    batch = before.sample([3, 1, 4])
    pictures = before.images(batch)
    assert torch.equal(after.images(after.sample([3, 1, 4])), pictures)
    assert after.fingerprint == before.fingerprint
    assert list(after.spaces) == list(before.spaces) and list(after.layers) == list(before.layers)
    for name, space in before.spaces.items():
        assert (space.mean is None) == (after.spaces[name].mean is None)
        assert space.mean is None or torch.equal(space.mean, after.spaces[name].mean)
    assert (before.discriminator is None) == (after.discriminator is None)
    if before.discriminator is not None:
        assert torch.equal(logits(after, pictures, batch.labels), logits(before, pictures, batch.labels))
    assert (after.licence, after.notes["training"]) == ("for tests only", {"kimg": 1.5})
    assert not after.module.training
    assert not any(p.requires_grad for p in after.module.parameters())


def test_what_comes_back_can_be_saved_again(pair, tmp_path):
    load_generator(pair[1]).save(tmp_path)
    assert (tmp_path / "generator.safetensors").read_bytes() == pair[1].read_bytes()
    again = Generator.load(tmp_path)
    assert again.fingerprint == load_generator(pair[0]).fingerprint


def test_options_apply_to_what_comes_back(pair):
    for options in ({"precision": "bfloat16"}, {"noise": "none"}):
        before, after = (load_generator(path, **options) for path in pair)
        batch = before.sample([3, 1])
        assert torch.equal(after.images(batch), before.images(batch))
        assert after.images(batch).dtype == torch.float32
    with pytest.raises(InterpganError, match="precision float8"):
        load_generator(pair[1], precision="float8")
    with pytest.raises(InterpganError, match=r"pixels only|has no resolution 7"):
        load_generator(pair[1], resolution=7)
    with pytest.raises(
        InterpganError, match=r"generator.safetensors has no option 'presision'; did you mean 'pre"
    ):
        load_generator(pair[1], presision="float32")


def test_random_noise_of_what_comes_back(stylegan):
    const, drawn = (load_generator(stylegan, noise=noise) for noise in ("const", "random"))
    batch = const.sample([5])
    assert not torch.equal(const.images(batch), drawn.images(batch))
    assert torch.equal(drawn.images(batch), load_generator(stylegan, noise="random").images(batch))


def test_options_that_choose_how_a_published_file_is_read(tmp_path):
    """An operator of a family hands all of them on."""
    from interpgan_biggan.operators import LoadBigGAN
    from interpgan_pggan.operators import LoadPGGAN

    load_generator(published("biggan-deep", tmp_path), truncation=0.5).save(tmp_path)
    file = tmp_path / "generator.safetensors"
    found = LoadBigGAN(weights=file).run("cpu")
    assert found.fingerprint == load_generator(tmp_path / "net", truncation=0.5).fingerprint
    with pytest.raises(InterpganError, match="was saved with a truncation of its own; leave out truncation"):
        LoadBigGAN(weights=file, truncation=0.4).run("cpu")
    with pytest.raises(InterpganError, match="is a generator of biggan, not of pggan; use: generator"):
        LoadPGGAN(weights=file).run("cpu")
    assert LoadGenerator(weights=file).run("cpu").fingerprint == found.fingerprint


def test_headers_of_earlier_versions(pair, tmp_path):
    """They called the discriminator a judge."""
    settings = open_generator(pair[1]).settings
    earlier = {name.replace("discriminator", "judge"): value for name, value in settings.items()}
    assert "judge" in earlier
    found = load_generator(rewritten(pair[1], tmp_path, settings=earlier))
    batch = found.sample([3, 1, 4])
    expected = load_generator(pair[1])
    assert found.fingerprint == expected.fingerprint
    if expected.discriminator is not None:
        images = expected.images(batch)
        assert torch.equal(logits(found, images, batch.labels), logits(expected, images, batch.labels))


def test_the_smaller_pictures_of_a_progressive_one(tmp_path):
    load_generator(published("pggan", tmp_path)).save(tmp_path)
    small, own = (
        load_generator(path, lod=1.0) for path in (tmp_path / "generator.safetensors", tmp_path / "net")
    )
    batch = own.sample([1])
    assert torch.equal(small.images(batch), own.images(batch))


def test_files_are_told_from_others(pair, tmp_path):
    path, file = pair
    assert is_saved_generator(file)
    assert not is_saved_generator(path)
    write_safetensors(tmp_path / "other", {}, "batch", {})
    assert not is_saved_generator(tmp_path / "other")


# Files that are not right


def rewritten(file, folder, **changes):
    """The file with other entries in its header, or other tensors."""
    saved = open_generator(file)
    tensors = dict(changes.pop("tensors", saved.tensors))
    header = {name: getattr(saved, name) for name in ("backbone", "settings", "licence", "notes")} | changes
    path = folder / "changed.safetensors"
    write_safetensors(path, tensors, KIND, {k: v for k, v in header.items() if v is not None})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"settings": None}, "the header of .*changed.safetensors is damaged; make the file again"),
        ({"more": 1}, "the header of .* is damaged; make the file again"),
        ({"backbone": ["a"]}, "the header of .* is damaged; make the file again"),
        ({"settings": "plan"}, "the header of .* is damaged; make the file again"),
        ({"notes": []}, "the header of .* is damaged; make the file again"),
        ({"settings": {}}, r"holds settings that stylegan.v2 does not know \('plan'\); update its plugin, or make"),
        ({"settings": {"plan": {"depth": 1}, "discriminator": None}}, r"that stylegan.v2 does not know \(.*depth"),
        ({"settings": {"plan": 3, "discriminator": None}}, "holds settings that stylegan.v2 does not know"),
        ({"backbone": "glowgan"}, "is a generator of glowgan: there is no backbone 'glowgan'; "),
        ({"backbone": "stylegan.v4"}, "is a generator of stylegan.v4: there is no .* did you mean 'stylegan.v"),
    ],
)  # fmt: skip
def test_headers_that_are_damaged_or_newer(stylegan, tmp_path, changes, message):
    with pytest.raises(InterpganError, match=message):
        load_generator(rewritten(stylegan, tmp_path, **changes))


def test_tensors_that_do_not_fit(pair, tmp_path):
    tensors = open_generator(pair[1]).tensors
    one = next(name for name in sorted(tensors) if name.startswith("generator.") and tensors[name].ndim > 1)
    for changed, message in (
        (
            {n: t for n, t in tensors.items() if n != one},
            f"lacks {one.partition('.')[2]}; it is damaged, or from a",
        ),
        (
            tensors | {"generator.extra": torch.zeros(1)},
            "has extra, which the network does not know; it is damaged",
        ),
        (
            tensors | {one: tensors[one][:, :1].clone()},
            "has shape .*, and the network of this file .*; the file is",
        ),
    ):
        with pytest.raises(InterpganError, match=message.replace("(", r"\(")) as refused:
            load_generator(rewritten(pair[1], tmp_path, tensors=changed))
        assert "settings that" not in str(refused.value)


def test_no_mean(stylegan, tmp_path):
    tensors = {n: t for n, t in open_generator(stylegan).tensors.items() if n != "mean"}
    with pytest.raises(InterpganError, match=r"holds settings that stylegan.v2 does not know \('mean'\)"):
        load_generator(rewritten(stylegan, tmp_path, tensors=tensors))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_that_was_cut(stylegan, tmp_path, share):
    data = stylegan.read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InterpganError, match=r"cut\.safetensors was cut short or is damaged"):
        load_generator(path)


def test_a_family_that_cannot_be_saved(tmp_path):
    with pytest.raises(InterpganError, match=r"a ToyGenerator cannot be saved: .* sets keep = False"):
        toy().save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_settings_that_json_cannot_say(tmp_path):
    with pytest.raises(InterpganError, match="holds what JSON cannot hold"):
        write_generator(SavedGenerator("x", {"a": torch.zeros(1)}, {}), tmp_path / "a.safetensors")


def test_concepts_a_relu_more_and_what_is_attached_come_back(pair, tmp_path):
    before = load_generator(pair[0])
    layer = before.layers[-1]
    batch = before.sample([3, 1])
    plain, name = before.features(batch, [layer])[layer].clone(), before.fingerprint
    before.rectify([layer])
    before.concepts = {"hair": (layer, (2, 0)), "1": (layer, (1,))}
    before.attached = {"glow.weights": torch.arange(6.0).view(2, 3)}
    before.save(tmp_path)
    after = load_generator(tmp_path / "generator.safetensors")
    assert torch.equal(after.features(after.sample([3, 1]), [layer])[layer], plain.relu())
    assert after.fingerprint == before.fingerprint != name
    assert (after.rectified, after.concepts) == ((layer,), before.concepts)
    assert torch.equal(after.attached["glow.weights"], before.attached["glow.weights"])
    after.save(tmp_path / "again")
    files = [folder / "generator.safetensors" for folder in (tmp_path, tmp_path / "again")]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    "concepts", [{"a": 1}, {"a": ["b1", [0.5]]}, {"a": ["b1", [-1]]}, {"a": [[1], "b1"]}]
)
def test_concepts_that_are_none(stylegan, tmp_path, concepts):
    saved = open_generator(stylegan)
    header = {"backbone": saved.backbone, "settings": saved.settings, "licence": "", "notes": {}}
    path = tmp_path / "made.safetensors"
    write_safetensors(path, saved.tensors, KIND, header | {"concepts": concepts})
    with pytest.raises(InterpganError, match=r"the header of .* is damaged; make the file again"):
        load_generator(path)


# What is said of them


def test_inspection_says_what_a_file_is(pair):
    path, file = pair
    said = CliRunner().invoke(command, ["--inspect", str(file)])
    assert said.exit_code == 0
    facts, known = inspect(file), inspect(path)
    assert [line.split()[0] for line in said.output.splitlines()] == [label.split()[0] for label in facts]
    backbone = open_generator(file).backbone
    assert facts["family"] == f"{backbone}, written by interpgan"
    assert facts["discriminator"] == known["discriminator"]
    count = int(re.match("[0-9,]+", facts["parameters"])[0].replace(",", ""))
    assert count >= int(known["parameters"].replace(",", ""))
    assert facts["licence"] == "for tests only"
    assert json.loads(facts["note training"]) == {"kimg": 1.5}
    assert facts["code"] == "nothing in it asked for code"
    assert max(map(len, said.output.splitlines())) < 140


def test_other_programs_read_the_tensors(stylegan):
    with safe_open(stylegan, "np") as file:
        assert json.loads(file.metadata()["header"])["backbone"] == "stylegan.v2"
        assert {name.split(".")[0] for name in file.keys()} == {"generator", "discriminator", "mean"}  # noqa: SIM118


@pytest.mark.long
def test_a_saved_generator_in_a_recipe(stylegan, command, tmp_path):
    (tmp_path / "a.yaml").write_text(
        f"interpgan: 1\nsteps:\n  - {{use: generator, weights: {stylegan}}}\n"
        "  - {use: sample, seeds: 0-1}\n  - {use: render}\n"
    )
    ran = command("a.yaml", cwd=tmp_path)
    assert ran.status == 0, ran.err
    manifest = json.loads((tmp_path / "out/a/run.json").read_text())
    assert manifest["generator"]["fingerprint"] == load_generator(stylegan).fingerprint
