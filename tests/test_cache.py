"""Which steps of a run are done, loaded or left out, by hand."""

from dataclasses import FrozenInstanceError
from types import SimpleNamespace

import pytest

from interpgan_core.recipes.cache import Decision, decide


def step(*inputs, keeps=True, generator=1):
    return SimpleNamespace(
        keeps=keeps, inputs={str(number): number for number in inputs}, generator=generator
    )


GENERATOR = step(keeps=False, generator=0)


def decided(steps, reasons, **options):
    store = SimpleNamespace(reasons=lambda asked: list(reasons))
    plan = SimpleNamespace(steps=tuple(steps))
    return [(one.action, one.reason) for one in decide(plan, store, **options)]


CHAIN = (GENERATOR, step(1), step(2), step(3))
SKIPPED, CACHED, LOADED = ("skip", "no step that runs needs it"), ("cached", ""), ("load", "")


@pytest.mark.parametrize(
    ("reasons", "actions"),
    [
        (("", "", ""), (SKIPPED, CACHED, CACHED, CACHED)),
        (("", "", "new"), (("run", "not kept"), CACHED, LOADED, ("run", "new"))),
        (("", "new", ""), (("run", "not kept"), LOADED, ("run", "new"), CACHED)),
        (("new", "", ""), (("run", "not kept"), ("run", "new"), CACHED, CACHED)),
    ],
)
def test_what_a_step_that_runs_needs_is_loaded(reasons, actions):
    """And the generator, by what is loaded; nothing else."""
    assert decided(CHAIN, ("not kept", *reasons)) == list(actions)


def test_fresh_runs_every_step_whose_result_is_kept():
    fresh = ("run", "--fresh")
    assert decided(CHAIN, ("not kept", "", "", ""), fresh=True) == [
        ("run", "not kept"), fresh, fresh, fresh,
    ]  # fmt: skip


def test_a_step_without_generator_needs_none():
    """Number 0 stands for no step; it is not the last one."""
    steps = (step(generator=0), step(1, generator=0), step(0, generator=0), GENERATOR)
    assert decided(steps, ("", "new", "", "not kept")) == [LOADED, ("run", "new"), CACHED, SKIPPED]
    assert decided(steps, ("", "", "new", "not kept")) == [CACHED, CACHED, ("run", "new"), SKIPPED]


def test_where_nothing_is_kept_everything_runs():
    steps = (GENERATOR, step(1, keeps=False))
    assert decided(steps, ("not kept", "not kept")) == [("run", "not kept")] * 2
    assert decided((), ()) == []


def test_a_decision_does_not_change():
    with pytest.raises(FrozenInstanceError):
        Decision("run", "").action = "skip"
