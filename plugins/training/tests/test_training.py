"""The operator: what it makes, that it can be stopped at any moment, and what it refuses."""

import csv
import importlib.util
import json
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter

from interpgan_core import ImageSet, InterpganError, load_generator, quiet
from interpgan_core.testing import Stopped, plugin_conformance, recipe_error, run_operator, stop_after
from interpgan_training import job
from interpgan_training.operators import Train
from interpgan_training.random_numbers import rng_for
from interpgan_training.settings import Architecture
from interpgan_training.trainer import Settings, Trainer, family_of

SMALL = {
    "stylegan2": {"family": "stylegan2", "widths": [8, 8, 8], "z": 8, "w": 8, "mapping": 2},
    "pggan": {"family": "pggan", "widths": [8, 8, 8], "z": 8, "phase_kimg": 0.02},
    "biggan": {"family": "biggan", "widths": [8, 8, 8], "chunk": 4, "embedding": 4},
}
# Of one family every time; of the others by `make test-long`.
EACH = [pytest.param(family, marks=[] if family == "pggan" else pytest.mark.long) for family in SMALL]
VARIANTS = {
    **SMALL,
    "stylegan2 by class, path length, blur, no noise": SMALL["stylegan2"]
    | {"conditional": True, "path_length": 2.0, "blur": 2.0, "blur_kimg": 0.05, "noise": False},
    "pggan, wasserstein": SMALL["pggan"] | {"loss": "wasserstein", "r1": 0, "discriminator_steps": 2},
    "stylegan2, after an autoencoder": SMALL["stylegan2"]
    | {"reconstruction": 20.0, "reconstruction_kimg": 0.03},
    "pggan, with a reader": SMALL["pggan"] | {"information": 1.0, "information_codes": 4},
    "biggan, with an encoder": SMALL["biggan"] | {"reconstruction": 20.0, "divergence": 2.0},
    "biggan, orthogonal, two discriminator steps": SMALL["biggan"]
    | {"orthogonal": 1e-4, "discriminator_steps": 2},
}


def trained(data, folder, architecture, progress=quiet, **more):
    operator = Train(data=data, architecture=architecture, **{"kimg": 0.08, "batch_size": 8} | more)
    made = run_operator(operator, folder, progress)
    made.save(folder / "result")
    return made


def log_lines(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def weights(generator):
    return {**generator.module.state_dict(), **generator.discriminator.state_dict()}


@pytest.mark.parametrize(
    "variant",
    [pytest.param(v, id=n, marks=[] if n == "pggan" else pytest.mark.long) for n, v in VARIANTS.items()],
)
def test_a_stopped_training_ends_in_the_same_bytes(data, tmp_path, variant, monkeypatch):
    variant = variant | {"r1_interval": 4} | ({"phase_kimg": 0.012} if variant["family"] == "pggan" else {})
    whole = trained(data, tmp_path / "whole", variant)
    monkeypatch.setattr(job, "SAVE_SECONDS", 0.0)
    for pictures in (14, 22, 14):
        with pytest.raises(Stopped):
            trained(data, tmp_path / "parts", variant, stop_after(pictures))
    parts = trained(data, tmp_path / "parts", variant)
    assert whole.fingerprint == parts.fingerprint
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(parts)[name]), name
    logs = [log_lines(tmp_path / run / "result") for run in ("whole", "parts")]
    for line in (*logs[0], *logs[1]):
        assert line.pop("seconds") >= 0
    assert logs[0] == logs[1]


@pytest.mark.parametrize("family", EACH)
def test_what_was_trained_is_saved_and_loaded_with_its_discriminator(data, tmp_path, family):
    made = trained(data, tmp_path, SMALL[family], licence="ours")
    again = load_generator(tmp_path / "result/generator.safetensors")
    batch = made.sample([1, 2, 3])
    pictures = made.images(batch)
    assert pictures.shape == (3, 3, 16, 16)
    assert torch.equal(pictures, again.images(again.sample([1, 2, 3])))
    # Weights lie in another order in memory, so that sums may round another way.
    logits = [each.discriminator(pictures, batch.labels) for each in (made, again)]
    torch.testing.assert_close(*logits, rtol=1e-5, atol=1e-5)
    assert again.licence == "ours"
    assert again.notes["training"]["family"]["family"] == family
    if family == "biggan":
        assert again.class_names == ("upper", "lower")


def test_a_reader_is_trained_beside(data, tmp_path):
    trained(data, tmp_path, SMALL["pggan"] | {"information": 1.0, "information_codes": 4})
    assert all("information" in line for line in log_lines(tmp_path / "result"))
    with pytest.raises(InterpganError, match="9 entries are to be read, and a code has 8; give fewer"):
        trained(data, tmp_path / "more", SMALL["pggan"] | {"information": 1.0, "information_codes": 9})


