"""The search step by step: rates, noise, the best so far, drafts, and its state, on pictures that are the codes."""

import copy
from dataclasses import FrozenInstanceError

import pytest
import torch

from interpgan_core import Generator, LatentBatch, LatentSpace, seeded_normal
from interpgan_inversion.goal import Goal
from interpgan_inversion.loss import Likeness
from interpgan_inversion.scale import Scale
from interpgan_inversion.search import Schedule, Search

SPACE = LatentSpace("z", (12,))
SCALE = Scale(SPACE, torch.full((12,), 0.5), torch.full((12,), 2.0))
TARGETS = seeded_normal([8, 9], (3, 2, 2))


class Pixels(Generator):
    """Pictures of 2 x 2 pixels that are the codes, brighter by twice the weight of the second of two classes."""

    fingerprint = "pixels"
    layers = ()

    def __init__(self, classes=0):
        self.module = torch.nn.Identity()
        self.spaces, self.classes, self.seen = {"z": SPACE}, classes, []

    def prior(self, seeds):
        return seeded_normal(seeds, (12,))

    def map(self, codes, source, target, labels):
        return codes

    def forward(self, batch):
        self.seen.append(batch.codes.detach().clone())
        pictures = batch.codes.view(-1, 3, 2, 2)
        return pictures if batch.labels is None else pictures + 2 * batch.labels[:, 1, None, None, None]


class Drafted(Goal):
    """A goal like others, that notes when it is used and fitted."""

    def honest(self, generator, batch):
        fits.append(batch)
        return self

    def images(self, generator, batch):
        used.append(type(self).__name__)
        return super().images(generator, batch)

    def fitted(self):
        return [torch.tensor(len(fits))]

    def refit(self, fitted):
        fits.append(fitted)
        return self


class Whole(Drafted):
    pass


fits, used = [], []


def goal(kind=Goal):
    fits.clear()
    used.clear()
    return kind(Likeness().features_of(TARGETS))


def search(schedule, term=None, draft=None, classes=0, whole=None):
    labels = torch.tensor([[1.0, 0.0], [0.25, 0.75]]) if classes else None
    start = LatentBatch(seeded_normal([1, 2], (12,)), SPACE, labels)
    return Search(Pixels(classes), SCALE, start, Likeness(), whole or goal(), schedule, term, draft)


def scripted(*losses):
    """A term that takes the place of the loss: for each step the losses of the two pictures."""
    left = iter(losses)

    def term(apart, pictures):
        own = (pictures - TARGETS).square().mean((1, 2, 3))
        return own - own.detach() + torch.tensor(next(left)) - own.detach()

    return term


def test_the_rate_rises_and_falls_as_in_the_paper():
    """Karras et al., CVPR 2020, appendix D: over the first 5 % along a line, over the last 25 % as a cosine."""
    schedule = Schedule(100, rate=0.2)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert rates[:5] == pytest.approx([0.02, 0.06, 0.1, 0.14, 0.18])
    assert rates[5:75] == [0.2] * 70
    assert Schedule(8, rate=1.0).rate_at(6) == pytest.approx(0.853553, abs=1e-6)
    assert Schedule(4, rate=1.0).rate_at(3) == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.2 * 0.00098664, rel=1e-3)


def test_the_noise_falls_to_nothing_at_three_quarters():
    """Of the same appendix: with the square of what is left of the first 75 %."""
    schedule = Schedule(100, noise=0.5)
    found = [schedule.noise_at(step) for step in (0, 30, 60, 75, 90)]
    assert found == pytest.approx([0.5, 0.18, 0.02, 0, 0])


def test_what_a_schedule_is_without_words():
    assert Schedule(7) == Schedule(7, rate=0.1, noise=0.0, pull=0.0, seed=0, draft_steps=0)
    with pytest.raises(FrozenInstanceError):
        Schedule(7).steps = 8


def test_a_first_step_goes_by_the_rate_in_deviations():
    """Adam's first step is the rate against the gradient, in standard deviations of the codes."""
    one = search(Schedule(100, rate=1.0))
    before = one.apart.detach().clone()
    mean = one.advance()
    codes = SCALE.codes(before)
    assert mean == pytest.approx(float((codes.view(2, 3, 2, 2) - TARGETS).square().mean()), rel=1e-5)
    uphill = (codes - TARGETS.flatten(1)).sign()
    torch.testing.assert_close(
        one.apart.detach(), before - one.schedule.rate_at(0) * uphill, atol=1e-5, rtol=0
    )
    assert one.step == 1


def test_the_curve_has_twenty_even_points():
    one = search(Schedule(40))
    means = [one.advance() for _ in range(40)]
    assert [step for step, _ in one.curve] == list(range(0, 40, 2))
    assert [float(losses.mean()) for _, losses in one.curve] == pytest.approx(means[::2])


def test_the_best_code_is_kept_and_the_first_of_equals():
    """Of the first picture that of the second step, of the other that of the first."""
    one = search(Schedule(10), scripted([3.0, 1.0], [1.0, 2.0], [2.0, 1.0], [1.0, 3.0]))
    for _ in range(4):
        one.advance()
    assert one.losses.tolist() == pytest.approx([1, 1], abs=1e-5)
    codes = one.generator.seen
    assert torch.equal(one.best().codes, torch.stack([codes[1][0], codes[0][1]]))


