"""Conditional projection: the published files, many conditions, and what is left of a direction."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from interpgan_core import Direction, InterpganError, load_directions
from interpgan_core.testing import conformance, toy
from interpgan_interfacegan.condition import Condition, Conditioned

SHARED = Path(__file__).parents[4] / "shared"
BOUNDARIES = SHARED / "boundaries" / "interfacegan"
PUBLISHED = sorted(BOUNDARIES.glob("*_c_*.npy"))


def named(name, vector, **more):
    return Direction(torch.as_tensor(vector, dtype=torch.float64), "w", notes={"attribute": name}, **more)


def drawn(name, seed, size=16, **more):
    return named(name, np.random.RandomState(seed).randn(size), **more)


def conditioned(direction, *given, generator=None):
    return Condition(direction=direction, given=given).run(generator)


def read(name):
    (found,) = load_directions(BOUNDARIES / name).values()
    return found


def test_without_conditions_there_is_nothing_to_do():
    with pytest.raises(ValidationError, match="at least 1 item"):
        conditioned(drawn("smile", 0))


@pytest.mark.skipif(not PUBLISHED, reason="the published boundaries are not beside this checkout")
def test_there_are_thirteen_published_ones():
    assert len(PUBLISHED) == 13


@pytest.mark.skipif(not PUBLISHED, reason="the published boundaries are not beside this checkout")
@pytest.mark.parametrize("file", PUBLISHED, ids=lambda file: file.stem)
def test_the_published_files(file):
    whole, _, rest = file.stem.removesuffix("_boundary").partition("_c_")
    model = whole.rpartition("_")[0]
    given = [read(f"{model}_{name}_boundary.npy") for name in rest.split("_")]
    found = conditioned(read(f"{whole}_boundary.npy"), *given)
    np.testing.assert_allclose(found.vector.numpy(), np.load(file)[0], rtol=0, atol=1e-12)
    assert found.notes["attribute"] == whole.rpartition("_")[2]
    assert max(abs(c["after"]) for c in found.notes["conditions"]) < 1e-15


@pytest.mark.parity
@pytest.mark.skipif(
    not SHARED.is_dir(), reason="the answers of the original code are not beside this checkout"
)
@pytest.mark.parametrize("name", ["interfacegan_n2000_d64", "interfacegan_n600_d32_ratio1_invalid"])
def test_equals_the_original(name):
    with np.load(SHARED / "parity" / f"{name}.npz") as file:
        arrays = dict(file)
    for prefix, rows in (("", arrays["boundaries"]), ("rand_", arrays["rand_boundaries"])):
        primal, *others = (named(str(i), row) for i, row in enumerate(rows))
        for count in range(1, len(others) + 1):
            expected = arrays[f"{prefix}project_{count}cond"][0]
            found = conditioned(primal, *others[:count]).vector.numpy()
            np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)  # the original is in float32


def test_what_it_reports():
    smile, age = named("smile", [1, 1, 0]), named("age", [0, 1, 0], generator="g")
    found = conditioned(smile, age)
    assert found.vector.tolist() == pytest.approx([1, 0, 0])
    assert found.notes["residual"] == pytest.approx(0.5**0.5)
    assert found.notes["degrees"] == pytest.approx(45)
    assert found.notes["conditions"] == [{"name": "age", "before": pytest.approx(0.5**0.5), "after": 0.0}]
    report = found.summary().tables[0]
    assert report.title == "smile without age"
    assert "0.7071 of its length was left, and it turned by 45.0 degrees" in report.note


def test_a_small_turn_keeps_its_digits():
    assert conditioned(named("a", [1, 1e-7]), named("b", [0, 1])).notes["degrees"] == pytest.approx(
        np.degrees(1e-7), rel=1e-6
    )


@pytest.mark.parametrize("gap", [0.0, 1e-12, 1e-9, 1e-6, 1e-3])
def test_conditions_that_are_nearly_the_same(gap):
    """Where the closed form leaves the direction as it was, or a linear solver gives up."""
    smile, age, other = drawn("smile", 0), drawn("age", 1), drawn("other", 2)
    again = named("again", age.vector + gap * other.vector)
    found = conditioned(smile, age, again, age)
    assert max(abs(c["after"]) for c in found.notes["conditions"]) < 1e-9
    expected = smile.without(age) if gap < 1e-9 else smile.without(age, other)
    if gap in (0.0, 1e-3, 1e-6):
        torch.testing.assert_close(found.vector, expected.vector, rtol=0, atol=1e-8)


def test_conditions_are_taken_together_in_any_order():
    smile, *others = (drawn(str(i), i) for i in range(6))
    one, two = conditioned(smile, *others), conditioned(smile, *reversed(others))
    torch.testing.assert_close(one.vector, two.vector, rtol=0, atol=1e-14)
    assert max(abs(c["after"]) for c in one.notes["conditions"]) < 1e-14


def test_notes_of_the_old_direction_do_not_hold():
    smile = Direction(torch.tensor([1.0, 1]), "w", notes={"attribute": "smile", "sigma": 2, "stability": 0.9})
    assert set(conditioned(smile, named("age", [0, 1])).notes) == {
        "attribute", "residual", "degrees", "conditions",
    }  # fmt: skip


def test_the_plane_goes_on_through_the_mean_of_the_samples():
    """W lies away from 0, and so the plane turns about its mean, not about 0."""
    generator = toy()
    mean = generator.spaces["w"].mean[None]
    smile = drawn("smile", 0, bias=0.7, generator=generator.fingerprint)
    age = drawn("age", 1, bias=-3.0)
    found = conditioned(smile, age, generator=generator)
    assert float(found.distance(mean) * found.notes["residual"]) == pytest.approx(float(smile.distance(mean)))
    # With no mean known it is 0, as in Z.
    alone = conditioned(smile, age)
    assert alone.bias == pytest.approx(smile.bias / alone.notes["residual"])


def test_layer_by_layer_directions():
    smile, age = (Direction(torch.randn(6, 16), "w+") for _ in range(2))
    found = conditioned(smile, age, generator=toy())
    assert found.vector.shape == (6, 16)
    mean = toy().spaces["w+"].mean[None]
    assert float(found.distance(mean) * found.notes["residual"]) == pytest.approx(float(smile.distance(mean)))


def test_angles_do_not_depend_on_the_number_of_layers():
    """A direction of four layers is twice as long as one of a single layer; an angle is not."""
    smile = Direction(torch.tensor([[1.0, 1, 0]]).repeat(4, 1), "w+")
    age = Direction(torch.tensor([[0.0, 1, 0]]).repeat(4, 1), "w+")
    notes = conditioned(smile, age).notes
    assert notes["conditions"][0]["before"] == pytest.approx(0.5**0.5)
    assert notes["degrees"] == pytest.approx(45)


@pytest.mark.parametrize(("size", "space"), [(8, "w"), (16, "z")])
def test_a_mean_that_is_not_known_or_does_not_fit_is_left_out(size, space):
    smile, age = (Direction(torch.randn(size), space, bias=0.7) for _ in range(2))
    found = conditioned(smile, age, generator=toy())
    assert found.bias == pytest.approx(smile.bias / found.notes["residual"])


def test_two_results_are_told_apart_by_identity():
    """Tensors cannot be compared as one; a result can be a key."""
    one, two = (conditioned(drawn("smile", 0), drawn("age", 1)) for _ in range(2))
    assert one != two and len({one, two}) == 2


def test_the_result_is_a_direction_that_can_be_kept(tmp_path):
    found = conditioned(drawn("smile", 0), drawn("age", 1))
    found.save(tmp_path)
    again = Conditioned.load(tmp_path)
    assert isinstance(again, Conditioned) and isinstance(again, Direction)
    assert torch.equal(again.vector, found.vector)
    assert again.summary() == found.summary()


def refused(direction, *given, generator=None):
    with pytest.raises(InterpganError) as caught:
        conditioned(direction, *given, generator=generator)
    return str(caught.value)


def test_a_direction_in_the_span_of_its_conditions():
    age, grin = drawn("age", 1), drawn("grin", 2)
    smile = named("smile", age.vector / 10 + grin.vector)
    assert refused(smile, age, grin) == (
        "nothing of 'smile' is left without 'age', 'grin': it lies in their span; leave out the one "
        f"that means the same, perhaps 'grin' (cosine {float(smile.vector @ grin.vector):.4f})"
    )
    assert "'smile' is left without 'smile'" in refused(smile, smile)
    nameless = Direction(smile.vector, "w")
    assert "'the direction' is left without 'condition 1'" in refused(nameless, nameless)


def test_directions_that_do_not_belong_together():
    smile = drawn("smile", 0, generator="a")
    other = Direction(torch.ones(16), "z", notes={"file": "pggan_age.npy"})
    assert "'smile' is a direction of w (16,), and 'pggan_age' of z (16,): there is no" in refused(
        smile, other
    )
    assert "and 'age' of w (8,)" in refused(smile, drawn("age", 1, size=8))
    assert "found on the generator a, and 'age' on b" in refused(smile, drawn("age", 1, generator="b"))
    message = refused(smile, drawn("age", 1, generator="a"), generator=toy())
    assert "found on another generator" in message and "generator: $step" in message


GIVEN = (drawn("age", 1), drawn("gender", 2))
test_condition = conformance(Condition(direction=drawn("smile", 0, bias=0.5), given=GIVEN), toy)
