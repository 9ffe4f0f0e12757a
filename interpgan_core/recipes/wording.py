"""What pydantic found wrong, in sentences for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from interpgan_core.errors import did_you_mean
from interpgan_core.operators.fields import Reference


def one_each(errors: Iterable[ErrorDetails], depth: int) -> list[ErrorDetails]:
    """Of all that pydantic found the error that says most about each parameter.

    Args:
        errors: as `ValidationError.errors()` lists them.
        depth: parts of a location that name a parameter.
    """
    errors = list(errors)
    # A parameter with a typing error is also missing under its right name; the first says more.
    if typos := [e for e in errors if e["type"] == "extra_forbidden"]:
        errors = typos + [e for e in errors if e["type"] not in ("extra_forbidden", "missing")]
    # Of a parameter that may have several types, the type that the value comes closest to.
    closest: dict[Any, ErrorDetails] = {}
    for error in errors:
        name = error["loc"][:depth]
        closest[name] = max(closest.get(name, error), error, key=lambda e: len(e["loc"]))
    return list(closest.values())


def in_words(
    error: ErrorDetails, what: str, loc: tuple[str | int, ...], known: Iterable[str], noun: str
) -> str:
    """One error of pydantic as a sentence.

    Args:
        error: as `ValidationError.errors()` lists it.
        what: what has the parameters, such as "shift".
        loc: where in it, such as ("strength",) or ("strengths", 1), with pydantic's names of types between.
        known: names that there are, for a suggestion.
        noun: what one of them is called: "parameter", "key".

    Returns:
        What is wrong and what to do, without an end stop.
    """
    kind, value = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return f"{what} has no {noun} '{loc[-1]}'{did_you_mean(str(loc[-1]), known)}"
    if kind == "missing" and isinstance(loc[-1], int):
        return f"'{loc[0]}' of {what} has {loc[-1]} entries; add the others"
    if kind == "too_long":
        sizes = error["ctx"]
        return f"'{loc[0]}' of {what} has {sizes['actual_length']} entries; keep {sizes['max_length']}"
    if kind == "missing":
        return f"{what} needs the {noun} '{loc[-1]}'; add it"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    name = f"'{loc[0]}' of {what}" if loc else what
    if kind == "union_tag_invalid":
        context = error["ctx"]
        *most, last = context["expected_tags"].split(", ")
        return f"{context['discriminator']} of {name} must be {', '.join(most)} or {last}, not '{context['tag']}'"
    if kind == "union_tag_not_found":
        return f"{name} needs the parameter {error['ctx']['discriminator']}; add it"
    entry = next((part for part in loc[1:] if isinstance(part, int)), None)
    if entry is not None:
        name = f"entry {entry + 1} of {name}"
    if value is None or value == [] or value == {}:
        return f"{name} {_expected(error)}, but is empty"
    hint = "; write $$ for a $" if isinstance(value, Reference) and kind == "string_type" else ""
    return f"{name} {_expected(error)}, not {given(value)}{hint}"


def model_of(model: type[BaseModel], loc: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model of a parameter with parameters of its own; of several models the one that pydantic has taken."""
    field = model.model_fields.get(str(loc[0]))
    if field is None:
        return None
    for part in get_args(field.annotation) or (field.annotation,):
        if isinstance(part, type) and issubclass(part, BaseModel):
            tag = part.model_fields.get(str(field.discriminator))
            if tag is None or loc[1] in get_args(tag.annotation):
                return part
    return None


def _expected(error: ErrorDetails) -> str:
    """The end of a sentence that begins with the name of a parameter."""
    kind, limits = error["type"], error.get("ctx", {})
    words = {
        "string_type": "must be text",
        "float_type": "must be a number",
        "float_parsing": "must be a number",
        "finite_number": "must be a finite number",
        "int_type": "must be a whole number",
        "int_parsing": "must be a whole number",
        "int_from_float": "must be a whole number",
        "bool_type": "must be true or false",
        "bool_parsing": "must be true or false",
        "tuple_type": "must be a list",
        "list_type": "must be a list",
        "dict_type": "must be a mapping",
        "model_type": "must be a mapping, such as {use: sample, seeds: 0-3}",
        "model_attributes_type": "must be a mapping",
        "path_type": "must be the name of a file",
        "too_short": "must have at least one entry",
        "greater_than_equal": f"must be at least {limits.get('ge')}",
        "greater_than": f"must be more than {limits.get('gt')}",
        "less_than_equal": f"must be at most {limits.get('le')}",
        "less_than": f"must be less than {limits.get('lt')}",
        "literal_error": f"must be {limits.get('expected')}",
        "string_pattern_mismatch": f"must match {limits.get('pattern')}",
    }
    said = error["msg"].replace("Input should", "must", 1)
    return words.get(kind, said[:1].lower() + said[1:])


def given(value: Any) -> str:
    """A value of a recipe, short enough to be shown in a sentence."""
    if isinstance(value, Reference):
        return f"the result of a step ({value})"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value) if len(str(value)) <= 60 else f"{str(value)[:57]}..."
    return f"'{text}'" if isinstance(value, str) else text
