"""The search of the strength, on changes that are known."""

from types import SimpleNamespace

import pytest

from interpgan_metrics.matching import match


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
