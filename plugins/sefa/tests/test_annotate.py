"""Names for directions: planted ones, by boundaries and by scores."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from interpgan_core import Direction, DirectionSet, InterpganError, Shift, quiet
from interpgan_core.testing import conformance, recipe_error, toy
from interpgan_sefa.annotate import Annotate, NamedDirections, name_directions
from interpgan_sefa.factorise import FindSemantics


class Colours:
    """How bright and how red an image is; below the lowest score there is none."""

    names = ("bright", "red")

    def __init__(self, lowest=0.0):
        self.lowest = lowest

    def __call__(self, images):
        scores = torch.stack([images.mean((1, 2, 3)), images[:, 0].mean((1, 2))], 1)
        return scores.where(scores >= self.lowest, torch.nan) if self.lowest else scores


def directions(*vectors, space="z", generator="", **notes):
    return DirectionSet(
        {
            str(i): Direction(torch.tensor(v).double(), space, 0.5, "1-2", generator, notes)
            for i, v in enumerate(vectors)
        }
    )


AXES = directions([1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], eigenvalue=2.0)
KNOWN = DirectionSet(
    {
        "smile": Direction(torch.tensor([0.1, -5.0, 0.3]), "z"),
        "age": Direction(torch.tensor([0.8, 0.6, 0.0]), "z"),
        "glasses": Direction(torch.tensor([0.9, 0.1, 0.0]), "z"),
    }
)
test_by_boundaries = conformance(Annotate(directions=AXES, boundaries=KNOWN), toy)
test_by_scores = conformance(
    Annotate(directions={"sefa": FindSemantics(count=2).run(toy())}, scorer=Colours(), seeds="0-5"), toy
)


# By boundaries


def test_the_closest_direction_gets_the_name():
    """One is reversed, and one belongs to two attributes."""
    found = Annotate(directions=AXES, boundaries=KNOWN).run(quiet)
    assert list(found) == ["smile", "age", "glasses"]
    assert [d.notes["component"] for d in found.values()] == ["1", "0", "0"]
    assert [d.notes["sign"] for d in found.values()] == [-1, 1, 1]
    assert found["smile"].vector.tolist() == [0, -1, 0]
    assert found["smile"].bias == -0.5  # the plane stays where it was
    assert (found["smile"].layers, found["smile"].notes["eigenvalue"]) == ("1-2", 2.0)
    assert found["age"].notes["cosine"] == pytest.approx(0.8)
    assert found["age"].notes["attribute"] == "age"


def test_the_table_has_the_form_of_the_paper():
    names, every = Annotate(directions=AXES, boundaries=KNOWN).run(quiet).summary().tables
    assert names.columns == ("attribute", "direction", "cosine distance", "sign")
    assert names.rows[1] == ("age", "0", pytest.approx(0.2), "+")
    assert names.rows[0][3] == "-"
    assert every.columns == ("direction", "smile", "age", "glasses")
    assert every.rows[1] == (
        "1",
        pytest.approx(-0.998, abs=1e-3),
        pytest.approx(0.6),
        pytest.approx(0.11, abs=0.01),
    )


def test_several_sets_stand_side_by_side():
    rotated = directions([0.8, 0.6, 0.0], [-0.6, 0.8, 0.0])
    found = Annotate(directions={"sefa": AXES, "ganspace": rotated}, boundaries=KNOWN).run(quiet)
    assert found["sefa.age"].notes["component"] == found["ganspace.age"].notes["component"] == "0"
    assert found["ganspace.age"].notes["cosine"] == pytest.approx(1)
    names, *every = found.summary().tables
    assert names.columns[:5] == (
        "attribute",
        "sefa direction",
        "sefa cosine distance",
        "sefa sign",
        "ganspace direction",
    )
    assert [table.title.partition(":")[0] for table in every] == ["sefa", "ganspace"]
    assert [len(table.rows) for table in every] == [3, 2]


def test_boundaries_may_come_one_by_one():
    found = Annotate(directions=AXES, boundaries={"older": KNOWN["age"]}).run(quiet)
    assert list(found) == ["older"]


def test_directions_layer_by_layer():
    layered = DirectionSet({str(i): Direction(torch.eye(2)[i].expand(3, 2), "w+") for i in range(2)})
    known = {"smile": Direction(torch.tensor([[0.0, -1.0]] * 3), "w+")}
    assert Annotate(directions=layered, boundaries=known).run(quiet)["smile"].notes[
        "cosine"
    ] == pytest.approx(-1)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**31))
def test_none_is_closer_than_the_one_named(size, count, attributes, seed):
    draw = torch.Generator().manual_seed(seed)
    ours = directions(*torch.randn(count, size, generator=draw).tolist())
    known = directions(*torch.randn(attributes, size, generator=draw).tolist())
    found = Annotate(directions=ours, boundaries=known).run(quiet)
    for attribute, boundary in known.items():
        cosines = [abs(float(d.vector @ boundary.vector)) for d in ours.values()]
        assert float(found[attribute].vector @ boundary.vector) == pytest.approx(max(cosines))
        assert found[attribute].notes["sign"] * found[attribute].notes["cosine"] > 0


def test_what_no_direction_has_gets_no_name():
    found = name_directions(
        {"": AXES}, ("smile", "age"), {"": torch.tensor([[0.0, 1], [0, 2], [0, -3]])}, "change", ""
    )
    assert list(found) == ["age"]
    assert found.summary().tables[0].rows == (("smile", None, None, None), ("age", "2", 3.0, "-"))


def test_names_are_kept(tmp_path):
    found = Annotate(directions=AXES, boundaries=KNOWN).run(quiet)
    found.save(tmp_path)
    again = NamedDirections.load(tmp_path)
    assert again["smile"].notes == found["smile"].notes
    assert again.summary() == found.summary()
    assert NamedDirections(found).summary().tables == ()


# By scores


def test_the_direction_that_changes_a_score_most_gets_its_name():
    """Against every sample rendered by hand."""
    generator, scorer = toy(), Colours()
    found = FindSemantics(count=6).run(generator)
    step = Annotate(directions=found, scorer=scorer, seeds="0-19", strength=1.5, batch_size=3)
    result = step.run(quiet, generator)
    batch = generator.sample(range(20))
    shifted = (Shift(direction=d, strength=1.5).run(batch, generator) for d in found.values())
    before, *after = (scorer(generator.images(b, 3)).double() for b in (batch, *shifted))
    changes = torch.stack([(scores - before).mean(0) for scores in after])
    for attribute, column in zip(scorer.names, changes.T, strict=True):
        one = result[attribute]
        assert one.notes["component"] == str(int(column.abs().argmax()))
        assert one.notes["change"] == pytest.approx(float(column[column.abs().argmax()]))
        # It points to more of the attribute.
        assert float(one.vector @ found[one.notes["component"]].vector) == pytest.approx(one.notes["sign"])
    _, every = result.summary().tables
    torch.testing.assert_close(torch.tensor([row[1:] for row in every.rows]).double(), changes)
    assert "as 20 samples move by 1.5 along" in every.note


def test_strength_in_standard_deviations():
    generator = toy()
    one = FindSemantics(count=1).run(generator)["0"]
    noted = DirectionSet({"0": Direction(one.vector, one.space, notes={"sigma": 0.5})})

    def change(**parameters):
        step = Annotate(directions=noted, scorer=Colours(), seeds="0-3", **parameters)
        return step.run(quiet, generator)["red"].notes["change"]

    assert change(strength=2, unit="sigma") == pytest.approx(change(strength=1), rel=1e-4)


def test_samples_without_a_score_are_left_out():
    generator = toy()
    found = FindSemantics(count=2).run(generator)
    some = Annotate(directions=found, scorer=Colours(lowest=1e-3), seeds="0-39").run(quiet, generator)
    assert all(abs(d.notes["change"]) < 2 for d in some.values())
    with pytest.raises(InterpganError, match="of 4 samples none has a score of 'bright'"):
        Annotate(directions=found, scorer=Colours(lowest=9.0), seeds="0-3").run(quiet, generator)


# What it refuses


class Wide(Colours):
    names = ("bright", "red", "round")


def test_a_scorer_of_another_width():
    with pytest.raises(InterpganError, match=r"has 3 attributes and returned scores of shape \(4, 2\) for 4"):
        Annotate(directions=FindSemantics().run(toy()), scorer=Wide(), seeds="0-3").run(quiet, toy())


def test_a_scorer_without_a_generator():
    with pytest.raises(InterpganError, match=r"a scorer needs images; put \{use: generator"):
        Annotate(directions=AXES, scorer=Colours()).run(quiet)


def test_directions_that_cannot_be_compared():
    with pytest.raises(
        InterpganError, match=r"'0' is a direction of w \(3,\), and 'smile' of z \(3,\): there is"
    ):
        Annotate(directions=directions([1.0, 0, 0], space="w"), boundaries=KNOWN).run(quiet)
    with pytest.raises(InterpganError, match="find both in the same space"):
        Annotate(directions=directions([1.0, 0]), boundaries=KNOWN).run(quiet)
    ours, theirs = (directions([1.0], generator=name) for name in ("one", "two"))
    with pytest.raises(InterpganError, match="'0' was found on the generator one, and '0' on two"):
        Annotate(directions=ours, boundaries=theirs).run(quiet)
    with pytest.raises(InterpganError, match="found on another generator"):
        Annotate(directions=ours, scorer=Colours(), seeds="0").run(quiet, toy())


def test_empty_sets():
    empty = DirectionSet({})
    for given_ in ({"directions": empty, "boundaries": KNOWN}, {"directions": AXES, "boundaries": empty}):
        with pytest.raises(InterpganError, match="one of these sets is empty"):
            Annotate(**given_).run(quiet)


WRONG = [
    ({}, "either by boundaries or by a scorer"),
    ({"boundaries": KNOWN, "scorer": Colours()}, "for both, write two steps"),
    ({"scorer": Colours(), "strength": 0}, "greater than 0"),
    ({"scorer": Colours(), "unit": "score"}, "'space' or 'sigma'"),
    ({"scorer": Colours(), "seeds": "x"}, "is not a range"),
    ({"boundaries": KNOWN, "directions": {}}, "at least 1 item"),
    ({"boundaries": KNOWN, "directions": {"a b": AXES}}, "should match pattern"),
]


@pytest.mark.parametrize(("parameters", "message"), WRONG)
def test_wrong_parameters(parameters, message):
    with pytest.raises((ValidationError, InterpganError), match=message):
        Annotate(**{"directions": AXES, **parameters})


def test_a_wrong_recipe(tmp_path):
    text = "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: sefa, id: found}\n  - "
    error = recipe_error(text + "{use: sefa.annotate, directions: $found}", tmp_path)
    assert "name either by boundaries or by a scorer" in error
    error = recipe_error(text + "{use: sefa.annotate, directions: $found.0, boundaries: $found}", tmp_path)
    assert "$found.0 is a Direction, not a DirectionSet" in error
