"""Fields of operators: nothing but a number is a number, and nothing but true and false is a switch."""

from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from interpgan_core import Operator, Report


class Fields(Operator):
    """As somebody would write it who knows only the types of Python."""

    whole: int = 1
    number: float = 1.0
    switch: bool = False
    maybe: Annotated[float, Field(gt=0)] | None = None
    several: tuple[float, ...] = ()
    named: dict[str, int] = Field(default_factory=dict)
    words: tuple[str, ...] = ()
    either: int | str = 0

    def run(self) -> Report:
        return Report()


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *[("whole", value) for value in (True, "1", 1.5, float("inf"), None)],
        *[("number", value) for value in (True, "1", float("inf"), float("nan"), None)],
        *[("switch", value) for value in (0, 1, "no", "true", None)],
        *[("maybe", value) for value in (True, "1", float("inf"), 0)],
        *[("several", value) for value in ([1, True], ["1"], [float("nan")], 1)],
        *[("named", value) for value in ({"a": True}, {"a": "1"})],
        ("words", [1]),
        ("either", float("inf")),
    ],
)
def test_what_is_no_number_is_refused(field, wrong):
    with pytest.raises(ValidationError, match=field):
        Fields(**{field: wrong})


def test_what_a_recipe_gives_is_taken():
    """Lists in place of tuples, and whole numbers where any will do."""
    given = {
        "whole": 2, "number": 3, "switch": True, "maybe": 0.5, "several": [1, 2.5], "named": {"a": 3},
        "words": ["b"], "either": "c",
    }  # fmt: skip
    made = Fields(**given)
    assert made.several == (1, 2.5) and made.words == ("b",)
    assert Fields(either=4).either == 4
