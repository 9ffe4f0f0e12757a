"""Fields of operators that a recipe fills with the result of a step, or with a file."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.fields import FieldInfo
from pydantic_core import core_schema

from interpgan_core.errors import InterpganError, did_you_mean

T = TypeVar("T")

ONLY = "*"
_SHOWN = 6  # names, in messages


@dataclass(frozen=True)
class Reference:
    """A `$step` or `$step.item` in a recipe, while the recipe is checked.

    Args:
        step: id of the step.
        item: what is picked from its result, or ""; ONLY = the one thing in a set of one.
        result: type of what it stands for.
        singular: may the result be a set of one, which stands for the one?
    """

    step: str
    item: str
    result: type
    singular: bool = False

    def __str__(self) -> str:
        return f"${self.step}" + (f".{self.item}" if self.item not in ("", ONLY) else "")

    def of(self, result: Any) -> Any:
        """What it stands for, in the result of the step.

        Raises:
            InterpganError: if it stands for the one thing in a set of several; or there is no such item.
        """
        if self.item != ONLY:
            return result[self.item] if self.item else result
        if len(result) == 1:
            return next(iter(result.values()))
        names = list(result)
        raise InterpganError(
            f"${self.step} holds {len(names)} things: {', '.join(names[:_SHOWN])}"
            f"{' …' if len(names) > _SHOWN else ''}; pick one, as ${self.step}.{names[0] if names else 0}"
        )


class _FromStep:
    """Makes a field take the result of a step: the object in Python, `$step` in YAML."""

    def __get_pydantic_core_schema__(
        self, source: type, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        wanted = vars(source).get("said", f"a {source.__name__}")

        def check(value: Any, info: ValidationInfo) -> Any:
            if isinstance(value, Reference):
                if takes_result(value.result, source):
                    return value
                part = item_type(value.result)
                if value.singular and part and takes_result(part, source):
                    return replace(value, item=ONLY, result=part)
                one = f"pick one of it, such as {value}.0"
                hint = one if part and takes_result(part, source) else f"name a step that makes {wanted}"
                raise InterpganError(f"{value} is a {value.result.__name__}, not {wanted}; {hint}")
            if isinstance(value, source):
                return value
            words = {type(None): "nothing", dict: "a mapping", list: "a list"}
            given = words.get(type(value), repr(value))
            raise InterpganError(f"{given} is not {wanted}; name a step that makes one, such as $step")

        return core_schema.with_info_plain_validator_function(
            check,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda v: str(v) if isinstance(v, Reference) else type(v).__name__
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\$[\w-]+(\..+)?$"}


Input = Annotated[T, _FromStep()]
"""`Input[Direction]`: a field filled by `$step` in YAML, by the object itself in Python."""


def is_filled_by_step(field: FieldInfo) -> type | None:
    """The type of result that a field of an operator takes from a step; None if it is filled another way."""
    if any(isinstance(part, _FromStep) for part in field.metadata):
        own: Any = field.annotation
        return own  # type: ignore[no-any-return]
    for part in typing.get_args(field.annotation):
        if typing.get_origin(part) is Annotated and any(isinstance(m, _FromStep) for m in part.__metadata__):
            wanted: type = part.__origin__
            return wanted
    return None


def takes_result(result: type, wanted: type) -> bool:
    """Whether a field for results of one type takes those of another: a subclass, or what keeps a protocol."""
    if getattr(wanted, "_is_protocol", False):
        # issubclass refuses protocols with data members, so look the members up.
        members = {n for n in (*vars(wanted), *inspect.get_annotations(wanted)) if not n.startswith("_")}
        members |= {"__call__"} & set(vars(wanted))
        return all(
            any(name in vars(base) or name in inspect.get_annotations(base) for base in result.__mro__)
            for name in members
        )
    return issubclass(result, wanted)


def item_type(result: type) -> type | None:
    """The type of one part of a mapping, from the annotation of its `__getitem__`; None if it has none."""
    if not issubclass(result, Mapping):
        return None
    hint = typing.get_type_hints(result.__getitem__).get("return")
    hint = getattr(hint, "__bound__", None) or hint  # of a TypeVar
    return hint if isinstance(hint, type) else None


def existing(value: str | Path, info: ValidationInfo) -> Path:
    """The file or folder that a recipe names, relative to the recipe, or to the user's home with a `~`.

    Raises:
        InterpganError: if there is none.
    """
    if not str(value).strip() or str(value) == ".":
        raise InterpganError("a file is given by its name, and this is empty")
    path = Path((info.context or {}).get("folder", ""), Path(value).expanduser())
    if not path.exists():
        names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = did_you_mean(path.name, names)
        raise InterpganError(f"there is no file {path}" + (close if "mean" in close else ""))
    return path


class _File:
    """Makes a field name a file or folder that must exist, relative to the recipe."""

    def __get_pydantic_core_schema__(
        self, source: type, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        def check(value: Any, info: ValidationInfo) -> Path:
            if not isinstance(value, str | Path):
                raise InterpganError("a file is given by its name")
            return existing(value, info)

        return core_schema.with_info_plain_validator_function(
            check, serialization=core_schema.to_string_ser_schema()
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string"}


InputFile = Annotated[Path, _File()]
"""A file or folder that must exist; it counts in a cache key by its content."""
