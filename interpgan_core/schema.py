"""The JSON Schema of recipes, from the operators that are installed."""

from __future__ import annotations

import inspect
from typing import Any

from interpgan_core.errors import InterpganError
from interpgan_core.plugins import plugins
from interpgan_core.recipe import Recipe


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a recipe; operators that cannot be imported are left out.

    Returns:
        A mapping that `json` can write.
    """
    steps = []
    parts: dict[str, Any] = {}
    for name, provided in sorted(plugins().operators.items()):
        try:
            operator = provided.load()
        except InterpganError:
            continue
        step = operator.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
        parts |= {f"{name}.{part}": schema for part, schema in step.pop("$defs", {}).items()}
        reference = {"type": "string", "pattern": r"^\$[\w-]+"}
        step["title"] = name
        step["description"] = (inspect.getdoc(operator) or "").split("\n\n")[0]
        step["properties"] = {
            "use": {"const": name},
            "id": {"type": "string", "pattern": r"^[a-z][a-z0-9_-]*$"},
            **{flow: reference for flow in ("batch", "generator") if flow in operator.needs()},
            **step.get("properties", {}),
        }
        step["required"] = ["use", *step.get("required", [])]
        steps.append(step)
    schema = Recipe.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$defs"] = parts
    schema["properties"]["steps"] = {"type": "array", "minItems": 1, "items": {"oneOf": steps}}
    return schema