@pytest.mark.long
@pytest.mark.parametrize("family", EACH)
def test_training_goes_on_from_a_generator(data, tmp_path, family):
    """After a step at almost no rate, pictures are as they were: everything was taken over, and nothing grows."""
    first = trained(data, tmp_path / "first", SMALL[family], kimg=0.16)
    still = SMALL[family] | {"generator_rate": 1e-9, "discriminator_rate": 1e-9}
    then = trained(data, tmp_path / "then", still, kimg=0.008, start=first)
    labels = torch.eye(2)[[0, 1, 0, 1]] if family == "biggan" else None
    pictures = [made.images(made.sample([1, 2, 3, 4], labels)) for made in (first, then)]
    # BigGAN's batch norms have new statistics, and its spectral norms were not yet settled.
    near, share = (0.06, 0.1) if family == "biggan" else (0.005, 0)
    torch.testing.assert_close(*pictures, rtol=0, atol=near)
    logits = [made.discriminator(pictures[0], labels) for made in (first, then)]
    torch.testing.assert_close(*logits, rtol=share, atol=near)
    assert then.notes["parent"] == first.fingerprint
    with pytest.raises(
        InterpganError, match=r"says widths \[8, 8, 4\], where the generator has \[8, 8, 8\]; leave them out"
    ):
        trained(data, tmp_path / "other", SMALL[family] | {"widths": [8, 8, 4]}, start=first)


@pytest.mark.parametrize("family", EACH)
def test_the_architecture_is_read_off_the_generator(data, tmp_path, family):
    first = trained(data, tmp_path / "first", SMALL[family], kimg=0.008)
    then = trained(data, tmp_path / "then", family, kimg=0.008, start=first)
    shapes = [{n: t.shape for n, t in made.module.state_dict().items()} for made in (first, then)]
    assert shapes[0] == shapes[1] and then.notes["parent"] == first.fingerprint
    other = next(name for name in SMALL if name != family)
    with pytest.raises(InterpganError, match=f"is of another family than {other}"):
        trained(data, tmp_path / "other", other, kimg=0.008, start=first)


@pytest.mark.long
@pytest.mark.parametrize(("size", "channels"), [((16, 8), 3), ((8, 16), 1), ((16, 16), 1)])
@pytest.mark.parametrize("family", EACH)
def test_rectangles_and_grey_are_trained(data, tmp_path, family, size, channels):
    height, width = size
    cut = ImageSet(np.ascontiguousarray(data.pixels[:, :, :height, :width]), data.classes, data.class_names)
    made = trained(cut, tmp_path / "a", SMALL[family] | {"channels": channels}, kimg=0.016)
    batch = made.sample([1, 2])
    assert made.forward(batch).shape == (2, channels, *size) and made.images(batch).shape == (2, 3, *size)
    again = load_generator(tmp_path / "a/result/generator.safetensors")
    assert again.fingerprint == made.fingerprint and torch.equal(again.images(batch), made.images(batch))
    assert made.discriminator(made.images(batch), batch.labels).shape == (2, 1)
    with pytest.raises(InterpganError, match="3 widths make 16 pixels, and the pictures have 12 x 8"):
        trained(
            ImageSet(np.ascontiguousarray(data.pixels[:, :, :12, :8]), data.classes, data.class_names),
            tmp_path / "b",
            SMALL[family],
        )


@pytest.mark.long
@pytest.mark.parametrize("family", EACH)
def test_training_learns(data, tmp_path, family):
    """Samples come closer to the mean picture and the contrast of the data than at the start."""

    def distance(kimg, folder):
        fast = SMALL[family] | {"generator_rate": 0.01, "discriminator_rate": 0.01}
        made = trained(data, tmp_path / folder, fast, kimg=kimg)
        samples = made.images(made.sample(range(64)))
        real = data.images(slice(None))
        return float((samples.mean(0) - real.mean(0)).abs().mean())

    assert distance(0.32, "long") < 0.6 * distance(0.008, "short")


