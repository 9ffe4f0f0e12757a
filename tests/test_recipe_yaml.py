"""YAML as recipes read it: plain values by the core schema of YAML 1.2, or an error at its place."""

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core.errors import InterpganError, RecipeError
from interpgan_core.recipes.recipe import MAX_VALUES, Source, parse, parse_value, read_recipe


def read(text):
    return parse(Source(Path("recipe.yaml"), text))


def value_or_error(read, text):
    """What reading gives; any other exception goes on."""
    try:
        return read(text), None
    except InterpganError as error:
        return None, error


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("none", "none"),
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("2024-01-31", "2024-01-31"),
        ("2001-12-14t21:59:43.10-05:00", "2001-12-14t21:59:43.10-05:00"),
        ("7-14", "7-14"),
        ("0-3,6", "0-3,6"),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("007", 7),
        ("0o14", 12),
        ("014", 14),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1,000", "1,000"),
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5e1", -5.0),
        (".", "."),
        ("e3", "e3"),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("inf", "inf"),
        ("infinity", "infinity"),
        ("0o8", "0o8"),
        ("٣", "٣"),  # a digit, but not of YAML
        ("9" * 300, int("9" * 300)),
        ("9" * 5000, math.inf),
        ("'12'", "12"),
        ('"true"', "true"),
        ("'~'", "~"),
        ("=", "="),
        ("$found.0", "$found.0"),
        ("|\n  1\n  2\n", "1\n2\n"),
        (">-\n  a\n  b\n", "a b"),
    ],
)
def test_scalars_follow_the_core_schema(text, value):
    found = parse_value(text)
    assert (type(found), found) == (type(value), value)


def test_not_a_number_is_read():
    assert math.isnan(parse_value(".nan"))


def test_keys_are_words():
    assert read("{1: a, true: b, ~: c, 'd e': f}") == {"1": "a", "true": "b", "~": "c", "d e": "f"}


# Characters that mean something in YAML, so that texts of them get far into the parser.
YAMLISH = st.text(
    st.sampled_from("ab1.~:-?,[]{}&*!|>'\"%@`#<= \t\n\r\\x0u\0\u0085\u2028\ufeffü😀"), max_size=60
)


@settings(max_examples=500, deadline=None)
@given(YAMLISH | st.text(max_size=200))
def test_any_text_is_a_value_or_an_error_at_its_place(text):
    value, error = value_or_error(read, text)
    assert_plain(value)
    if error:
        lines = re.split("\r\n|\r|\n", text)
        assert 1 <= error.line <= len(lines)
        assert 1 <= error.column <= len(lines[error.line - 1]) + 1
        assert error.source == lines[error.line - 1]
        assert len(str(error).split("\n")) == (3 if error.source.strip() else 1)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200) | YAMLISH.map(str.encode))
def test_any_file_is_a_mapping_or_an_error(data, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(data)
    found, error = value_or_error(read_recipe, file)
    assert str(error).startswith(f"{file}:") if error else isinstance(found[1], dict)


@settings(max_examples=200, deadline=None)
@given(YAMLISH | st.text(max_size=50))
def test_any_override_is_a_value_or_an_error(text):
    value, error = value_or_error(parse_value, text)
    assert_plain(value)
    assert error is None or str(error).startswith(f"'{text}' is not a value: ")


WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8).filter(
    lambda w: w != "<<"
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=200, deadline=None)
@given(VALUES, st.sampled_from([None, 0, 2]))
def test_values_and_positions_of_json(value, indent):
    """JSON is YAML 1.2: what comes back is what was written, and every position points at it."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    source = Source(Path("recipe.yaml"), text)
    assert parse(source) == value
    lines = text.split("\n")

    def check(part, loc):
        line, column = source.values[loc]
        opening = {dict: "{", list: "["}.get(type(part)) or json.dumps(part, ensure_ascii=False)
        assert lines[line - 1][column - 1 :].startswith(opening)
        if isinstance(part, list):
            for i, inner in enumerate(part):
                check(inner, (*loc, i))
        if isinstance(part, dict):
            for name, inner in part.items():
                line, column = source.keys[(*loc, name)]
                assert lines[line - 1][column - 1 :].startswith(json.dumps(name, ensure_ascii=False) + ": ")
                check(inner, (*loc, name))

    check(value, ())


def test_positions_in_blocks():
    source = Source(Path("recipe.yaml"), "a:\n  - x\n  - b: 'y'\n    c:\nd: |\n  text\n")
    assert parse(source) == {"a": ["x", {"b": "y", "c": None}], "d": "text\n"}
    assert source.values == {
        (): (1, 1),
        ("a",): (2, 3),
        ("a", 0): (2, 5),
        ("a", 1): (3, 5),
        ("a", 1, "b"): (3, 8),
        ("a", 1, "c"): (4, 5),  # nothing stands there, so its key
        ("d",): (5, 4),
    }
    assert source.keys == {
        ("a",): (1, 1),
        ("a", 1, "b"): (3, 5),
        ("a", 1, "c"): (4, 5),
        ("d",): (5, 1),
    }


def test_an_alias_is_a_copy_and_stands_where_it_is_written():
    source = Source(Path("recipe.yaml"), "a: &it {b: [1, 2]}\nc: *it\nd: [&it x, *it]\ne: *it\n")
    value = parse(source)
    assert value == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}, "d": ["x", "x"], "e": "x"}
    assert value["a"]["b"] is not value["c"]["b"]
    assert source.values["c",] == (2, 4)
    assert source.error("wrong", ("c", "b", 0)).line == 2


def test_aliases_count_as_often_as_they_stand():
    hundred = "a: &a [" + "0, " * 99 + "]\n"  # 100 values, the list itself among them
    room = MAX_VALUES // 100 - 1
    assert len(read(hundred + "b: [" + "*a, " * (room - 1) + "]\n")["b"]) == room - 1
    with pytest.raises(RecipeError, match="grows to more than"):
        read(hundred + "b: [" + "*a, " * (room + 1) + "]\n")


@pytest.mark.parametrize("levels", [10, 100, 1000])
def test_billion_laughs_are_not_written_out(levels):
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]\n" for i in range(levels))
    source = Source(Path("recipe.yaml"), bomb)
    with pytest.raises(RecipeError, match="grows to more than"):
        parse(source)
    assert len(source.values) < 100  # it was stopped in the fourth line


def assert_plain(value):
    """Nothing but what JSON can hold, and infinities."""
    if isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            assert_plain(part)
    else:
        assert value is None or type(value) in (bool, int, float, str)
