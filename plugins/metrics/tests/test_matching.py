"""The search of the strength, on changes that are known."""

from dataclasses import FrozenInstanceError
from types import SimpleNamespace

import pytest

from interpgan_metrics.matching import Matched, match


def changing(rule, tries):
    def at(strength):
        tries.append(strength)
        return SimpleNamespace(reached=rule(strength), target=3)

    return at


@pytest.mark.parametrize(
    "rule",
    [
        lambda s: 0.2 * s,
        lambda s: 7 * s,
        lambda s: s**3,
        lambda s: min(s, 1.02) ** 0.5,
        lambda s: 0.0 if s < 2 else 2 * (s - 2),
    ],
)
def test_it_changes_by_one(rule):
    tries = []
    found = match(changing(rule, tries), 8.0)
    assert found.reached and found.target == 3
    assert 0.89 <= rule(found.strength) <= 1.11
    assert len(tries) <= 8


def test_a_jump_ends_above_it():
    found = match(changing(lambda s: 0.0 if s < 3 else 5.0, []), 8.0)
    assert found.reached and 3 <= found.strength <= 4


def test_what_is_never_reached_ends_at_the_most():
    tries = []
    found = match(changing(lambda s: 0.01 * s, tries), 8.0)
    assert (found.strength, found.reached, max(tries)) == (8.0, False, 8.0)


def scripted(*reached):
    """Changes that come in this order, whatever the strength, each of another target; and the strengths tried."""
    left, tries = iter(reached), []

    def at(strength):
        tries.append(strength)
        return SimpleNamespace(reached=next(left), target=len(tries))

    return at, tries


@pytest.mark.parametrize(
    ("reached", "tried"),
    [
        ((0.9,), [1]),
        ((1.1,), [1]),
        ((0.2, 0.4, 0.8, 1.0), [1, 2, 4, 5]),  # grows by what is missing, to twice as far at most
        ((0.85, 1.0), [1, 1.25]),  # and by a quarter at least
        ((7.0, 1.0), [1, 1 / 7]),
        ((20.0, 2.0, 1.0), [1, 0.1, 0.05]),  # a straight line, but no farther than a tenth from an end
        ((0.0, 1.105, 1.0), [1, 2, 1.9]),
        ((0.5, 1.2, 1.0), [1, 2, 1 + 0.5 / 0.7]),
        ((5.0, 0.5, 0.9), [1, 0.2, 0.2 + 0.8 / 9]),  # what was too little is the lower end
        ((5.0, 0.5, 2.0, 1.0), [1, 0.2, 0.2 + 0.8 / 9, 0.2 + 0.8 / 9 / 3]),
    ],
)
def test_each_try_is_where_a_straight_line_says(reached, tried):
    at, tries = scripted(*reached)
    found = match(at, 8.0)
    assert tries == pytest.approx(tried)
    assert found == Matched(pytest.approx(tried[-1]), len(tried), True)


def test_four_tries_lie_between_too_little_and_too_much():
    """The best so far is what it ends with."""
    at, tries = scripted(3.0, 3.0, 2.0, 0.5, 0.5)
    found = match(at, 8.0)
    assert len(tries) == 5 and (found.strength, found.target) == (tries[2], 3)


def test_no_strength_is_beyond_the_most():
    for most, tried in ((0.5, [0.5]), (3.0, [1, 2, 3])):
        at, tries = scripted(*[0.25] * 4)
        assert match(at, most) == Matched(most, len(tried), False) and tries == tried


def test_a_match_is_not_changed():
    with pytest.raises(FrozenInstanceError):
        Matched(1.0, 0, True).strength = 2.0
