"""`--schema`: what editors are told about recipes."""

import json
import re
from pathlib import Path

import pytest

from interpgan_core.recipes.recipe import read_recipe
from interpgan_core.recipes.schema import recipe_schema

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))
STEPS = [{"use": "sample", "seeds": "0-3"}]


@pytest.fixture(scope="module")
def schema():
    return json.loads(json.dumps(recipe_schema()))


def test_it_is_json_schema(schema):
    check_schema(schema, schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("file", RECIPES, ids=lambda file: file.stem)
def test_our_recipes_fit(file, schema):
    _, recipe = read_recipe(file)
    assert list(mistakes(recipe, schema, schema)) == []


@pytest.mark.parametrize(("strengths", "fits"), [("-6:6:0.5", True), ([1, 2], True), ([], False), (3, False)])
def test_strengths_are_a_list_or_a_range(strengths, fits, schema):
    step = {"use": "walk", "direction": "$found.0", "strengths": strengths}
    assert (list(mistakes({"interpgan": 1, "steps": [step]}, schema, schema)) == []) == fits


def test_there_are_recipes():
    assert RECIPES


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": STEPS},
        {"interpgan": 2, "steps": STEPS},
        {"interpgan": 1, "steps": []},
        {"interpgan": 1, "steps": STEPS, "titel": "?"},
        {"interpgan": 1, "steps": [{"seeds": "0-3"}]},
        {"interpgan": 1, "steps": [{"use": "smaple", "seeds": "0-3"}]},
        {"interpgan": 1, "steps": [{"use": "sample", "sedes": "0-3"}]},
        {"interpgan": 1, "steps": [{"use": "sample", "seeds": 1.5}]},
        {"interpgan": 1, "steps": [{"use": "sample", "seeds": 1, "batch": "$x"}]},
        {"interpgan": 1, "steps": [{"use": "truncate", "psi": "much"}]},
        {"interpgan": 1, "steps": [{"use": "mix", "source": "sample", "layers": "all"}]},
    ],
)
def test_wrong_recipes_do_not(wrong, schema):
    assert list(mistakes(wrong, schema, schema))


@pytest.mark.long
def test_parameters_within_parameters(tmp_path, command):
    (tmp_path / "dots.py").write_text(
        "from pydantic import BaseModel\nfrom interpgan_core import Operator, Report, hookimpl\n\n"
        "class Dot(BaseModel):\n    x: float\n\n"
        "class Dots(Operator):\n    dots: tuple[Dot, ...]\n    def run(self) -> Report: ...\n\n"
        "@hookimpl\ndef interpgan_operators():\n    return {'dots': 'dots:Dots'}\n"
    )
    schema = json.loads(command("--schema", "--plugin", "dots.py", cwd=tmp_path).out)
    check_schema(schema, schema)
    good = {"interpgan": 1, "steps": [{"use": "dots", "dots": [{"x": 1}]}]}
    assert list(mistakes(good, schema, schema)) == []
    good["steps"][0]["dots"][0]["x"] = "left"
    assert list(mistakes(good, schema, schema))


# Of JSON Schema (draft 2020-12) as much as recipes use.
TYPES = {
    "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float),
    "null": type(None),
}  # fmt: skip
SAYS_NOTHING = {"shown", "title", "description", "default", "format", "$schema", "$defs", "discriminator"}
WITHIN = {"anyOf", "oneOf", "prefixItems"}
CHECKS = {
    "type": lambda v, t: isinstance(v, TYPES[t]) and (t == "boolean" or not isinstance(v, bool)),
    "const": lambda v, c: v == c,
    "enum": lambda v, e: v in e,
    "pattern": lambda v, p: not isinstance(v, str) or re.search(p, v),
    "minimum": lambda v, m: not isinstance(v, int | float) or v >= m,
    "maximum": lambda v, m: not isinstance(v, int | float) or v <= m,
    "exclusiveMinimum": lambda v, m: not isinstance(v, int | float) or v > m,
    "exclusiveMaximum": lambda v, m: not isinstance(v, int | float) or v < m,
    "multipleOf": lambda v, m: not isinstance(v, int | float) or v % m == 0,
    "minItems": lambda v, m: not isinstance(v, list) or len(v) >= m,
    "maxItems": lambda v, m: not isinstance(v, list) or len(v) <= m,
    "minProperties": lambda v, m: not isinstance(v, dict) or len(v) >= m,
    "required": lambda v, names: not isinstance(v, dict) or set(names) <= set(v),
}


def mistakes(value, schema, root):
    """What of a schema a value breaks."""
    for word, rule in schema.items():
        if word in CHECKS and not CHECKS[word](value, rule):
            yield f"{value!r}: {word} {rule}"
        if word == "$ref":
            yield from mistakes(value, root["$defs"][rule.removeprefix("#/$defs/")], root)
        if word in ("anyOf", "oneOf"):
            fitting = sum(not list(mistakes(value, inner, root)) for inner in rule)
            if fitting == 0 or (word == "oneOf" and fitting > 1):
                yield f"{value!r} fits {fitting} of {word}"
    if isinstance(value, list):
        for i, item in enumerate(value):
            first = schema.get("prefixItems", [])
            yield from mistakes(item, first[i] if i < len(first) else schema.get("items", {}), root)
    if isinstance(value, dict):
        known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name, item in value.items():
            patterns = schema.get("patternProperties", {}).items()
            fitting = [inner for pattern, inner in patterns if re.search(pattern, name)]
            fitting += [known[name]] if name in known else []
            if not fitting and others is False:
                yield f"there is no {name}"
            for inner in fitting or [others if isinstance(others, dict) else {}]:
                yield from mistakes(item, inner, root)


def check_schema(schema, root):
    """It is made of nothing but words of JSON Schema that `mistakes` knows, and refers to what is there."""
    for word, rule in schema.items():
        if word in WITHIN:
            for inner in rule:
                check_schema(inner, root)
        elif word in ("properties", "patternProperties", "$defs"):
            for name, inner in rule.items():
                assert word != "patternProperties" or re.compile(name)
                check_schema(inner, root)
        elif word in ("items", "additionalProperties"):
            assert rule is False or check_schema(rule, root) is None
        elif word == "$ref":
            assert rule.removeprefix("#/$defs/") in root["$defs"]
        else:
            assert word in CHECKS or word in SAYS_NOTHING, word
            assert word != "type" or rule in TYPES
            assert word != "pattern" or re.compile(rule)
