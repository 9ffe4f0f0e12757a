"""What pydantic found wrong, as sentences for people."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from interpgan_core.operators.fields import Reference
from interpgan_core.recipes.wording import given, in_words, model_of, one_each


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["inner"] = "inner"
    depth: int = 0


class Other(BaseModel):
    kind: Literal["other"]
    width: int = 0


class Shift(BaseModel):
    model_config = ConfigDict(extra="forbid")
    strength: Annotated[float, Field(ge=0, lt=9)]
    layers: tuple[int, int] = (0, 1)
    several: Annotated[list[int], Field(min_length=1, max_length=2)] = [1]
    either: float | list[int] = 0.0
    word: Annotated[str, Field(pattern="a+")] = "a"
    unit: Literal["space", "sigma"] = "space"
    single: Inner | None = None
    tagged: Annotated[Inner | Other, Field(discriminator="kind")] = Inner()


def errors(**values):
    with pytest.raises(ValidationError) as found:
        Shift(**values)
    return found.value.errors(include_url=False)


def said(**values):
    """The sentences, by what they are about."""
    return [
        in_words(error, "shift", error["loc"], list(Shift.model_fields), "parameter")
        for error in one_each(errors(**values), 1)
    ]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "shift needs the parameter 'strength'; add it"),
        ({"strength": -1}, "'strength' of shift must be at least 0.0, not -1"),
        ({"strength": 9}, "'strength' of shift must be less than 9.0, not 9"),
        ({"strength": "x"}, "'strength' of shift must be a number, not 'x'"),
        ({"strength": None}, "'strength' of shift must be a number, but is empty"),
        ({"strength": {}}, "'strength' of shift must be a number, but is empty"),
        ({"strength": []}, "'strength' of shift must be a number, but is empty"),
        ({"strength": {"a": 1}}, "'strength' of shift must be a number, not a mapping"),
        ({"strength": 1, "layers": [0]}, "'layers' of shift has 1 entries; add the others"),
        ({"strength": 1, "layers": [0, 1, 2]}, "'layers' of shift has 3 entries; keep 2"),
        ({"strength": 1, "layers": [0, "x"]}, "entry 2 of 'layers' of shift must be a whole number, not 'x'"),
        ({"strength": 1, "several": []}, "'several' of shift must have at least one entry, but is empty"),
        (
            {"strength": 1, "several": [1, 2.5]},
            "entry 2 of 'several' of shift must be a whole number, not 2.5",
        ),
        ({"strength": 1, "word": "b"}, "'word' of shift must match a+, not 'b'"),
        ({"strength": 1, "unit": "x"}, "'unit' of shift must be 'space' or 'sigma', not 'x'"),
        (
            {"strength": 1, "tagged": {"kind": "x"}},
            "'kind' of 'tagged' of shift must be 'inner' or 'other', not 'x'",
        ),
        ({"strength": 1, "tagged": {}}, "'tagged' of shift needs the parameter 'kind'; add it"),
        ({"strength": 1, "depth": 1}, "shift has no parameter 'depth'; there are: "),
    ],
)
def test_what_is_wrong_in_one_sentence(values, sentence):
    (found,) = said(**values)
    assert found.startswith(sentence) if sentence.endswith(" ") else found == sentence


def test_a_misspelt_parameter_is_not_said_to_be_missing_too():
    """Another that is wrong is still said."""
    assert said(strengh=1, unit="x") == [
        "shift has no parameter 'strengh'; did you mean 'strength'?",
        "'unit' of shift must be 'space' or 'sigma', not 'x'",
    ]


def test_of_several_types_the_nearest_speaks():
    """A list with a word in it comes nearer to a list of numbers than to a number."""
    (error,) = one_each(errors(strength=1, either=[1, "x"]), 1)
    assert error["loc"] == ("either", "list[int]", 1)
    assert said(strength=1, either=[1, "x"]) == [
        "entry 2 of 'either' of shift must be a whole number, not 'x'"
    ]


def test_what_a_check_of_ours_says_is_said_as_it_is():
    error = {"type": "value_error", "loc": ("a",), "input": 1, "ctx": {"error": ValueError("write it so")}}
    assert in_words(error, "shift", ("a",), (), "key") == "write it so"


def test_a_result_in_place_of_text_may_be_a_dollar():
    reference = Reference("step", "", int)
    for kind, words in (("string_type", "must be text"), ("float_type", "must be a number")):
        error = {"type": kind, "loc": ("a",), "input": reference, "msg": ""}
        hint = "; write $$ for a $" if kind == "string_type" else ""
        sentence = f"'a' of shift {words}, not the result of a step ($step){hint}"
        assert in_words(error, "shift", ("a",), (), "key") == sentence
    plain = {"type": "string_type", "loc": (), "input": 3, "msg": ""}
    assert in_words(plain, "shift", (), (), "key") == "shift must be text, not 3"


def test_kinds_that_have_no_sentence_of_their_own_keep_pydantics():
    error = {"type": "odd", "loc": ("a",), "input": 3, "msg": "Input should be odd. Input should be 5"}
    assert in_words(error, "shift", ("a",), (), "key") == "'a' of shift must be odd. Input should be 5, not 3"
    error["msg"] = "Values add up"
    assert in_words(error, "shift", ("a",), (), "key") == "'a' of shift values add up, not 3"


def test_the_names_of_what_is_deeper():
    error = {"type": "extra_forbidden", "loc": ("tagged", "inner", "dept"), "input": 3, "msg": ""}
    assert in_words(error, "'tagged' of shift", ("a", "b", "dept"), ("depth",), "key") == (
        "'tagged' of shift has no key 'dept'; did you mean 'depth'?"
    )
    error["type"] = "missing"
    assert in_words(error, "x", ("a", "b", "dept"), (), "key") == "x needs the key 'dept'; add it"


@pytest.mark.parametrize(
    ("loc", "model"),
    [
        (("single", "depth"), Inner),
        (("tagged", "inner", "depth"), Inner),
        (("tagged", "other", "width"), Other),
        (("tagged", "third", "width"), None),
        (("strength", "x"), None),
        (("unknown", "x"), None),
    ],
)
def test_the_model_of_a_parameter_with_parameters_of_its_own(loc, model):
    assert model_of(Shift, loc) is model


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("x" * 60, f"'{'x' * 60}'"),
        ("x" * 61, f"'{'x' * 57}...'"),
        (True, "true"),
        (1.5, "1.5"),
        ([1], "a list"),
        ((1,), "a list"),
        ({"a": 1}, "a mapping"),
    ],
)
def test_a_value_in_a_sentence(value, words):
    assert given(value) == words
