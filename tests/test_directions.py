from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core import Direction, DirectionSet, InterpganError, LatentSpace
from interpgan_core.testing import toy

W = LatentSpace("w", (8,))
WPLUS = LatentSpace("w+", (3, 8), torch.arange(3)[:, None], base="w")


def random(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_any_length_becomes_one_and_the_plane_stays():
    vector, codes = random(8), random(20, 8, seed=1)
    direction = Direction(vector * 7, "w", bias=14.0)
    assert direction.vector.dtype == torch.float64
    assert direction.vector.norm() == pytest.approx(1)
    expected = (codes @ vector + 2) / vector.norm()
    torch.testing.assert_close(direction.distance(codes), expected)


@pytest.mark.parametrize("length", [0.25, 1 + 1e-9, 1.5])
def test_a_plane_is_scaled_with_its_direction(length):
    """A vector a little longer or shorter than 1 is made 1 long as well."""
    unit = random(8) / random(8).norm()
    direction = Direction(unit * length, "w", bias=3.0)
    assert float(direction.vector.norm()) == pytest.approx(1, abs=1e-15)
    assert direction.bias == pytest.approx(3 / length, rel=1e-12)


def test_what_is_1_long_but_for_rounding_stays_to_the_bit():
    vector = random(8) / random(8).norm() * (1 + 1e-13)
    direction = Direction(vector, "w", bias=0.1)
    assert torch.equal(direction.vector, vector) and direction.bias == 0.1
    assert Direction(vector, "w").bias == 0


def test_a_direction_says_what_it_is():
    assert repr(Direction(random(8), "w")) == "<Direction of w, (8,)>"
    known = Direction(random(3, 8), "w+", layers="1-2", generator="abcd")
    assert repr(known) == "<Direction of w+, (3, 8), layers 1-2, generator abcd>"


def test_a_direction_does_not_change_and_is_itself_alone():
    direction = Direction(random(8), "w")
    with pytest.raises(FrozenInstanceError):
        direction.bias = 1.0
    assert len({direction, replace(direction)}) == 2


@pytest.mark.parametrize(
    "vector",
    [
        *(torch.zeros(8), torch.full((8,), torch.nan), torch.full((8,), torch.inf)),
        *(torch.ones(2, 3, 4), torch.tensor(1.0)),
    ],
)
def test_what_is_no_direction(vector):
    with pytest.raises(InterpganError, match="a direction"):
        Direction(vector, "w")


def test_a_layerwise_step_moves_each_layer_as_far_as_a_plain_one():
    plain = Direction(random(8), "w")
    layered = Direction(plain.vector.expand(3, 8) * 5, "w+")
    torch.testing.assert_close(plain.step(WPLUS), layered.step(WPLUS))
    codes = random(4, 3, 8, seed=2)
    torch.testing.assert_close(plain.distance(codes), layered.distance(codes))


def test_a_step_moves_only_its_layers():
    step = Direction(random(8), "w", layers="1").step(WPLUS)
    assert step.any(1).tolist() == [False, True, False]
    assert Direction(random(8), "w", layers="1").step(WPLUS, "0-1").any(1).tolist() == [True, True, False]


def test_each_code_moves_by_its_own_strength():
    direction, strengths = Direction(torch.tensor([3.0, 4.0]), "w"), torch.tensor([1.0, 0.0, -10.0])
    codes = torch.tensor([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    moved = direction.moved(codes, strengths, LatentSpace("w", (2,)))
    torch.testing.assert_close(moved, torch.tensor([[0.6, 0.8], [1.0, 1.0], [-5.0, -8.0]]))
    layered = codes[:, None].repeat(1, 4, 1)
    space = LatentSpace("w+", (4, 2), torch.arange(4)[:, None], base="w")
    found = direction.moved(layered, strengths, space, "2")
    assert torch.equal(found[:, 2], moved) and torch.equal(found[:, [0, 1, 3]], layered[:, [0, 1, 3]])


def test_spaces_do_not_mix():
    with pytest.raises(InterpganError, match="lives in z and the codes in w; directions of two spaces"):
        Direction(random(8), "z").step(W)
    with pytest.raises(
        InterpganError, match=r"shape \(6,\) and a code of w \(8,\): they belong to different models"
    ):
        Direction(random(6), "w").step(W)


def test_the_distance_of_some_layers():
    direction, codes = Direction(random(8), "w", bias=1.0), random(2, 3, 8, seed=3)
    expected = (codes[:, 1:] @ direction.vector).mean(1) + direction.bias
    torch.testing.assert_close(direction.distance(codes, WPLUS.mask("1-2")), expected)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(1, 6))
def test_conditions_no_longer_move(seed, count):
    """Jointly orthogonal to any number of conditions, however they overlap, and as near as can be."""
    shared = random(12, seed=seed)
    conditions = [Direction(random(12, seed=seed + i + 1) + shared, "w") for i in range(count)]
    primal = Direction(random(12, seed=seed + 99) + shared, "w")
    left = primal.without(*conditions)
    for condition in conditions:
        assert abs(float(left.vector @ condition.vector)) < 1e-12
    basis = torch.linalg.qr(torch.stack([c.vector for c in conditions]).T)[0]
    expected = primal.vector - basis @ (basis.T @ primal.vector)
    torch.testing.assert_close(left.vector, expected / expected.norm())


@pytest.mark.parametrize("apart", [0.0, 1e-15, 1e-12, 1e-9, 1e-6])
def test_conditions_that_are_nearly_equal(apart):
    """The published closed form leaves the direction unprojected here, and a linear solve fails."""
    one, primal = random(8, seed=1), Direction(random(8, seed=2), "w")
    two = one + apart * random(8, seed=3)
    left = primal.without(Direction(one, "w"), Direction(two, "w"))
    assert abs(float(left.vector @ one) / float(one.norm())) < 1e-9
    assert abs(float(left.vector @ two) / float(two.norm())) < 1e-9


@pytest.mark.parametrize("apart", [0.0, 1e-15])
def test_a_condition_given_twice_takes_nothing_more_away(apart):
    """What the second would add to the span is rounding, and no direction to remove."""
    one, primal = Direction(random(8, seed=1), "w"), Direction(random(8, seed=2), "w")
    again = Direction(one.vector + apart * random(8, seed=3), "w")
    torch.testing.assert_close(primal.without(one, again).vector, primal.without(one).vector)


def test_what_is_left_of_a_layerwise_direction():
    """Its length is that of the whole vector: the sine of the angle to the condition."""
    primal, condition = Direction(random(3, 8, seed=1), "w+", bias=2.0), Direction(random(3, 8), "w+")
    cosine = float((primal.vector * condition.vector).sum() / 3)
    left = primal.without(condition)
    assert left.notes["residual"] == pytest.approx((1 - cosine**2) ** 0.5)
    assert left.bias == pytest.approx(primal.bias / (1 - cosine**2) ** 0.5)
    torch.testing.assert_close(
        left.vector * left.notes["residual"], primal.vector - cosine * condition.vector
    )
    assert primal.without() is primal


def test_distances_and_what_is_left_by_hand():
    direction = Direction(torch.tensor([3.0, 4.0]), "w", bias=5.0)
    left = direction.without(Direction(torch.tensor([0.0, 7.0]), "w"))
    assert left.vector.tolist() == pytest.approx([1, 0]) and left.bias == pytest.approx(1 / 0.6)
    assert left.notes["residual"] == pytest.approx(0.6)
    codes = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 0.0], [0.0, 0.0]]])
    assert direction.distance(codes).tolist() == pytest.approx([2.8 / 3 + 1, 1.2 / 3 + 1])
    assert direction.distance(codes[:, 0]).tolist() == pytest.approx([1.6, 2.2])


