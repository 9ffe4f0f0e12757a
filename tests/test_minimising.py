"""A training in steps: rates, lines of its curve, and its state, against sums done by hand."""

import math
import pickle
import time
from pathlib import Path

import pytest
import torch

from interpgan_core import InterpganError, quiet
from interpgan_core.operators.minimising import minimise


class Numbers(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = (torch.nn.Parameter(torch.zeros(2, dtype=torch.float64)) for _ in "ab")


@pytest.fixture
def learned(tmp_path):
    """`learned(module, losses, steps)` is the curve."""

    def of(module, losses, steps, rate=0.5, progress=quiet):
        return minimise(module, losses, steps, rate, tmp_path / "state.pt", "learning", progress)

    of.file = tmp_path / "state.pt"
    return of


def test_the_rate_falls_as_half_a_cosine(learned):
    """Along a slope of 1 Adam goes by its rate, step after step."""
    module, places = Numbers(), []

    def losses(step):
        places.append(module.a[0].item())
        return {"loss": module.a.sum()}

    learned(module, losses, 4, rate=0.5)
    rates = [0.5, 0.25 * (1 + 0.5**0.5), 0.25, 0.25 * (1 - 0.5**0.5)]
    assert places == pytest.approx([-sum(rates[:step]) for step in range(4)], abs=1e-6)
    assert module.a[1].item() == pytest.approx(-sum(rates), abs=1e-6)


def test_what_a_step_does_not_use_stays(learned):
    module = Numbers()
    learned(module, lambda step: {"loss": (module.b if step else module.a).sum()}, 3, rate=0.5)
    assert module.a.tolist() == pytest.approx([-0.5, -0.5], abs=1e-6)


def curve_of(steps, learned):
    module = Numbers()
    return learned(
        module,
        lambda step: {"loss": 0 * module.a.sum() + step, "twice": torch.tensor(2.0 * step)},
        steps,
    )


def test_a_curve_has_40_lines_of_means(learned):
    curve = curve_of(100, learned)
    assert [line["step"] for line in curve] == [math.ceil(2.5 * k) for k in range(1, 41)]
    assert [line["loss"] for line in curve[:3]] == [1, 3.5, 6]  # of steps 0 to 2, 3 and 4, 5 to 7
    assert all(line["twice"] == 2 * line["loss"] for line in curve)


def test_a_short_training_has_a_line_a_step(learned):
    assert curve_of(3, learned) == [{"step": step + 1, "loss": step, "twice": 2 * step} for step in range(3)]


class Clock:
    """A clock that losses move on."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.mark.parametrize(("seconds", "saved"), [(20.0, False), (20.5, True)])
def test_the_state_is_saved_after_20_seconds(learned, monkeypatch, seconds, saved):
    clock, module = Clock(monkeypatch), Numbers()

    def losses(step):
        clock.now += seconds
        return {"loss": module.a.sum()}

    learned(module, losses, 1)
    assert learned.file.exists() == saved


def test_what_was_stopped_goes_on_to_the_same_bits(learned, monkeypatch):
    """Saved after steps 9, 18, ...; stopped in step 24, within a line of its curve."""
    clock, wholes = Clock(monkeypatch), Numbers()

    def losses_of(module, stop=None):
        def losses(step):
            if step == stop:
                raise KeyboardInterrupt
            clock.now += 2.25
            return {"loss": (module.a - step).square().sum() + module.b.exp().sum()}

        return losses

    whole = learned(wholes, losses_of(wholes), 110)
    learned.file.unlink()
    module = Numbers()
    with pytest.raises(KeyboardInterrupt):
        learned(module, losses_of(module, stop=24), 110)
    assert torch.load(learned.file, weights_only=True)["done"] == 18
    again, totals = Numbers(), []

    def progress(items, total, what):
        totals.append(total)
        for item in items:
            yield item
            totals.append(what())

    assert learned(again, losses_of(again), 110, progress=progress) == whole
    assert torch.equal(again.a, wholes.a) and torch.equal(again.b, wholes.b)
    assert totals[0] == 92 and totals[1].startswith("learning, loss ")


def test_a_state_is_read_as_numbers_alone(learned):
    torch.save({"module": Path("x")}, learned.file)
    with pytest.raises(pickle.UnpicklingError):
        learned(Numbers(), None, 2)


def test_a_loss_that_is_not_finite_is_said(learned):
    module = Numbers()
    with pytest.raises(
        InterpganError, match="learning: the loss of step 1 is not finite; give a smaller 'rate'"
    ):
        learned(module, lambda step: {"loss": module.a.sum() / (1 - step)}, 3)
