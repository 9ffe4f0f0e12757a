"""What a reconstructor sees and is trained on, with networks in its place that answer what they are told."""

import math
from dataclasses import FrozenInstanceError, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from interpgan_core import Generator, LatentSpace, Ranges, Remark, Report, quiet, seeded_normal
from interpgan_core.plugin import TrainingCodes
from interpgan_latentdiscovery import learning
from interpgan_latentdiscovery.learning import Pairs, Settings, _tested, drawn_shifts, learn

OF = Settings(
    count=3, reach=4.0, least=0.5, shift_weight=0.25, side=6, steps=9, rate=0.01, batch_size=200,
    held_out=Ranges("100-106"), seed=1,
)  # fmt: skip


class Lines(Generator):
    """Pictures of 5 x 6 pixels; column j is entry j of the code, which spreads by 2."""

    fingerprint = "lines"
    layers = ()

    def __init__(self):
        self.module = nn.Identity()
        self.spaces = {"z": LatentSpace("z", (6,))}

    def prior(self, seeds):
        return 2 * seeded_normal(seeds, (6,))

    def map(self, codes, source, target, labels):
        return codes

    def forward(self, batch):
        return batch.codes[:, None, None].expand(-1, 3, 5, -1)


def codes():
    generator = Lines()
    return TrainingCodes(generator, generator.spaces["z"], "all", Ranges("0-9"))


def pairs(side=6, unit=2.0):
    return Pairs(codes(), unit, side)


class Told(nn.Module):
    """Directions that are the axes, and answers that a test gives; it notes what it sees."""

    def __init__(self, size, count, side, seed):
        super().__init__()
        self.given, self.seen = (size, count, side, seed), []
        self.axes = torch.eye(size)[:count]
        self.answer = lambda which, shifts: (torch.zeros(len(which), count), torch.zeros(len(which)))

    def rotation(self):
        return self.axes

    def reconstructor(self, before, after):
        """The move is that of the one column that differs, in units of 2."""
        moves = (after - before)[:, 0, 0] / 2
        which = moves.abs().argmax(1)
        shifts = moves.gather(1, which[:, None])[:, 0]
        self.seen.append((which, shifts))
        return self.answer(which, shifts)


@pytest.mark.parametrize(
    ("shape", "side", "reduced"),
    [((5, 6), 6, (5, 6)), ((5, 6), 3, (2, 3)), ((8, 4), 4, (4, 2)), ((1, 6), 3, (1, 3)), ((2, 1), 2, (2, 1))],
)
def test_pictures_are_reduced_to_their_longer_side(shape, side, reduced):
    """Averaged, never to less than a pixel; small ones stay as they are."""
    pictures = torch.arange(3.0)[:, None, None].expand(1, 3, *shape)
    generator = SimpleNamespace(images=lambda batch, count: pictures)
    seen = Pairs(SimpleNamespace(generator=generator), 1.0, side).seen([0])
    torch.testing.assert_close(seen, torch.arange(3.0)[:, None, None].expand(1, 3, *reduced))


def test_moves_are_in_standard_deviations():
    """Half of one is 1 where the codes spread by 2; the samples themselves stay."""
    made = pairs()
    rows, shifts = torch.eye(6)[[1, 4]] * 0.5, torch.tensor([0.5, -3.0])
    before, after = made.moved(made.codes.of([7, 8]), rows, shifts)
    assert torch.equal(before[:, 0, 0], Lines().prior([7, 8]))
    expected = torch.zeros(2, 6)
    expected[0, 1], expected[1, 4] = 0.5, -3.0
    torch.testing.assert_close((after - before)[:, 0, 0], expected)


def test_gradients_flow_into_the_directions_alone():
    rows = torch.eye(6)[:1].requires_grad_()
    before, after = pairs().moved(codes().of([7]), rows, torch.ones(1))
    assert after.requires_grad and not before.requires_grad


def test_shifts_go_both_ways_and_none_is_too_short():
    shifts = drawn_shifts(np.random.RandomState(0), 1000, 6.0, 3.0)
    assert float(shifts.abs().min()) == 3.0 and 5.9 < float(shifts.abs().max()) <= 6
    assert 0.4 < float((shifts > 0).float().mean()) < 0.6
    long = shifts[shifts.abs() > 3].abs()
    assert float(long.mean()) == pytest.approx(4.5, abs=0.1)