@pytest.mark.long
def test_the_report_shows_curves_and_pictures(data, tmp_path):
    trained(data, tmp_path, SMALL["stylegan2"])
    report = json.loads((tmp_path / "result/report.json").read_text())
    sheets, curves = report["strips"]
    assert [p["file"] for p in curves["pictures"]] == ["curves.png"]
    assert sheets["pictures"][-1]["caption"] == "after 80 pictures"
    assert len(sheets["pictures"]) == 8
    assert all((tmp_path / "result" / p["file"]).exists() for p in sheets["pictures"])
    lines = (tmp_path / "result/log.jsonl").read_text().splitlines()
    assert {"pictures", "discriminator", "generator", "real", "fake"} <= set(json.loads(lines[-1]))
    with (tmp_path / "result/log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines, strict=True):
        assert {name: float(value) for name, value in row.items() if value} == json.loads(line)
    card = (tmp_path / "result/MODEL_CARD.md").read_text()
    for words in (
        "stylegan2",
        "| pictures seen | 80 |",
        "| batch_size | ",
        "architecture.widths",
        "Not stated.",
    ):
        assert words in card
    assert f"| discriminator | {float(rows[-1]['discriminator']):.4g} |" in card


@pytest.mark.long
def test_seconds_go_on_where_a_stopped_training_was(data, tmp_path, monkeypatch):
    """As tensorboard shows them, too: what was done after the last checkpoint, and again, counts once."""
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.setattr(job, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(job, "SAVE_SECONDS", 0.0)
    slowly = Trainer.advance

    def advance(self):
        time.sleep(0.05)
        return slowly(self)

    monkeypatch.setattr(Trainer, "advance", advance)
    with pytest.raises(Stopped):
        trained(data, tmp_path, SMALL["stylegan2"], stop_after(50))
    before = log_lines(tmp_path / "scratch")
    assert before[-1]["seconds"] >= 0.05 * len(before)
    assert list((tmp_path / "scratch").glob("events.out.tfevents.*"))
    monkeypatch.setattr(job, "SAVE_SECONDS", 1000.0)
    with pytest.raises(Stopped):
        trained(data, tmp_path, SMALL["stylegan2"], stop_after(10))
    again = len(log_lines(tmp_path / "scratch"))
    assert len(before) < again < 10
    trained(data, tmp_path, SMALL["stylegan2"])
    lines = log_lines(tmp_path / "result")
    assert lines[: len(before)] == before
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds) and seconds[-1] >= 0.05 * len(lines)
    with (tmp_path / "result/log.csv").open(newline="") as file:
        assert [float(row["seconds"]) for row in csv.DictReader(file)] == seconds
    (kept,) = (tmp_path / "result").glob("events.out.tfevents.*")
    shown = events.EventAccumulator(str(kept))
    shown.Reload()
    for name in ("seconds", "discriminator", "generator"):
        found = [(event.step, pytest.approx(event.value, rel=1e-4)) for event in shown.Scalars(name)]
        assert found == [(line["pictures"], line[name]) for line in lines]


def test_the_state_is_saved_after_half_a_minute_and_then_every_minute(data, tmp_path, monkeypatch):
    """By a clock on which each step takes ten seconds; the last state is written at the end."""
    assert job.FIRST_SECONDS < 30 and job.SAVE_SECONDS < 60  # a step and the writing come on top
    now, saved = [0.0], []
    advance, save = Trainer.advance, Trainer.save

    def slowly(self):
        now[0] += 10
        return advance(self)

    def noted(self, path, more):
        saved.append(now[0])
        save(self, path, more)

    monkeypatch.setattr(job, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(Trainer, "advance", slowly)
    monkeypatch.setattr(Trainer, "save", noted)
    trained(data, tmp_path, SMALL["pggan"], kimg=0.128)
    assert saved == [30, 90, 150, 160]


@pytest.mark.long
def test_without_tensorboard_there_is_the_log_alone(data, tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "tensorboard" else find(name, *a)
    )
    trained(data, tmp_path, SMALL["stylegan2"])
    assert (tmp_path / "result/log.csv").is_file() and not list(tmp_path.rglob("events.out.*"))


def test_what_was_measured_once_is_no_plot(data, tmp_path):
    trained(data, tmp_path, SMALL["stylegan2"], kimg=0.008)
    (sheets,) = json.loads((tmp_path / "result/report.json").read_text())["strips"]
    assert [picture["file"].startswith("sheets/") for picture in sheets["pictures"]] == [True]
    assert not (tmp_path / "result/curves.png").exists()


@pytest.mark.parametrize("family", EACH)
def test_sheets_show_the_average_as_it_is_now(data, family):
    settings = TypeAdapter(Architecture).validate_python(SMALL[family] | {"generator_rate": 0.05})
    trainer = Trainer(family_of(settings), Settings(batch_size=8, ema_kimg=0.01), data)

    def sheet(network):
        labels = torch.eye(trainer.classes).repeat(8, 1)[:8] if trainer.classes else None
        with torch.no_grad():
            stage = trainer.family.stage(trainer.seen)
            return trainer.family.fakes(network, 8, labels, stage, rng_for(0, 1))

    for _ in range(6):
        trainer.advance()
        shown = sheet(trainer.average)
    fresh, _ = trainer.family.build(data.size, trainer.classes)
    fresh.load_state_dict(trainer.average.state_dict())
    assert torch.allclose(shown, sheet(fresh.requires_grad_(False)), atol=0.02)


def test_every_picture_is_seen_once_in_a_round(data):
    from interpgan_training.random_numbers import batch_indices

    rounds = [i for start in range(0, 192, 24) for i in batch_indices(3, 64, start, 24)]
    for k in range(3):
        assert sorted(rounds[64 * k : 64 * (k + 1)]) == list(range(64))
    assert rounds[:64] != rounds[64:128]
    assert batch_indices(4, 64, 0, 24) != rounds[:24]


@pytest.mark.long
def test_adaptive_augmentation_is_part_of_the_state(data, tmp_path, monkeypatch):
    monkeypatch.setattr("interpgan_training.trainer.adapt", lambda p, sign, images: min(p + 0.1, 0.9))
    whole = trained(data, tmp_path / "whole", SMALL["stylegan2"], augment=True)
    monkeypatch.setattr(job, "SAVE_SECONDS", 0.0)
    with pytest.raises(Stopped):
        trained(data, tmp_path / "parts", SMALL["stylegan2"], stop_after(30), augment=True)
    parts = trained(data, tmp_path / "parts", SMALL["stylegan2"], augment=True)
    assert whole.fingerprint == parts.fingerprint
    plain = trained(data, tmp_path / "plain", SMALL["stylegan2"])
    assert plain.fingerprint != whole.fingerprint


def test_a_start_without_its_discriminator_is_refused_before_anything_runs():
    start = load_generator("avatars.stylegan2")
    start.discriminator = None
    pictures = ImageSet(np.zeros((1, 3, 64, 64), np.uint8))
    with pytest.raises(InterpganError, match="with its discriminator, and this has none"):
        Train(data=pictures, architecture="stylegan2", start=start, kimg=1).check()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widths": [8, 8]}, "2 widths make 8 pixels, and the pictures have 16; give one width for each"),
        ({"generator_rate": 1e12, "discriminator_rate": 1e12}, "training diverged after .* try lower"),
    ],
)
def test_what_cannot_be_trained_is_said(data, tmp_path, change, message):
    with pytest.raises(InterpganError, match=message):
        trained(data, tmp_path, SMALL["stylegan2"] | change)


