"""The JSON Schema of recipes, from the operators that are installed."""

from __future__ import annotations

import inspect
from typing import Any

from interpgan_core.plugins import plugins
from interpgan_core.recipes.recipe import Recipe


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a recipe.

    Returns:
        A mapping that `json` can write; operators that cannot be imported or described are left out.
    """
    steps = []
    for name, provided in sorted(plugins().operators.items()):
        try:
            steps.append(step_schema(name, provided.load()))
        except Exception:
            continue  # a recipe that uses it says why
    schema = Recipe.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$defs"] = {part: inner for step in steps for part, inner in step.pop("$defs", {}).items()}
    schema["properties"]["steps"] = {"type": "array", "minItems": 1, "items": {"oneOf": steps}}
    return schema


def step_schema(name: str, operator: Any) -> dict[str, Any]:
    """The schema of a step; what it refers to is named after it."""
    step: dict[str, Any] = operator.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    step["$defs"] = {f"{name}.{part}": inner for part, inner in step.get("$defs", {}).items()}
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
    return step