@pytest.mark.parametrize("apart", [1e-1, 1e-3, 1e-5])
def test_what_is_left_of_a_direction_near_its_conditions_has_nothing_of_them(apart):
    """One pass of the projection leaves rounding of size eps, as small as the rest: a second takes it away."""
    for seed in range(5):
        conditions = [Direction(random(12, seed=seed + i), "w") for i in (1, 2, 3)]
        mixed = sum(c.vector for c in conditions) + apart * random(12, seed=seed + 9)
        left = Direction(mixed, "w").without(*conditions)
        for condition in conditions:
            assert abs(float(left.vector @ condition.vector)) < 2e-15


def test_a_direction_in_the_span_of_its_conditions():
    a, b = random(8, seed=1), random(8, seed=2)
    with pytest.raises(InterpganError, match="it lies in their span; leave out the condition"):
        Direction(a + 2 * b, "w").without(Direction(a, "w"), Direction(b, "w"))


def test_conditions_of_another_space():
    with pytest.raises(InterpganError, match=r"and .condition 0. of w\+ \(3, 8\): there is no angle"):
        Direction(random(8), "w").without(Direction(random(3, 8), "w+"))
    for other in (Direction(random(8), "z"), Direction(random(6), "w")):
        with pytest.raises(InterpganError, match="there is no angle between them"):
            Direction(random(8, seed=1), "w").without(other)