@pytest.fixture
def trained(monkeypatch, tmp_path):
    """`trained(answer)` learns with a network that is told, for two steps; the model, the losses, and the result."""

    def run(answer=None, right=(1.0, 1.0, 1.0), of=OF):
        noted = SimpleNamespace(losses=[], model=None, minimised=None)

        def made(*given):
            noted.model = Told(*given)
            noted.model.answer = answer or noted.model.answer
            return noted.model

        def minimised(model, losses, *given):
            noted.minimised = given
            noted.losses = [losses(step) for step in (0, 1, 0)]
            return [{"step": 1, "loss": 0.0}]

        monkeypatch.setattr(learning, "Model", made)
        monkeypatch.setattr(learning, "minimise", minimised)
        monkeypatch.setattr(
            learning, "_tested", lambda *given: (list(right), [0.5 * i for i in range(len(right))])
        )
        monkeypatch.setattr(
            learning,
            "report_of_training",
            lambda folder, curves, tables, notes: Report(tables=tables, notes=notes),
        )
        noted.found = learn(codes(), of, tmp_path, tmp_path / "scratch", quiet)
        return noted

    return run


def test_the_model_is_as_large_as_codes_and_pictures_need(trained, tmp_path):
    noted = trained()
    assert noted.model.given == (6, 3, 5, 1)  # the shorter side of the pictures
    assert noted.minimised == (9, 0.01, tmp_path / "scratch/state.pt", "learning 3 directions", quiet)


def test_every_direction_is_drawn_both_ways_by_the_step_alone(trained):
    noted = trained()
    which, shifts = noted.model.seen[-1]
    assert which.unique().tolist() == [0, 1, 2]
    # The codes of ten samples spread by about 2.
    assert 0.3 < float(shifts.abs().min()) < 0.7 and 3 < float(shifts.abs().max()) < 5
    assert bool((shifts > 0).any()) and bool((shifts < 0).any())
    assert len(which) == 200
    one, other, again = noted.model.seen[-3:]
    assert (
        torch.equal(one[0], again[0]) and torch.equal(one[1], again[1]) and not torch.equal(one[0], other[0])
    )


def test_the_loss_of_a_guess(trained):
    """Of equal logits the first is taken; a shift of 0 is wrong by as much as it is."""
    noted = trained()
    scale = codes().spread() / 2
    for loss, (which, shifts) in zip(noted.losses, noted.model.seen[-3:], strict=True):
        error = float(shifts.abs().mean()) / scale
        assert float(loss["cross-entropy"]) == pytest.approx(math.log(3))
        assert float(loss["loss"]) == pytest.approx(math.log(3) + 0.25 * error, rel=1e-4)
        assert float(loss["accuracy"]) == pytest.approx(float((which == 0).double().mean()))


def test_the_loss_of_a_right_answer(trained):
    """A shift that is wrong by 1 costs its weight."""
    scale = codes().spread() / 2
    noted = trained(lambda which, shifts: (100.0 * torch.eye(3)[which], shifts / scale + 1))
    for loss in noted.losses:
        assert float(loss["accuracy"]) == 1
        assert float(loss["loss"]) == pytest.approx(0.25, rel=1e-4)


def test_directions_come_in_the_order_of_their_accuracy(trained):
    found = trained(right=(0.75, 1.0, 0.75)).found
    assert [int(d.vector.argmax()) for d in found.values()] == [1, 0, 2]
    assert [d.notes for d in found.values()] == [
        {"accuracy": 1.0, "shift_error": 0.5}, {"accuracy": 0.75, "shift_error": 0.0},
        {"accuracy": 0.75, "shift_error": 1.0},
    ]  # fmt: skip
    report = found.summary()
    assert [row[:2] for row in report.tables[0].rows] == [("0", 1.0), ("1", 0.75), ("2", 0.75)]
    assert report.notes[0] == "Accuracy of all: 83.3%; guessing: 33.3%."


def test_less_than_twice_as_good_as_guessing_is_nothing(trained, recwarn):
    of = replace(OF, count=4)
    trained(right=(0.5, 0.5, 0.5, 0.5), of=of)
    assert not [w for w in recwarn if w.category is Remark]
    message = "names 49.5% of held-out moves, and guessing would name 25.0%: nothing was learnt"
    with pytest.warns(Remark, match=message):
        trained(right=(0.5, 0.5, 0.49, 0.49), of=of)


def test_held_out_moves_go_through_all_directions():
    """Seven samples in three batches; the answers are right for the first direction, wrong for the second."""
    model = Told(6, 3, 5, 0)
    answers = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    model.answer = lambda which, shifts: (answers[which], shifts + which)
    right, error = _tested(model, model.rotation(), pairs(), replace(OF, batch_size=3), quiet)
    assert right == [1, 0, 1]
    assert error == pytest.approx([0, 1, 2], abs=1e-5)
    which, shifts = (torch.cat(parts) for parts in zip(*model.seen, strict=True))
    assert which.tolist() == [0, 1, 2, 0, 1, 2, 0]
    assert float(shifts.abs().min()) > 0.49 and float(shifts.abs().max()) < 4.01


@pytest.mark.parametrize(("made", "field"), [(OF, "count"), (pairs(), "unit")])
def test_they_are_not_changed(made, field):
    with pytest.raises(FrozenInstanceError):
        setattr(made, field, 1)
