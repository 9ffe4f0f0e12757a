"""The contrast against loops, and its training on a layer of three numbers."""

import math
import pickle
from dataclasses import FrozenInstanceError, replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from interpgan_core import Generator, InterpganError, LatentSpace, quiet, seeded_normal
from interpgan_core.testing import Stopped, stop_after
from interpgan_latentclr import contrast as module
from interpgan_latentclr.contrast import (
    Settings,
    _check_apart,
    _means,
    _seeds,
    contrast,
    effects_of,
    similarities,
    trained,
)
from interpgan_latentclr.steps import started

EFFECTS = seeded_normal(range(6), (5,)).view(2, 3, 5)
OF = Settings("global", 3, "layer", 0.5, 0.5, steps=24, batch_size=4, rate=0.05, seed=0)


class Squares(Generator):
    """A layer of 3 x 1 x 1 numbers: each number of a code, and its square, which makes effects differ."""

    fingerprint = "squares"
    layers = ("layer",)

    def __init__(self):
        self.module = torch.nn.Identity()
        self.spaces = {"z": LatentSpace("z", (3,))}

    def prior(self, seeds):
        return seeded_normal(seeds, (3,)) + 2

    def map(self, codes, source, target, labels):
        return codes

    def features(self, batch, layers):
        codes = batch.codes[:, :, None, None]
        return {"layer": torch.cat([codes, 0.3 * codes.square()], 3)}

    def forward(self, batch):
        raise AssertionError("no picture is needed")


def cosine(effects, one, other):
    return float(torch.cosine_similarity(effects[one], effects[other], 0).abs())


def alike(effects):
    """Mean absolute cosines of a way's effects on two samples, (k,), and of those of two ways, (k,)."""
    ways, samples = range(effects.shape[0]), range(effects.shape[1])
    own = [[cosine(effects, (k, i), (k, j)) for i, j in product(samples, samples) if i != j] for k in ways]
    others = [
        [cosine(effects, (k, i), (m, j)) for m in ways if m != k for i, j in product(samples, samples)]
        for k in ways
    ]
    return ([sum(row) / len(row) for row in rows] for rows in (own, others))


def test_the_contrast_is_that_of_the_paper():
    """Yüksel et al., ICCV 2021, equation 2, written with loops; of absolute cosines, for any temperature."""
    for temperature in (0.5, 2.0):
        expected = 0.0
        for k, i in product(range(2), range(3)):
            own = [math.exp(cosine(EFFECTS, (k, i), (k, j)) / temperature) for j in range(3) if j != i]
            others = [math.exp(cosine(EFFECTS, (k, i), (1 - k, j)) / temperature) for j in range(3)]
            expected -= math.log((sum(own) / 2) / (sum(others) / 3)) / 6
        assert float(contrast(EFFECTS, temperature)) == pytest.approx(expected, rel=1e-5)


def test_of_three_ways_the_others_are_a_mean():
    """Effects of length 1 at right angles: each way's own are alike, e² to 1, however many there are."""
    effects = torch.eye(3)[:, None].expand(-1, 2, -1)
    assert float(contrast(effects, 0.5)) == pytest.approx(-2.0)


def test_similarities_have_no_sign_and_no_length():
    found = similarities(torch.tensor([[[3.0, 0.0], [-1.0, 0.0]], [[0.0, 2.0], [1.0, 1.0]]]))
    half = 0.5**0.5
    expected = torch.tensor([[1, 1, 0, half], [1, 1, 0, half], [0, 0, 1, half], [half, half, half, 1]])
    torch.testing.assert_close(found, expected)


