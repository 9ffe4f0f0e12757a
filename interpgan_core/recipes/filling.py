"""An operator with results where its recipe has references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from interpgan_core.operators.fields import Reference

Model = TypeVar("Model", bound=BaseModel)


def references(value: Any) -> list[Reference]:
    """Every `Reference` inside a parameter."""
    if isinstance(value, Reference):
        return [value]
    if isinstance(value, BaseModel):
        value = [getattr(value, name) for name in type(value).model_fields]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [ref for item in value for ref in references(item)]
    return []


def filled(operator: Model, results: Mapping[str, Any]) -> Model:
    """The operator with results in place of references.

    Args:
        operator: as it was planned.
        results: id of a step -> its result; of every step that it refers to.

    Raises:
        InterpganError: if a reference picks what is not in a result.
    """
    fields = {name: getattr(operator, name) for name in type(operator).model_fields}
    if not references(fields):
        return operator
    return type(operator).model_validate({name: _filled(value, results) for name, value in fields.items()})


def _filled(value: Any, results: Mapping[str, Any]) -> Any:
    if isinstance(value, Reference):
        return value.of(results[value.step])
    if isinstance(value, BaseModel):
        return filled(value, results)
    if isinstance(value, Mapping) and references(value):
        return {key: _filled(item, results) for key, item in value.items()}
    if isinstance(value, list | tuple) and references(value):
        return [_filled(item, results) for item in value]
    return value