def test_a_start_is_the_best_until_a_step_was_taken():
    one = search(Schedule(10), classes=2)
    assert one.losses.tolist() == [float("inf")] * 2 and one.step == 0 and one.curve == []
    assert torch.equal(one.best().codes, seeded_normal([1, 2], (12,)))
    assert one.best().labels.tolist() == [[1, 0], [0.25, 0.75]]


def test_classes_are_searched_for_and_the_best_weights_kept():
    """The weights are a softmax of what moves, by a start of nine tenths."""
    one = search(Schedule(10, rate=1.0), scripted([3.0, 1.0], [1.0, 2.0]), classes=2)
    first = one._batch().labels
    torch.testing.assert_close(first, torch.tensor([[0.95, 0.05], [0.275, 0.725]]))
    one.advance()
    second = one._batch().labels
    assert not torch.allclose(first, second, atol=1e-3) and second.sum(1).tolist() == pytest.approx([1, 1])
    one.advance()
    torch.testing.assert_close(one.best().labels, torch.stack([second[0], first[1]]))
    assert search(Schedule(10)).best().labels is None


def test_noise_is_of_the_step_and_the_same_for_all_pictures():
    one = search(Schedule(100, noise=0.5, seed=4))
    for step in range(2):
        still = one.apart.detach().clone()
        one.advance()
        shaken = still + one.schedule.noise_at(step) * seeded_normal([4], (12,), stream=step + 1)
        torch.testing.assert_close(one.generator.seen[-1], SCALE.codes(shaken))
        torch.testing.assert_close(one._batch().codes, SCALE.codes(one.apart.detach()))


def test_a_pull_costs_the_mean_square_of_deviations():
    plain, pulled = search(Schedule(10)), search(Schedule(10, pull=0.25))
    apart = plain.apart.detach()
    losses = [one._backward(one.goal, slice(0, 2)) for one in (plain, pulled)]
    torch.testing.assert_close(losses[1] - losses[0], 0.25 * apart.square().mean(1))


def test_a_term_is_added_to_each_picture():
    plain, more = search(Schedule(10)), search(Schedule(10), lambda apart, pictures: torch.tensor([1.0, 2.0]))
    losses = [one._backward(one.goal, slice(0, 2)) for one in (plain, more)]
    torch.testing.assert_close(losses[1] - losses[0], torch.tensor([1.0, 2.0]))


def test_large_pictures_are_taken_one_by_one(monkeypatch):
    plain = search(Schedule(10))
    assert plain._parts(plain.goal) == [slice(0, 2)]
    monkeypatch.setattr(Goal, "large", True)
    one = search(Schedule(10))
    assert one._parts(one.goal) == [slice(0, 1), slice(1, 2)]
    assert one.advance() == pytest.approx(plain.advance(), rel=1e-6)
    torch.testing.assert_close(one.apart, plain.apart)


def test_drafts_are_seen_first_and_fitted_every_ten_steps():
    """Of twenty steps twelve; losses before a fit, and of drafts, measure something else and are forgotten."""
    rising = scripted(*([float(step), 100.0 + step] for step in range(20)))
    one = search(Schedule(20, draft_steps=12), rising, goal(Drafted), whole=goal(Whole))
    kept, fitted = [], []
    for _ in range(20):
        one.advance()
        kept.append(round(float(one.losses[0]), 3))
        fitted.append(len(fits))
    assert used == ["Drafted"] * 12 + ["Whole"] * 8
    assert fitted == [1] * 10 + [2] * 10
    assert kept == [0] * 10 + [10] * 2 + [12] * 8
    assert torch.equal(fits[0].codes, SCALE.codes(SCALE.apart(seeded_normal([1, 2], (12,)))))


def test_without_drafts_nothing_is_forgotten():
    one = search(Schedule(20, draft_steps=12), scripted(*([float(step), 5.0] for step in range(20))))
    for _ in range(20):
        one.advance()
    assert float(one.losses[0]) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("classes", [0, 2])
@pytest.mark.parametrize("drafts", [False, True])
def test_a_search_that_is_restored_goes_on_to_the_same_bits(classes, drafts):
    schedule = Schedule(10, noise=0.1, draft_steps=8)

    def made():
        return search(schedule, draft=goal(Drafted) if drafts else None, classes=classes)

    whole = made()
    for _ in range(4):
        whole.advance()
    state = copy.deepcopy(whole.state())
    again = made()
    again.restore(state)
    if drafts:
        assert fits == [[torch.tensor(1)]]
    else:
        assert state["draft"] == []
    assert torch.equal(again.best().codes, whole.best().codes) and again.step == 4
    for _ in range(6):
        assert again.advance() == whole.advance()
    assert torch.equal(again.apart, whole.apart) and len(again.curve) == len(whole.curve) == 10
    assert torch.equal(again.best().codes, whole.best().codes)
    if classes:
        assert torch.equal(again.best().labels, whole.best().labels) and torch.equal(
            again.logits, whole.logits
        )
