"""Numbers and switches in the fields of operators: neither `yes` nor "3" is a number."""

from __future__ import annotations

from typing import Any


def strict_numbers(schema: Any) -> Any:
    """A schema of pydantic, or part of one, in which a number is a number, and a bool is true or false.

    Without it pydantic takes true for 1, "3" for 3 and "no" for false, also within lists and mappings.
    """
    if isinstance(schema, list):
        return [strict_numbers(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {"strict": True} if schema.get("type") in ("int", "float", "bool") else {}
    return {key: strict_numbers(part) for key, part in schema.items()} | strict