def test_conditions_of_another_generator():
    ours, theirs = (
        Direction(random(8, seed=i), "w", generator=name) for i, name in enumerate(("one", "two"))
    )
    with pytest.raises(
        InterpganError, match="was found on the generator one, and 'condition 0' on two: there"
    ):
        ours.without(theirs)
    ours.without(Direction(theirs.vector, "w"))  # of no known generator
    ours.without(replace(theirs, generator="one"))
    Direction(ours.vector, "w").without(theirs)


def test_a_set_survives_saving(tmp_path):
    before = DirectionSet(
        {
            "smile": Direction(random(8), "w", 0.25, "2-5", "abc", {"accuracy": 0.9, "of": ["a", "b"]}),
            "0": Direction(random(3, 8), "w+"),
        }
    )
    before.save(tmp_path)
    after = DirectionSet.load(tmp_path)
    assert list(after) == ["smile", "0"]
    for name in before:
        assert (after[name].vector == before[name].vector).all()
        for field in ("space", "bias", "layers", "generator", "notes"):
            assert getattr(after[name], field) == getattr(before[name], field)


def test_a_direction_survives_saving(tmp_path):
    before = Direction(random(8), "w", 0.5)
    before.save(tmp_path)
    assert (Direction.load(tmp_path).vector == before.vector).all()


def test_an_unknown_name_is_a_keyerror_that_helps():
    found = DirectionSet({"smile": Direction(random(8), "w")})
    with pytest.raises(KeyError) as error:
        found["smiel"]
    assert str(error.value) == "there is no direction 'smiel' here; did you mean 'smile'?"
    assert "smiel" not in found


def test_the_table_shows_what_all_know():
    found = DirectionSet(
        {str(i): Direction(random(8, seed=i), "w", notes={"eigenvalue": 9.0 - i}) for i in range(9)}
    )
    table = found.summary().tables[0]
    assert table.columns == ("name", "space", "layers", "eigenvalue")
    assert table.rows[1] == ("1", "w", "all", 8.0)
    assert np.shape(table.rows) == (9, 4)


def test_what_is_known_of_the_spread_along_a_direction_is_not_true_of_another():
    a, b = (
        Direction(
            torch.randn(8, generator=torch.Generator().manual_seed(i)), "w",
            notes={"sigma": 2.0, "score_per_unit": 0.5, "attribute": "smile"},
        )
        for i in (0, 1)
    )  # fmt: skip
    assert set(a.without(b).notes) == {"attribute", "residual"}


@pytest.mark.parametrize("space", ["w", "w+"])
def test_directions_that_are_not_there_yet_stand_in_for_those_that_will_be(space):
    generator = toy()
    found = DirectionSet.expected(("a", "b"), space, generator, "1-2", {"score_per_unit": 0.5})
    assert list(found) == ["a", "b"] and found["b"].vector.shape == (16,)
    assert (found["a"].layers, found["a"].generator) == ("1-2", generator.fingerprint)
    assert found["a"].notes == {"sigma": 1.0, "score_per_unit": 0.5}
