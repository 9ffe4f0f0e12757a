"""The fields of every operator: their defaults and ranges, which recipes rest on, and that a number must be one."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from interpgan_core.plugins import plugins
from interpgan_core.recipes.schema import step_schema

FILE = Path(__file__).parent / "fields.txt"
OPERATORS = dict(sorted(plugins().operators.items()))
SAID = ("title", "description")


def plain(schema):
    """A schema without its words."""
    if isinstance(schema, dict):
        return {key: plain(part) for key, part in schema.items() if key not in SAID}
    return [plain(part) for part in schema] if isinstance(schema, list) else schema


def fields_of(name):
    """A line for each field of an operator, and for each part that they name."""
    schema = step_schema(name, OPERATORS[name].load())
    own = {field: schema["properties"][field] for field in OPERATORS[name].load().model_fields}
    parts = {part.removeprefix(f"{name}."): about for part, about in schema["$defs"].items()}
    return [
        f"{name} {field}: {json.dumps(plain(about), sort_keys=True, ensure_ascii=False)}"
        for field, about in (own | parts).items()
    ]


def known():
    return [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("name", OPERATORS)
def test_defaults_and_ranges(name):
    """Where they change, recipes make something else: change the lines of `fields.txt` only where that is meant."""
    assert [line for line in known() if line.startswith(f"{name} ")] == fields_of(name)


def test_every_line_is_of_an_operator():
    assert {line.partition(" ")[0] for line in known()} <= set(OPERATORS)


@pytest.mark.parametrize("name", OPERATORS)
def test_a_number_must_be_one_and_finite(name):
    operator = OPERATORS[name].load()
    properties = step_schema(name, operator)["properties"]
    for field in operator.model_fields:
        kinds = {kind.get("type") for kind in (properties[field], *properties[field].get("anyOf", ()))}
        wrong = [True, float("inf"), float("nan")] if kinds & {"integer", "number"} else []
        wrong += ["1"] if kinds <= {"integer", "number", "null"} else []
        wrong += ["no", 0] if kinds == {"boolean"} else []
        for value in wrong:
            with pytest.raises(ValidationError) as refused:
                operator.model_validate({field: value})
            assert any(error["loc"][0] == field for error in refused.value.errors()), (field, value)
