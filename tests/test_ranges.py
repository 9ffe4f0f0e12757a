import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from interpgan_core import InterpganError, Ranges
from interpgan_core.generators.ranges import MAX_SEED, Layers, Seeds, Units


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 20)), min_size=1, max_size=5))
def test_is_the_list_of_its_numbers(parts):
    text = ",".join(f"{a}-{a + n}" if n else str(a) for a, n in parts)
    expected = [i for a, n in parts for i in range(a, a + n + 1)]
    found = Ranges(text)
    assert list(found) == expected
    assert len(found) == len(expected)
    assert [found[i] for i in range(len(found))] == expected
    assert found[:] == expected
    assert found[-1] == expected[-1]


def test_costs_nothing_however_long():
    found = Ranges("0-4000000000")
    assert len(found) == 4_000_000_001
    assert found[3_999_999_999] == 3_999_999_999


def test_an_open_end_goes_to_the_last():
    assert list(Ranges("14-", last=17)) == [14, 15, 16, 17]
    assert list(Ranges("0-", last=0)) == [0]


@pytest.mark.parametrize(
    ("text", "last", "message"),
    [
        ("", None, "'' is not a range; write numbers like 3, 0-7 or 0-3,6"),
        ("a", None, "'a' is not a range; write numbers like 3, 0-7 or 0-3,6"),
        ("-3", None, "'-3' is not a range; write numbers like 3, 0-7 or 0-3,6"),
        ("1.5", None, "'1.5' is not a range; write numbers like 3, 0-7 or 0-3,6"),
        ("7-3", None, "'7-3' runs backwards; write 3-7"),
        ("4-", None, "'4-' has no end; write it out, for example 4-99"),
        ("0-18", 17, "'0-18' goes past the last one, 17"),
    ],
)
def test_what_is_no_range(text, last, message):
    with pytest.raises(InterpganError) as error:
        Ranges(text, last)
    assert str(error.value) == message


def test_past_the_end():
    for index in (4, -5):
        with pytest.raises(IndexError):
            Ranges("0-3")[index]


@pytest.mark.parametrize("kind", [Layers, Units, Seeds])
@pytest.mark.parametrize(
    ("written", "text"), [("0-3, 6", "0-3, 6"), (7, "7"), ([3, 1], "3,1"), ((0, 2), "0,2")]
)
def test_fields_take_a_range_a_number_or_a_list(kind, written, text):
    assert TypeAdapter(kind).validate_python(written) == text


@pytest.mark.parametrize("kind", [Layers, Units, Seeds])
@pytest.mark.parametrize("written", [True, 1.5, [], [True], [1, "2"], None, "x", "3-1"])
def test_fields_refuse_what_is_no_range(kind, written):
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(written)


def test_all_is_a_range_of_layers_alone():
    assert TypeAdapter(Layers).validate_python("all") == "all"
    with pytest.raises(ValidationError):
        TypeAdapter(Units).validate_python("all")


def test_layers_end_at_a_million():
    assert TypeAdapter(Layers).validate_python("5,1000000") == "5,1000000"
    with pytest.raises(ValidationError, match="'1000001' goes past the last one, 1000000"):
        TypeAdapter(Layers).validate_python("1000001")


def test_seeds_are_numbers_of_32_bits():
    """As numpy's RandomState takes them."""
    assert MAX_SEED == 0xFFFFFFFF
    assert TypeAdapter(Seeds).validate_python("4294967295") == "4294967295"
    with pytest.raises(ValidationError, match="a seed is a whole number from 0 to 4294967295"):
        TypeAdapter(Seeds).validate_python("3,4294967296")
