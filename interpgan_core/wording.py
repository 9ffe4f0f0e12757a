"""What pydantic found wrong, in sentences for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic_core import ErrorDetails

from interpgan_core.errors import did_you_mean
from interpgan_core.operators import Reference


def in_words(error: ErrorDetails, what: str, loc: tuple[str | int, ...], known: Iterable[str]) -> str:
    """One error of pydantic as a sentence.

    Args:
        error: as `ValidationError.errors()` lists it.
        what: what has the parameters, such as "shift".
        loc: where in it, such as ("strength",).
        known: names that there are, for a suggestion.
    """
    kind = error["type"]
    if kind == "extra_forbidden":
        return f"{what} has no parameter '{loc[-1]}'{did_you_mean(str(loc[-1]), known)}"
    if kind == "missing":
        return f"{what} needs '{loc[-1]}'"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    name = f"'{loc[0]}' of {what}" if loc else what
    return f"{name} {_expected(error)}, not {_given(error.get('input'))}"


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
        "too_short": "must have at least one entry",
        "greater_than_equal": f"must be at least {limits.get('ge')}",
        "greater_than": f"must be more than {limits.get('gt')}",
        "less_than_equal": f"must be at most {limits.get('le')}",
        "less_than": f"must be less than {limits.get('lt')}",
        "literal_error": f"must be {limits.get('expected')}",
        "string_pattern_mismatch": f"must match {limits.get('pattern')}",
    }
    return words.get(kind, error["msg"][:1].lower() + error["msg"][1:])


def _given(value: Any) -> str:
    if isinstance(value, Reference):
        return f"the result of a step ({value}); for a text that begins with $, write $$"
    if isinstance(value, list | tuple | dict) and not value:
        return "nothing"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, bool):
        return str(value).lower()
    return "empty" if value is None else f"'{value}'" if isinstance(value, str) else str(value)
