"""What an operator is, what may stand in its fields, and what it may return."""

from __future__ import annotations

import functools
import inspect
import tempfile
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from interpgan_core.errors import InterpganError
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.strict_numbers import strict_numbers
from interpgan_core.pictures.report import Report
from interpgan_core.progress import bars

NEEDS = ("generator", "batch", "device", "folder", "scratch", "progress")


class Operator(BaseModel, ABC):
    """One step of a recipe: its fields are its parameters, `run` is what it does.

    A subclass writes `run` with a plain signature that names any of generator, batch, device, folder,
    scratch and progress (with a default of None where it can do without); the return annotation is the type
    of the result. `folder` becomes the step's result when the step is done; `scratch` is a folder that
    outlives a run that is killed, so that a long step can go on where it was, and is removed when it is done.

    Where a field is a number, nothing else is taken for one, neither true nor "3", and it is finite.

    In Python, outside of recipes, all but generator and batch may be left out: folders are then temporary, until
    the process ends, progress is shown where there is someone to see it, and the device is cuda where there is one.

    Example:
        >>> from interpgan_core import Operator, Report
        >>> class Greet(Operator):
        ...     name: str = "you"
        ...     def run(self) -> Report:
        ...         return Report(notes=(f"Hello {self.name}.",))
        >>> Greet(name="there").run().notes
        ('Hello there.',)
        >>> Greet.needs(), Greet.result().__name__
        ({}, 'Report')
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    version: ClassVar[int] = 1
    """Raise it when equal parameters give another result."""
    keep: ClassVar[bool] = True
    """False: cheap or loading, always run again."""
    singular: ClassVar[bool] = False
    """May the set that it makes hold one thing alone? Then `$step` stands for that one, too."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "run" in cls.__dict__:
            cls.run = _supplied(cls.run)  # type: ignore[method-assign]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: CoreSchema = strict_numbers(handler(source))
        return schema

    def run(self, *args: Any, **needs: Any) -> Any:
        """Do it; see the class."""
        raise InterpganError(f"{type(self).__name__} does not say what to run; write its run method")

    def check(self, *args: Any, **given: Any) -> Any:
        """Find out in seconds, before anything slow runs, whether `run` would fail.

        A subclass writes it where it can, with a plain signature that names any of generator and batch; a quick edit
        runs on the one sample that it is given. What is not there yet is a stand-in: a batch of one sample in the
        right space, directions with the right names (`DirectionSet.expected`), scores that are all missing.

        Returns:
            A stand-in of the result, for the checks of the steps that use it; None where nothing is known of it.

        Raises:
            InterpganError: if something is wrong that `run` would refuse.
        """
        return None

    def sources(self) -> Iterable[Path]:
        """Files that the result is made of and no parameter names, such as weights that come with a plugin.

        They count in a cache key by their content.
        """
        return ()

    @classmethod
    def needs(cls) -> dict[str, bool]:
        """What `run` asks for: name -> whether it can do without.

        Raises:
            InterpganError: if it asks for something that there is not.
        """
        parameters = list(inspect.signature(cls.run).parameters.values())[1:]
        for p in parameters:
            if p.name not in NEEDS:
                raise InterpganError(f"run of {cls.__name__} asks for '{p.name}'; it may ask for {NEEDS}")
        return {p.name: p.default is not p.empty for p in parameters}

    @classmethod
    def result(cls) -> type:
        """The type that `run` returns."""
        hint = typing.get_type_hints(cls.run).get("return", object)
        return hint if isinstance(hint, type) else object


def default_device() -> str:
    """Where there is nothing said: "cuda" where there is one, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@functools.cache
def _session() -> tempfile.TemporaryDirectory[str]:
    """Holds what operators write that are given no folder; removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="interpgan-")


def _new_folder() -> Path:
    return Path(tempfile.mkdtemp(dir=_session().name))


_SUPPLY: Mapping[str, Callable[[], Any]] = MappingProxyType(
    {"folder": _new_folder, "scratch": _new_folder, "progress": lambda: bars, "device": default_device}
)


def _supplied(run: Callable[..., Any]) -> Callable[..., Any]:
    """`run`, which can be called without what it cannot do without and anyone can supply."""
    signature = inspect.signature(run)
    asked = [n for n, p in signature.parameters.items() if n in _SUPPLY and p.default is p.empty]
    if not asked:
        return run

    @functools.wraps(run)
    def supplied(*args: Any, **given: Any) -> Any:
        known = signature.bind_partial(*args, **given).arguments
        more = {name: _SUPPLY[name]() for name in asked if name not in known}
        result = run(*args, **given, **more)
        folder = {**known, **more}.get("folder")
        return replace(result, folder=folder) if folder and isinstance(result, Report) else result

    return supplied


class EditOperator(Operator):
    """An operator that turns a batch into a batch of the same samples.

    Example:
        >>> from dataclasses import replace
        >>> from interpgan_core import EditOperator
        >>> from interpgan_core.testing import toy
        >>> class Double(EditOperator):
        ...     space = "w"
        ...     def apply(self, batch, generator):
        ...         return replace(batch, codes=2 * batch.codes)
        >>> generator = toy()
        >>> Double().run(generator.sample([7]), generator).space.name
        'w'
    """

    space: ClassVar[str | None] = None
    """Codes are carried to this space first; None: `apply` takes them as they are."""

    @abstractmethod
    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """The edit itself.

        Args:
            batch: codes; must not be changed in place.
            generator: the generator that they belong to.

        Returns:
            The edited batch, with labels, seeds and earlier edits kept.
        """

    def run(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        """Carry the batch to `space`, and edit it."""
        if self.space is not None:
            batch = generator.to_space(batch, self.space)
        return self.apply(batch, generator)


@runtime_checkable
class Artifact(Protocol):
    """What a step may return and the runner keep. With a `summary() -> Report` it shows in the report.

    Example:
        >>> from interpgan_core import Artifact, Report
        >>> isinstance(Report(title="empty"), Artifact)
        True
    """

    def save(self, folder: Path) -> None:
        """Write everything needed to load it again into an empty folder."""

    @classmethod
    def load(cls, folder: Path, generator: Generator | None) -> Self:
        """Read what `save` wrote."""
