"""Calibrated directions, on a generator whose axes are known, and on the toy."""

import math

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from interpgan_core import Generator, InterpganError, LatentSpace, Ranges, Shift, quiet, seeded_normal
from interpgan_core.plugin import TrainingCodes
from interpgan_core.testing import (
    Stopped,
    conformance,
    plugin_conformance,
    recipe_error,
    run_operator,
    stop_after,
    toy,
)
from interpgan_ganalyze.learning import Learning, Settings, Slope
from interpgan_ganalyze.operators import LearnDirections


class Painter(Generator):
    """Grey pictures: entry 1 of the code is the brightness above, entry 4 below; the others draw nothing."""

    fingerprint = "painter"

    def __init__(self):
        self.module = nn.Identity().eval()
        self.spaces = {"z": LatentSpace("z", (6,))}

    def prior(self, seeds):
        return seeded_normal(seeds, (6,))

    def map(self, codes, source, target, labels):
        return codes

    def forward(self, batch):
        rows = torch.stack([batch.codes[:, 1], batch.codes[:, 4]], 1)[:, None, :, None]
        return rows.expand(-1, 3, -1, 4).repeat_interleave(2, 2)


class Judge:
    """Scores of two halves of a picture, each of its own scale, and a third that nothing changes."""

    names = ("above", "below", "nothing")

    def __call__(self, images):
        half = images.shape[2] // 2
        above, below = images[:, :, :half].mean((1, 2, 3)), images[:, :, half:].mean((1, 2, 3))
        return torch.stack([5 * above, 0.1 * below + 0.02 * torch.tanh(below), 0 * below], 1)


class Probability(Judge):
    names = ("above",)

    def __call__(self, images):
        return super().__call__(images)[:, :1].sigmoid()


QUICK = {"steps": 3, "batch_size": 4, "seeds": "0-99", "held_out": "200-207"}
FOUND = {"steps": 80, "batch_size": 16, "rate": 0.1, "seeds": "0-999", "held_out": "5000-5031"}

