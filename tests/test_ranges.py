import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpgan_core import InterpganError, Ranges


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
    with pytest.raises(IndexError):
        Ranges("0-3")[4]
