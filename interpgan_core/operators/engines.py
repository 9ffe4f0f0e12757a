"""Where a long task is worked on: in this process, or wherever a plugin takes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from interpgan_core.errors import InterpganError
from interpgan_core.plugins import plugins

T = TypeVar("T")
R = TypeVar("R")


class Engine(BaseModel, ABC):
    """Does the parts of a task; its fields are its options.

    A subclass writes `map`; a plugin offers it with the hook `interpgan_engines`.

    Example:
        >>> from interpgan_core import Engine
        >>> class Backwards(Engine):
        ...     def map(self, work, parts):
        ...         return map(work, reversed(parts))
        >>> list(Backwards().map(str, [1, 2]))
        ['2', '1']
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def map(self, work: Callable[[T], R], parts: Sequence[T]) -> Iterator[R]:
        """Do every part once.

        Args:
            work: does one part. It can be pickled, and its answer depends on the part alone, wherever it is done.
            parts: what there is to do; small things that can be pickled.

        Yields:
            What `work` returns for each part, as it is ready: in any order, so an answer says what it belongs to.
        """


class Local(Engine):
    """In this process, one part after the other."""

    def map(self, work: Callable[[T], R], parts: Sequence[T]) -> Iterator[R]:
        return map(work, parts)


def _engine(value: Any) -> Engine:
    """An engine by its name, or by a mapping of its name and its options."""
    if isinstance(value, Engine):
        return value
    options = {"use": value} if isinstance(value, str) else value
    if not isinstance(options, Mapping) or not isinstance(options.get("use"), str):
        raise InterpganError("an engine is a name, such as local, or a mapping, such as {use: local}")
    provided = plugins().get("engines", options["use"])
    cls = provided.load()
    if not (isinstance(cls, type) and issubclass(cls, Engine)):
        raise provided.fault("is no subclass of Engine")
    return cls.model_validate({name: option for name, option in options.items() if name != "use"})


_WRITTEN = {
    "anyOf": [
        {"type": "string"},
        {"type": "object", "properties": {"use": {"type": "string"}}, "required": ["use"]},
    ]
}

# It says where a result is made, not what it is: `exclude` keeps it out of the cache key.
ChosenEngine = Annotated[Engine, BeforeValidator(_engine), WithJsonSchema(_WRITTEN), Field(exclude=True)]
"""A parameter that chooses an engine: `local`, `ray`, or with options, `{use: ray, workers: 4}`."""