def test_effects_are_what_a_move_changes_in_the_layer():
    generator, steps = Squares(), started("linear", 3, seeded_normal(range(50), (3,)), seed=1)
    effects, ways = effects_of(generator, steps, "z", [5, 6, 7], OF)
    codes = generator.prior([5, 6, 7])
    torch.testing.assert_close(ways, steps(codes))
    for k, i in product(range(3), range(3)):
        before, after = codes[i], codes[i] + 0.5 * ways[k, i]
        expected = torch.stack([after - before, 0.3 * (after.square() - before.square())], 1).flatten()
        torch.testing.assert_close(effects[k, i], expected)
    assert effects.requires_grad and effects.shape == (3, 3, 6)


@pytest.mark.parametrize("shape", [(2, 3, 5), (3, 2, 5)])
def test_means_of_the_curve_are_those_of_the_pairs(shape):
    own, others = alike(EFFECTS.view(shape))
    assert _means(EFFECTS.view(shape)) == pytest.approx(
        (sum(own) / shape[0], sum(others) / shape[0]), rel=1e-5
    )


def test_the_samples_of_a_step_are_the_same_in_every_version():
    of = replace(OF, seed=3, batch_size=3)
    assert _seeds(of, 2) == [308882408, 402256791, 1630128690]
    assert len({seed for step in range(50) for seed in _seeds(of, step)}) == 150


def at_angle(cosine):
    """Two ways (2, 3, 2) that have this cosine, with either sign, from each of three samples."""
    one = torch.tensor([1.0, 0.0]).expand(3, -1)
    other = torch.tensor([cosine, (1 - cosine**2) ** 0.5]).expand(3, -1)
    return torch.stack([one, other * torch.tensor([1.0, -1.0, 1.0])[:, None]])


def test_ways_that_become_one_are_said():
    with pytest.raises(
        InterpganError,
        match=r"two of the 2 ways have become one \(ways 0 and 1\).* smaller 'count', another 'layer'",
    ):
        _check_apart(at_angle(0.995))
    _check_apart(at_angle(0.985))


def test_ways_that_meet_at_some_samples_are_two():
    ways = at_angle(1.0)
    ways[1, 0] = torch.tensor([0.0, 1.0])
    _check_apart(ways)


