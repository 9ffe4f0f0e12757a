"""An operator with results where its recipe has references."""

from typing import Any

from pydantic import BaseModel

from interpgan_core.operators.fields import Reference
from interpgan_core.recipes.filling import filled, references


class Inner(BaseModel):
    value: Any = None


class Step(BaseModel):
    direct: Any = None
    several: Any = ()
    named: Any = {}
    inner: Inner = Inner()


ONE, ITEM = Reference("one", "", int), Reference("two", "b", int)
RESULTS = {"one": 5, "two": {"a": 6, "b": 7}}


def test_references_are_found_however_deep():
    step = Step(direct=ONE, several=[1, (ITEM,)], named={"x": [ONE]}, inner=Inner(value=ITEM))
    assert references(step) == [ONE, ITEM, ONE, ITEM]
    assert references([1, "a", None, {}]) == []


def test_results_stand_where_references_stood():
    step = Step(direct=ONE, several=[1, ITEM], named={"x": ONE, "y": 2}, inner=Inner(value=ITEM))
    found = filled(step, RESULTS)
    assert (found.direct, list(found.several), found.named, found.inner.value) == (
        5,
        [1, 7],
        {"x": 5, "y": 2},
        7,
    )
    assert step.direct is ONE


def test_what_has_no_references_is_the_same_thing():
    plain = Step(direct=3)
    assert filled(plain, {}) is plain
    mine, own = [1, 2], {"a": 1}
    some = filled(Step(direct=ONE, several=mine, named=own), RESULTS)
    assert some.several is mine and some.named is own