test_plugin = plugin_conformance("ganalyze")
test_conformance = pytest.mark.long(
    conformance(LearnDirections(scorer=Judge(), attributes=("above",), **QUICK, rate=0.3), toy)
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    operator = LearnDirections(scorer=Judge(), attributes=("above", "below"), **FOUND)
    return run_operator(operator, tmp_path_factory.mktemp("found"), generator=Painter())


@pytest.mark.parametrize(("name", "axis"), [("above", 1), ("below", 4)])
def test_planted_axes_are_found(found, name, axis):
    assert float(found[name].vector[axis]) > 0.99


@pytest.mark.parametrize("name", ["above", "below"])
@pytest.mark.parametrize("asked", [-1.0, 1.0])
def test_a_score_changes_by_what_is_asked_for(found, name, asked):
    """On samples that it had not seen; of the second score's scale, 1 is a hundred standard deviations."""
    generator, judge = Painter(), Judge()
    asked = asked if name == "above" else 0.1 * asked
    before = generator.sample(range(7000, 7064))
    after = Shift(direction=found[name], strength=asked, unit="score").run(before, generator)
    scores = [judge(generator.images(batch, 64))[:, judge.names.index(name)] for batch in (before, after)]
    assert float((scores[1] - scores[0]).mean() / asked) == pytest.approx(1, abs=0.1)


def test_the_report_says_what_was_asked_and_what_came(found):
    report = found.summary()
    assert [strip.pictures[0].file for strip in report.strips] == ["curves.png"]
    rows = [row for row in report.tables[0].rows if row[0] == "above"]
    assert len(rows) == 8  # three changes up and down, and by 1
    assert all(row[2] == pytest.approx(row[1], rel=0.1) for row in rows)


def test_only_the_chosen_layers_move(tmp_path):
    operator = LearnDirections(scorer=Judge(), attributes=("above",), layers="2-3", **QUICK, rate=0.3)
    generator = toy()
    found = run_operator(operator, tmp_path, generator=generator)["above"]
    assert (found.space, found.layers) == ("w", "2-3")
    moved = Shift(direction=found, strength=1.0).run(generator.sample([3]), generator)
    before = generator.to_space(generator.sample([3]), "w+")
    assert moved.codes[0, [0, 1, 4, 5]].equal(before.codes[0, [0, 1, 4, 5]])
    assert not moved.codes[0, 2:4].equal(before.codes[0, 2:4])


def test_a_sample_alone_is_the_sample_in_a_batch():
    """The published code brings codes back to the length of the whole batch."""
    generator = toy()
    codes = TrainingCodes(generator, generator.spaces["z"], "all", Ranges("0-9"))
    learning = Learning(codes, Judge(), "above", Settings(None, 1, 0.1, 4, Ranges("20-23"), 0))
    slope = Slope(16, 1.0)
    slope.theta.data = seeded_normal([1], (16,))[0]
    asked = torch.tensor([0.5, -1.0, 2.0])
    together = learning.errors(slope, [3, 1, 4], asked)
    for i, seed in enumerate([3, 1, 4]):
        alone = learning.errors(slope, [seed], asked[i : i + 1])
        assert torch.allclose(alone, together[i : i + 1], rtol=1e-4)


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr("interpgan_core.operators.minimising._SAVE_SECONDS", 0.0)
    operator = LearnDirections(scorer=Judge(), attributes=("above",), **QUICK, rate=0.3)
    whole = run_operator(operator, tmp_path / "whole", generator=Painter())
    with pytest.raises(Stopped):
        run_operator(operator, tmp_path / "parts", stop_after(2, "learning"), generator=Painter())
    parts = run_operator(operator, tmp_path / "parts", generator=Painter())
    assert torch.equal(whole["above"].vector, parts["above"].vector)
    assert whole.summary() == parts.summary()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"held_out": "5-9", "seeds": "0-9"}, "learnt from"),
        ({"held_out": "200"}, "too few samples"),
        ({"attributes": ("above", "above")}, "names one twice"),
        ({"rate": 0.0}, "greater than 0"),
        ({"reach": -1.0}, "greater than 0"),
    ],
)
def test_what_is_refused_at_once(parameters, said):
    with pytest.raises(ValidationError, match=said):
        LearnDirections(scorer=Judge(), **parameters)


class Deaf(Judge):
    def __call__(self, images):
        return super().__call__(images.detach())


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"scorer": Deaf()}, "no gradient to the picture"),
        ({"attributes": ("abvoe",)}, "did you mean 'above'"),
        ({"space": "q"}, "no space 'q'"),
        ({"layers": "0-9"}, "layers 0 to 5"),
        ({"classes": (1,)}, "no classes"),
    ],
)
def test_what_the_check_refuses(parameters, said):
    with pytest.raises(InterpganError, match=said):
        LearnDirections(**{"scorer": Judge(), **parameters}).check(toy())


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"scorer": Probability(), "attributes": ("above",), "reach": 4.0}, "such as logits"),
        ({"attributes": ("nothing",)}, "is the same, or missing, in 8 samples"),
        ({"attributes": ("nothing",), "reach": 1.0}, "does not change with the codes"),
        ({"attributes": ("above",), "rate": 1e30, "steps": 4}, "give a smaller 'rate'"),
    ],
)
def test_what_stops_a_training(parameters, said, tmp_path):
    operator = LearnDirections(**{"scorer": Judge(), **QUICK, "steps": 20, "rate": 0.3, **parameters})
    with pytest.raises(InterpganError, match=said):
        run_operator(operator, tmp_path, generator=Painter())


def test_missing_scores_are_left_out(tmp_path):
    class Choosy(Judge):
        def __call__(self, images):
            scores = super().__call__(images)
            return scores.where(images.mean((1, 2, 3))[:, None] > -0.3, math.nan)

    operator = LearnDirections(scorer=Choosy(), attributes=("above",), **FOUND | {"steps": 40})
    found = run_operator(operator, tmp_path, quiet, generator=Painter())
    assert float(found["above"].vector[1]) > 0.95


def test_an_attribute_that_there_is_not_in_a_recipe(tmp_path):
    text = "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: ganalyze.learn}\n"
    assert "scorer" in recipe_error(text, tmp_path)