def test_biggan_needs_classes(data, tmp_path):
    with pytest.raises(InterpganError, match=r"BigGAN is trained with classes, and the data has none"):
        trained(ImageSet(data.pixels), tmp_path, SMALL["biggan"])


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            "architecture: stylegn2, kimg: 1",
            "'family' of 'architecture' of training must be 'stylegan2', 'pggan' or 'biggan', not 'stylegn2'",
        ),
        (
            "architecture: {family: pggan, width: [8]}, kimg: 1",
            "'architecture' of training has no parameter 'width'; did you mean 'widths'?",
        ),
        (
            "architecture: {famly: pggan}, kimg: 1",
            "'architecture' of training needs the parameter 'family'; add it",
        ),
        ("architecture: 3, kimg: 1", "'architecture' of training must be a mapping, not 3"),
        (
            "architecture: {family: pggan, widths: [8, x]}, kimg: 1",
            "entry 2 of 'widths' of 'architecture' of training must be a whole number, not 'x'",
        ),
        ("architecture: pggan, kimg: 0", "must be more than 0"),
        (
            "architecture: pggan, kimg: 1, batch_size: 6",
            "'batch_size' of training must be a multiple of 4, not 6",
        ),
        ("architecture: pggan", "kimg"),
    ],
)
def test_mistakes_in_a_recipe(step, message, tmp_path):
    lines = ["interpgan: 1", "steps:", "  - {use: avatars.data, id: faces, seeds: 0-9}"]
    lines.append(f"  - {{use: training, data: $faces, {step}}}")
    assert message in recipe_error("\n".join(lines), tmp_path)


@pytest.mark.long
def test_two_processes_train_as_one(data, tmp_path):
    """Two processes share every batch: the same pictures, and weights that both have."""
    pytest.importorskip("accelerate")
    made = trained(data, tmp_path, SMALL["stylegan2"], processes=2, kimg=0.032)
    assert torch.isfinite(made.images(made.sample([0, 1]))).all()
    assert made.notes["training"]["pictures"] == 32
    assert len((tmp_path / "result/log.jsonl").read_text().splitlines()) == 4


test_plugin = plugin_conformance("training")
