"""What an operator is, what may stand in its fields, and what it may return."""

from __future__ import annotations

import inspect
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol, Self, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic_core import core_schema

from interpgan_core.atomic import placing
from interpgan_core.checkpoints import read_safetensors, write_safetensors
from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generator import Generator
from interpgan_core.latents import LatentBatch
from interpgan_core.report import Report, Table

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
NEEDS = ("generator", "batch", "device", "folder", "scratch", "progress")

Progress = Callable[..., Iterable[Any]]
"""`for x in progress(items, total=n, what="scoring"):` shows a bar where there is someone to see it; `what` may be a
function that is asked again and again, such as for the loss."""


def quiet(
    items: Iterable[Any], total: int | None = None, what: str | Callable[[], str] = ""
) -> Iterable[Any]:
    """The `Progress` of someone who looks at nothing; for tests and scripts that call an operator themselves.

    Args:
        items: what is gone through.
        total: how many there are; not used.
        what: what is done with them; not used.

    Returns:
        `items`, as they are.
    """
    return items


@dataclass(frozen=True)
class Reference:
    """A `$step` or `$step.item` in a recipe, while the recipe is checked.

    Args:
        step: id of the step.
        item: what is picked from its result, or "".
        result: type of what it stands for.
    """

    step: str
    item: str
    result: type

    def __str__(self) -> str:
        return f"${self.step}" + (f".{self.item}" if self.item else "")


class _FromStep:
    """Makes a field take the result of a step: the object in Python, `$step` in YAML."""

    def __get_pydantic_core_schema__(
        self, source: type, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        def check(value: Any, info: ValidationInfo) -> Any:
            if isinstance(value, Reference):
                if _fits(value.result, source):
                    return value
                part = item_type(value.result)
                one = f"pick one of it, such as {value}.0"
                hint = one if part and _fits(part, source) else f"name a step that makes a {source.__name__}"
                raise InterpganError(f"{value} is a {value.result.__name__}, not a {source.__name__}; {hint}")
            if isinstance(value, source):
                return value
            words = {type(None): "nothing", dict: "a mapping", list: "a list"}
            given = words.get(type(value), repr(value))
            raise InterpganError(
                f"{given} is not a {source.__name__}; name a step that makes one, such as $step"
            )

        return core_schema.with_info_plain_validator_function(
            check,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda v: str(v) if isinstance(v, Reference) else type(v).__name__
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^\$[\w-]+(\.[\w-]+)*$"}


Input = Annotated[T, _FromStep()]
"""`Input[Direction]`: a field filled by `$step` in YAML, by the object itself in Python."""


def _fits(result: type, wanted: type) -> bool:
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


class Operator(BaseModel, ABC):
    """One step of a recipe: its fields are its parameters, `run` is what it does.

    A subclass writes `run` with a plain signature that names any of generator, batch, device, folder,
    scratch and progress (with a default of None where it can do without); the return annotation is the type
    of the result. `folder` becomes the step's result when the step is done; `scratch` is a folder that
    outlives a run that is killed, so that a long step can go on where it was, and is removed when it is done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    version: ClassVar[int] = 1
    """Raise it when equal parameters give another result."""
    keep: ClassVar[bool] = True
    """False: cheap or loading, always run again."""

    def run(self, *args: Any, **needs: Any) -> Any:
        """Do it; see the class."""
        raise InterpganError(f"{type(self).__name__} does not say what to run; write its run method")

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


class EditOperator(Operator):
    """An operator that turns a batch into a batch of the same samples."""

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
    """What a step may return and the runner keep. With a `summary() -> Report` it shows in the report."""

    def save(self, folder: Path) -> None:
        """Write everything needed to load it again into an empty folder."""

    @classmethod
    def load(cls, folder: Path, generator: Generator | None) -> Self:
        """Read what `save` wrote."""


@runtime_checkable
class Scorer(Protocol):
    """Pictures in, attribute scores out."""

    names: tuple[str, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, len(names)) float32."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Attribute scores of samples; a sample is its seed.

    Args:
        seeds: (n,) int64.
        values: (n, k) float32.
        names: k attributes.
    """

    seeds: Tensor
    values: Tensor
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if tuple(self.values.shape) != (len(self.seeds), len(self.names)):
            raise InterpganError(
                f"{len(self.seeds)} seeds and {len(self.names)} attributes came with scores of shape "
                f"{tuple(self.values.shape)}"
            )

    def __getitem__(self, name: str) -> Tensor:
        """(n,) float32; scores of one attribute."""
        if name not in self.names:
            raise InterpganError(f"there are no scores of '{name}'" + did_you_mean(name, self.names))
        return self.values[:, self.names.index(name)]

    def save(self, folder: Path) -> None:
        """Write `scores.safetensors` into the folder."""
        self.write(folder / "scores.safetensors")

    def write(self, path: Path) -> None:
        """Write one file, whole or not at all; `load` reads it."""
        tensors = {"seeds": self.seeds, "values": self.values}
        write_safetensors(path, tensors, "scores", {"names": self.names})

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Scores:
        """Read what `save` wrote; `folder` may be the file itself."""
        path = folder / "scores.safetensors" if folder.is_dir() else folder
        tensors, header = read_safetensors(path, "scores")
        return cls(tensors["seeds"], tensors["values"], tuple(header["names"]))

    def write_csv(self, path: Path) -> None:
        """Write a table with a column `seed` and one column an attribute."""
        import csv

        with placing(path) as temporary, temporary.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(("seed", *self.names))
            for seed, row in zip(self.seeds.tolist(), self.values.tolist(), strict=True):
                table.writerow((seed, *row))

    def summary(self) -> Report:
        """What the report shows of them: mean, deviation and range of each attribute."""
        rows = []
        for name in self.names:
            known = self[name][~self[name].isnan()].double()
            if len(known):
                deviation = float(known.std(correction=0))
                rows.append((name, float(known.mean()), deviation, float(known.min()), float(known.max())))
        columns = ("attribute", "mean", "deviation", "lowest", "highest")
        return Report(tables=(Table(f"Scores of {len(self.seeds)} samples", columns, tuple(rows)),))
