"""What a person reads about one operator: what it does, and its parameters."""

from __future__ import annotations

import inspect
import json
from typing import Any

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.plugins import plugins
from interpgan_core.recipes.schema import step_schema


def manual(name: str) -> str:
    """The page of an operator.

    Args:
        name: as recipes write it, such as "sefa".

    Returns:
        Lines: what it does, its parameters with defaults, and the shortest step that uses it.

    Raises:
        InterpganError: if no plugin offers it, or it cannot be described.
    """
    operators = plugins().operators
    if name not in operators:
        raise InterpganError(f"there is no operator '{name}'{did_you_mean(name, operators)}")
    operator = operators[name].load()
    try:
        schema = step_schema(name, operator)
    except (AttributeError, TypeError) as error:
        raise InterpganError(f"the operator '{name}' does not say what it takes") from error
    says = (inspect.getdoc(operator) or "").split("\nExample:\n")[0].strip()
    rows, shortest = [], {"use": name}
    for parameter, field in schema["properties"].items():
        if parameter in ("use", "id"):
            continue
        kind = _kind(field, schema.get("$defs", {}))
        known = "needed" if parameter in schema["required"] else f"default {_written(field.get('default'))}"
        if parameter in operator.needs():
            known = "the nearest before, when left out"
        rows.append((parameter, kind, known, field.get("description", "")))
        if parameter in schema["required"]:
            shortest[parameter] = "$step" if kind.startswith("$step") else "…"
    lines = [f"{name}: {says}", ""]
    for parameter, kind, known, words in rows:
        lines.append(f"  {parameter}: {kind}; {known}")
        lines += [f"      {line}" for line in words.splitlines()]
    step = ", ".join(f"{key}: {value}" for key, value in shortest.items())
    return "\n".join([*lines, "", f"  - {{{step}}}"])


def _written(value: Any) -> str:
    return "none" if value in (None, [], {}, "") else json.dumps(value, ensure_ascii=False).strip('"')


def _kind(field: dict[str, Any], parts: dict[str, Any]) -> str:
    """What may be written, in words."""
    if "$ref" in field:
        return _kind(parts.get(field["$ref"].rpartition("/")[2], {}), parts)
    if "anyOf" in field or "oneOf" in field:
        kinds = dict.fromkeys(_kind(part, parts) for part in field.get("anyOf") or field["oneOf"])
        return " or ".join(kind for kind in kinds if kind != "nothing")
    if "enum" in field or "const" in field:
        return " or ".join(map(_written, field.get("enum") or [field["const"]]))
    if field.get("type") == "array":
        if "prefixItems" in field:
            return f"a list of {len(field['prefixItems'])}"
        entry = _kind(field.get("items", {}), parts)
        return "a list" if " or " in entry else f"a list, each {entry}"
    if str(field.get("pattern", "")).startswith(r"^\$"):
        return "$step"
    words = {
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "object": "a mapping",
        "null": "nothing",
    }
    return words.get(str(field.get("type")), "as described")
