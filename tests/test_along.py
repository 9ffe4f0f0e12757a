"""Moving along a direction: units of strength, columns of a walk, and which directions are taken."""

from types import SimpleNamespace

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import Direction, Grid, InterpganError, LatentBatch, Remark, Shift, Shown, Walk, sigma
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.spaces import LatentSpace
from interpgan_core.operators.builtin.along import Strength

W = LatentSpace("w", (2,))
FIRST = torch.tensor([1.0, 0.0])


class Codes(Generator):
    """Stands for a generator that has a space of codes, and nothing to draw with."""

    layers = ()

    def __init__(self, codes_of=""):
        self.module, self.spaces = torch.nn.Identity(), {"w": W}
        self.fingerprint, self.codes_of, self.drawn = "abcd", codes_of, 0

    def prior(self, seeds):
        raise AssertionError

    def map(self, codes, source, target, labels):
        raise AssertionError

    def forward(self, batch):
        raise AssertionError

    def stream(self, seeds, space=None, **more):
        self.drawn += 1
        yield SimpleNamespace(codes=torch.tensor([[3.0, 9.0], [7.0, 9.0]]))


def codes(count=2, **changes):
    return LatentBatch(torch.zeros(count, 2), W, **changes)


def walk(*strengths, batch=None, **fields):
    direction = Direction(FIRST, "w", notes={"sigma": 4.0, "score_per_unit": -0.25})
    return Walk(direction=direction, strengths=strengths, **fields).run(batch or codes(), Codes())


@pytest.mark.parametrize(("unit", "step"), [("space", 1.0), ("sigma", 4.0), ("score", -4.0)])
def test_a_unit_of_strength(unit, step):
    """A score that falls by a quarter a unit rises by 1 at a strength of -4."""
    walked = walk(0.5, 2.0, unit=unit)
    assert walked.codes.tolist() == [[0.5 * step, 0], [2 * step, 0]] * 2
    assert walk(1.0).codes[0, 0] == 1


def test_a_shift_moves_every_sample():
    shifted = Shift(direction=Direction(FIRST, "w"), strength=2.0).run(codes(3), Codes())
    assert shifted.codes.tolist() == [[2, 0]] * 3


def test_a_score_of_which_nothing_is_known_is_no_unit():
    unknown = Direction(FIRST, "w", notes={"score_per_unit": 0.0})
    with pytest.raises(InterpganError, match="how much a score changes along this direction is not known"):
        Shift(direction=unknown, strength=1.0, unit="score").run(codes(), Codes())


def test_the_spread_along_a_direction_is_measured_once_for_each_generator():
    one, other, direction = Codes(), Codes(), Direction(FIRST, "w", generator="")
    other.fingerprint = "efgh"
    for generator in (one, one, other):
        assert sigma(direction, generator) == pytest.approx(8**0.5)
    assert (one.drawn, other.drawn) == (1, 1)


@pytest.mark.parametrize(
    ("strengths", "origin"), [((-1, 0, 1), 1), ((0, 1), 0), ((2, 1, 0), 2), ((1, 2), None), ((-1, -2), None)]
)
def test_the_origin_of_a_walk_is_its_strength_0(strengths, origin):
    assert walk(*strengths).grid.origin == origin


@pytest.mark.parametrize(
    ("first", "second", "origin"),
    [((-1, 0), (-1, 1, 0), 5), ((0, 1), (1, 0), 1), ((1, 2), (0, 1), None), ((0, 1), (1, 2), None)],
)
def test_the_origin_of_a_walk_of_a_walk_is_not_moved_by_either(first, second, origin):
    found = walk(*second, batch=walk(*first))
    assert found.grid.origin == origin
    columns = tuple(f"{a:+g}, {b:+g}".replace("+0", "0") for a in first for b in second)
    assert found.grid.columns == columns
    if origin is not None:
        assert not found.codes.view(2, len(columns), 2)[:, origin].any()


def test_rows_of_a_grid_stay():
    gridded = codes(2, grid=Grid(("a",), rows=("x", "y")))
    assert walk(1, batch=gridded).grid == Grid(("a, +1",), rows=("x", "y"))


@pytest.mark.parametrize(
    ("model", "codes_of", "said"),
    [
        ("StyleGAN 1", "StyleGAN 2", True),
        ("StyleGAN 2", "StyleGAN 2", False),
        ("StyleGAN 1", "", False),
        ("", "StyleGAN 2", False),
    ],
)
def test_a_direction_of_another_family_is_remarked_on(model, codes_of, said, recwarn):
    direction = Direction(FIRST, "w", notes={"model": model, "file": "age.npy"})
    Shift(direction=direction, strength=1.0).run(codes(), Codes(codes_of))
    found = [str(one.message) for one in recwarn if issubclass(one.category, Remark)]
    assert len(found) == said
    if said:
        assert found[0].startswith("age.npy is named as a direction of StyleGAN 1, and the codes of this")


def test_a_direction_of_another_generator_is_refused():
    with pytest.raises(InterpganError, match=r"found on another generator \(efgh, not abcd\)"):
        Shift(direction=Direction(FIRST, "w", generator="efgh"), strength=1.0).run(codes(), Codes())


@pytest.mark.parametrize("value", ["1", True, float("inf"), float("nan")])
def test_a_strength_is_a_finite_number(value):
    with pytest.raises(ValidationError, match="strength"):
        Shift(direction=Direction(FIRST, "w"), strength=value)


def test_a_strength_has_a_slider():
    shown = next(one for one in Strength.__metadata__ if isinstance(one, Shown))
    assert (shown.low, shown.high, shown.step) == (-5, 5, 0.1)