class Watched:
    """A progress that notes its total, its steps, and what was kept after each step."""

    def __init__(self, file):
        self.file, self.steps, self.kept, self.total, self.at = file, [], [], None, None

    def __call__(self, items, total=None, what=""):
        self.total, self.what = total, what
        for item in items:
            self.steps.append(item)
            self.at = item
            yield item
            self.kept.append(self.file.exists() and torch.load(self.file, weights_only=True)["done"])
        self.at = "end"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A training whose state is kept after each step."""
    folder = tmp_path_factory.mktemp("run")
    watched, checked = Watched(folder / "ways.pt"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SAVE_SECONDS", -1.0)
        patch.setattr(module, "_check_apart", lambda ways: checked.append(watched.at))
        found = trained(Squares(), "z", OF, folder, watched)
    state = torch.load(folder / "ways.pt", weights_only=True)
    return SimpleNamespace(found=found, watched=watched, checked=checked, state=state, folder=folder)


def test_every_step_is_taken_and_kept(run):
    assert run.watched.steps == list(range(24)) and run.watched.total == 24
    assert run.watched.kept == list(range(1, 25))
    assert run.watched.what().startswith("learning 3 ways, loss -")


def test_the_curve_has_twelve_even_rows_and_the_last(run):
    curve = run.found.curve
    assert [row[0] for row in curve] == [*range(0, 24, 2), 23]
    steps = started("global", 3, Squares().prior(range(1024)), seed=0)
    effects, _ = effects_of(Squares(), steps, "z", _seeds(OF, 0), OF)
    assert curve[0][1:] == pytest.approx([float(contrast(effects.detach(), 0.5)), *_means(effects)], rel=1e-5)
    assert curve[-1][1] < curve[0][1] - 0.1


def test_ways_are_told_apart_from_half_the_training_on(run):
    assert run.checked == [*range(12, 24, 2), 23, "end"]


def test_the_rate_falls_over_the_steps(run):
    """One cycle, of as many steps as there are, and a weak decay of the weights."""
    (group,) = run.state["adam"]["param_groups"]
    assert (group["weight_decay"], group["max_lr"]) == (1e-3, 0.05)
    assert run.state["schedule"]["total_steps"] == 25
    assert group["lr"] == pytest.approx(group["min_lr"])


def test_figures_are_of_samples_of_their_own(run):
    """Those of the step after the last; the most even way first."""
    steps = run.found.steps
    effects, _ = effects_of(Squares(), steps, "z", _seeds(OF, 24), OF)
    own, others = alike(effects)
    assert run.found.agreement.tolist() == pytest.approx(own, rel=1e-4)
    assert run.found.overlap.tolist() == pytest.approx(others, rel=1e-4)
    assert own == sorted(own, reverse=True)
    codes = Squares().prior(range(1024))
    along = (codes - codes.mean(0)) @ torch.nn.functional.normalize(steps.biases[0], dim=1).T
    assert run.found.sigma.tolist() == pytest.approx(along.std(0, correction=0).tolist(), rel=1e-4)


def test_ways_are_in_the_order_of_their_figures(tmp_path):
    """Whichever comes first in training: of these seeds some begin the other way round."""
    turned = 0
    for seed in range(4):
        of = replace(OF, steps=1, seed=seed, rate=1e-9)
        found = trained(Squares(), "z", of, tmp_path / str(seed), quiet)
        first = started("global", 3, Squares().prior(range(1024)), seed).biases[0]
        turned += not torch.allclose(found.steps.biases[0], first, atol=1e-5)
        assert found.agreement.tolist() == sorted(found.agreement.tolist(), reverse=True)
    assert 0 < turned < 4


def test_what_was_found_is_no_longer_trained(run):
    assert not any(p.requires_grad for p in run.found.steps.parameters()) and not run.found.steps.training


def test_a_stopped_training_goes_on_to_the_same_bits(run, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SAVE_SECONDS", -1.0)
    monkeypatch.setattr(module, "_check_apart", lambda ways: None)
    with pytest.raises(Stopped):
        trained(Squares(), "z", OF, tmp_path, stop_after(5))
    watched = Watched(tmp_path / "ways.pt")
    again = trained(Squares(), "z", OF, tmp_path, watched)
    assert watched.steps == list(range(5, 24)) and watched.total == 19
    assert again.curve == run.found.curve
    assert torch.equal(again.steps.biases[0], run.found.steps.biases[0])


@pytest.mark.parametrize(("seconds", "kept"), [(19.5, [False, 2, 2, 4]), (20.5, [1, 2, 3, 4])])
def test_the_state_is_kept_every_20_seconds(tmp_path, monkeypatch, seconds, kept):
    watched = Watched(tmp_path / "ways.pt")
    clock = SimpleNamespace(monotonic=lambda: seconds * len(watched.steps))
    monkeypatch.setattr(module, "time", clock)
    trained(Squares(), "z", replace(OF, steps=4), tmp_path, watched)
    assert watched.kept == kept


def test_a_state_that_is_more_than_numbers_is_not_read(tmp_path):
    torch.save(Path("x"), tmp_path / "ways.pt")
    with pytest.raises(pickle.UnpicklingError):
        trained(Squares(), "z", OF, tmp_path, quiet)


@pytest.mark.parametrize("loss", [float("nan"), -float("inf"), float("inf")])
def test_a_loss_that_is_not_finite_is_said(tmp_path, monkeypatch, loss):
    monkeypatch.setattr(module, "contrast", lambda effects, temperature: effects.sum() * 0 + loss)
    with pytest.raises(
        InterpganError, match="the loss of step 0 is not finite; give a smaller 'rate', or a larger"
    ):
        trained(Squares(), "z", OF, tmp_path, quiet)


def test_they_are_not_changed(run):
    for made in (OF, run.found):
        with pytest.raises(FrozenInstanceError):
            made.steps = None
