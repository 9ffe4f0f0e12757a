"""`Recipe` -> checked steps, each with what it needs, the type of its result, and its key."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from interpgan_core.errors import InterpganError, RecipeError, did_you_mean
from interpgan_core.files.paths import sha256_of
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import Reference, item_type
from interpgan_core.plugins import one_line, plugins
from interpgan_core.recipes.filling import references
from interpgan_core.recipes.recipe import (
    FORMAT,
    RESERVED,
    Loc,
    Recipe,
    Source,
    Step,
    parse_value,
    read_recipe,
)
from interpgan_core.recipes.wording import given, in_words, model_of, one_each

FLOWS: Mapping[str, type] = {"generator": Generator, "batch": LatentBatch}
_REFERENCE = re.compile(r"\$([\w-]+)(?:\.(\S|\S.*\S))?")


@dataclass(frozen=True)
class PlannedStep:
    """One checked step.

    Args:
        number: 1-based position.
        id: its name, given or made from its operator.
        use: its operator.
        operator: the operator, with `Reference`s where results of other steps come in.
        written: its parameters as the recipe and `--set` give them.
        inputs: numbers of the steps whose results it uses; of flows by name, of references by id.
        generator: number of the step whose generator is in force here, for loading results; 0 = none.
        result: the type that it returns.
        content: everything that its result depends on, as JSON values.
        key: sha256 of the content.
    """

    number: int
    id: str
    use: str
    operator: Operator
    written: Mapping[str, Any]
    inputs: Mapping[str, int]
    generator: int
    result: type
    content: Mapping[str, Any]
    key: str

    @property
    def loc(self) -> Loc:
        """Where it stands in the file."""
        return ("steps", self.number - 1)

    @property
    def keeps(self) -> bool:
        """Is its result kept in the output folder?"""
        return self.operator.keep and hasattr(self.result, "save") and hasattr(self.result, "load")

    @property
    def folder(self) -> str:
        """Name of its folder in the output folder."""
        return f"{self.number:02d}-{self.id}"


@dataclass(frozen=True)
class Plan:
    """A recipe whose every name, parameter, reference, type and file has been checked: what `make_plan` returns.

    Args:
        source: the text, and where in it everything stands.
        title: of the recipe.
        steps: in order.
        overrides: "step.parameter=value" each, as of `--set`.
        replaced: place of a parameter -> the override that has put its value there.

    Example:
        >>> from interpgan_core import make_plan
        >>> plan = make_plan({"interpgan": 1, "steps": [{"use": "generator", "weights": "toy"}]})
        >>> [(step.number, step.id) for step in plan.steps]
        [(1, 'generator')]
    """

    source: Source
    title: str
    steps: tuple[PlannedStep, ...]
    overrides: tuple[str, ...] = ()
    replaced: Mapping[Loc, str] = field(default_factory=dict)
    """Place of a parameter -> the override that has put its value there."""

    def error(self, message: str, loc: Loc, key: bool = False) -> RecipeError:
        """An error at a place in the file, or in the override that put the value there.

        Args:
            message: what is wrong and what to do.
            loc: of the value.
            key: whether the name of the value is meant.

        Returns:
            The error, to be raised.
        """
        for place, text in self.replaced.items():
            if loc[: len(place)] == place:
                return RecipeError(message, f"--set {text}")
        return self.source.error(message, loc, key)


def make_plan(
    recipe: str | Path | Mapping[str, Any], overrides: Sequence[str] = (), folder: Path = Path()
) -> Plan:
    """Check a recipe; nothing of it is run, and torch is not imported.

    Args:
        recipe: the file, or what would stand in it as plain values: {"interpgan": 1, "steps": [...]}.
        overrides: "step.parameter=value" each, as of `--set`.
        folder: of a recipe of plain values: where the files are that it names.

    Returns:
        What `run` takes.

    Raises:
        RecipeError: if there are mistakes; it holds all of them, but none that only follows from another.
    """
    if isinstance(recipe, Mapping):
        source, raw = Source(folder / "recipe", "", written=False), copy.deepcopy(dict(recipe))
    else:
        source, raw = read_recipe(Path(recipe))
    return _Planner(source, raw, overrides).plan()


class _Follows(RecipeError):
    """A step builds on one that has a mistake, so that nothing can be said about it."""


class _Planner:
    def __init__(self, source: Source, raw: dict[str, Any], overrides: Sequence[str]) -> None:
        self.source = source
        self.raw = raw
        self.overrides = overrides
        self.set: dict[Loc, str] = {}
        self.draft = Plan(source, "", (), tuple(overrides), self.set)
        self.ids: list[str] = []
        self.done: dict[str, PlannedStep] = {}
        self.flow: dict[str, int] = {}
        self.wrong: set[str] = set()  # ids of steps with mistakes, and of those that build on them

    def plan(self) -> Plan:
        recipe = self._recipe()
        self._name(recipe.steps)
        for text in self.overrides:
            self._override(text)
        recipe = self._recipe()
        steps, mistakes = [], []
        for number, step in enumerate(recipe.steps, start=1):
            try:
                planned = self._step(number, step)
            except _Follows:
                self._pass_over(number, step)
            except RecipeError as error:
                mistakes.append(error)
                self._pass_over(number, step)
            else:
                self.done[planned.id] = planned
                steps.append(planned)
                self._offer(number, planned.result)
        if mistakes:
            raise mistakes[0].with_others(mistakes[1:])
        return replace(self.draft, title=recipe.title, steps=tuple(steps))

    def _offer(self, number: int, result: type) -> None:
        """The steps below take the generator or the batch from here."""
        self.flow |= {name: number for name, kind in FLOWS.items() if issubclass(result, kind)}

    def _pass_over(self, number: int, step: Step) -> None:
        """Go on behind a step with a mistake, as if it were right; of what builds on it only its own mistakes count."""
        self.wrong.add(self.ids[number - 1])
        try:
            self._offer(number, self._class(step.use, ("steps", number - 1)).result())
        except RecipeError:  # it could make anything
            self.flow = dict.fromkeys(FLOWS, number)

    def _recipe(self) -> Recipe:
        version = self.raw.get("interpgan")
        if version is None:
            raise self.source.error(
                f"a recipe says first in which format it is written; begin with interpgan: {FORMAT}",
                ("interpgan",),
            )
        if type(version) is not int or version != FORMAT:
            raise self.source.error(
                f"this version reads recipes of format {FORMAT}, not {given(version)}; "
                f"write interpgan: {FORMAT}, or update interpgan-core",
                ("interpgan",),
            )
        try:
            return Recipe.model_validate(self.raw)
        except ValidationError as error:
            loc = tuple(error.errors()[0]["loc"])
            if len(loc) > 1 and loc[0] == "steps":
                raise self._invalid(error, "a step", loc[:2], Step, skip=2) from None
            raise self._invalid(error, "a recipe", (), Recipe) from None

    def _name(self, steps: Sequence[Step]) -> None:
        """Every step gets a name: its id, or its operator's, numbered where that is taken."""
        given = {step.id for step in steps if step.id}
        for i, step in enumerate(steps):
            loc = ("steps", i, "id")
            if step.id in RESERVED:
                raise self.source.error(f"'{step.id}' is a reserved word; choose another id", loc)
            if step.id and step.id in self.ids:
                first = self._line(step.id)
                raise self.source.error(
                    f"two steps are called '{step.id}', the first {first}; rename one", loc
                )
            name = step.id
            if not name:
                base = re.sub(r"[^\w-]+", "-", step.use) or "step"
                name, count = base, 2
                while name in given or name in self.ids:
                    name, count = f"{base}-{count}", count + 1
            self.ids.append(name)

    def _line(self, step: str) -> str:
        """Where a step stands, in words."""
        number = self.ids.index(step)
        line, _ = self.source.values.get(("steps", number), (0, 0))
        return f"in line {line}" if line else f"as step {number + 1}"

    def _override(self, text: str) -> None:
        target, equals, value = text.partition("=")
        step, dot, parameter = target.strip().rpartition(".")
        if not (equals and dot):
            raise RecipeError("write it as step.parameter=value", f"--set {text}")
        if step not in self.ids:
            hint = did_you_mean(step, self.ids)
            raise RecipeError(f"the recipe has no step '{step}'{hint}", f"--set {text}")
        if parameter in RESERVED:
            raise RecipeError(f"'{parameter}' is fixed by the recipe; edit the file instead", f"--set {text}")
        try:
            new = parse_value(value)
        except InterpganError as error:
            raise RecipeError(str(error), f"--set {text}") from None
        number = self.ids.index(step)
        self.raw["steps"][number][parameter] = new
        self.set["steps", number, parameter] = text

    def _step(self, number: int, step: Step) -> PlannedStep:
        loc: Loc = ("steps", number - 1)
        name = self.ids[number - 1]
        cls = self._class(step.use, loc)
        parameters = {
            key: self._resolve(value, (*loc, key), number) for key, value in step.parameters.items()
        }
        try:
            operator = cls.model_validate(parameters, context={"folder": self.source.file.parent})
            read = {
                name: self._content(getattr(operator, name))
                for name, field in cls.model_fields.items()
                if not field.exclude  # it says how to get there, and changes nothing in the result
            }
            sources = [sha256_of(path) for path in operator.sources()]
        except ValidationError as error:
            raise self._invalid(error, step.use, loc, cls) from None
        except InterpganError as error:
            raise self.source.error(f"{step.use}: {error}", loc) from None
        except OSError as error:
            raise self.source.error(f"a file of {step.use} cannot be read: {error.strerror}", loc) from None
        except Exception as error:
            raise self.source.error(self._faulty(step.use, error), loc) from error
        inputs = self._flows(step, cls, loc, number)
        content = {
            "use": step.use,
            "version": cls.version,
            "parameters": read,
            "flows": {flow: self._key(i) for flow, i in inputs.items()},
            **({"sources": sources} if sources else {}),
        }
        refs = {ref.step: self.done[ref.step].number for ref in references(operator)}
        return PlannedStep(
            number=number,
            id=name,
            use=step.use,
            operator=operator,
            written=step.parameters,
            inputs={**{f"${ref}": i for ref, i in refs.items()}, **inputs},
            generator=inputs.get("generator", self.flow.get("generator", 0)),
            result=cls.result(),
            content=content,
            key=hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
        )

    def _class(self, use: str, loc: Loc) -> type[Operator]:
        loc = (*loc, "use")
        try:
            provided = plugins().get("operators", use)
            cls = provided.load()
            if not (isinstance(cls, type) and issubclass(cls, Operator)):
                raise provided.fault("is no subclass of Operator")
        except InterpganError as error:
            raise self.source.error(str(error), loc) from None
        try:
            cls.needs()
            cls.result()
        except Exception as error:
            raise self.source.error(self._faulty(use, error), loc) from error
        return cls

    def _faulty(self, use: str, error: Exception) -> str:
        origin = plugins().get("operators", use).origin
        return f"'{use}' comes from {origin}, which has a mistake in it: {one_line(error)}; report it there"

    def _resolve(self, value: Any, loc: Loc, number: int) -> Any:
        """Put a `Reference` where a `$step` stands, at any depth."""
        if isinstance(value, list):
            return [self._resolve(item, (*loc, i), number) for i, item in enumerate(value)]
        if isinstance(value, dict):
            return {key: self._resolve(item, (*loc, key), number) for key, item in value.items()}
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        if value.startswith("$$"):
            return value[1:]
        match = _REFERENCE.fullmatch(value)
        if not match:
            raise self.draft.error(
                f"'{value}' is not a reference; write $step, $step.item, or $$ for a $", loc
            )
        step, item = match[1], match[2] or ""
        if len(item) > 2 and item[0] == item[-1] and item[0] in "'\"":  # quoted, as YAML quotes
            item = item[1:-1]
        if step in self.wrong:
            raise _Follows("")
        if step not in self.done:
            if step in self.ids:
                itself = self.ids.index(step) == number - 1
                where = "is this step itself" if itself else f"stands below, {self._line(step)}"
                raise self.draft.error(
                    f"${step} {where}; a step can use only the results of steps above it", loc
                )
            raise self.draft.error(
                f"there is no step '{step}'{did_you_mean(step, [*self.done, *self.wrong])}", loc
            )
        result, singular = self.done[step].result, type(self.done[step].operator).singular
        if item:
            part = item_type(result)
            if part is None:
                raise self.draft.error(
                    f"${step} is a {result.__name__}, which has no parts to pick; drop '.{item}'", loc
                )
            result = part
        return Reference(step, item, result, singular and not item)

    def _flows(self, step: Step, cls: type[Operator], loc: Loc, number: int) -> dict[str, int]:
        needs = cls.needs()
        inputs = {}
        for flow, kind in FLOWS.items():
            written = getattr(step, flow)
            if written is not None:
                if flow not in needs:
                    raise self.source.error(
                        f"{step.use} uses no {flow}; leave '{flow}' out", (*loc, flow), key=True
                    )
                ref = self._resolve(written, (*loc, flow), number)
                if not isinstance(ref, Reference) or not issubclass(ref.result, kind):
                    if isinstance(ref, Reference):
                        hint = f", which is a {ref.result.__name__}"
                    else:
                        hint = did_you_mean(written, [f"${step}" for step in self.done])
                    raise self.source.error(
                        f"{flow} takes a step that makes a {kind.__name__}, not {given(written)}{hint}",
                        (*loc, flow),
                    )
                inputs[flow] = self.done[ref.step].number
            elif flow in needs and flow in self.flow:
                if self.ids[self.flow[flow] - 1] in self.wrong:
                    raise _Follows("")
                inputs[flow] = self.flow[flow]
            elif flow in needs and not needs[flow]:
                maker = "generator" if flow == "generator" else "sample"
                raise self.source.error(
                    f"{step.use} needs a {flow}, and no step above makes one; put {{use: {maker}, …}} before it",
                    loc,
                )
        return inputs

    def _key(self, number: int) -> str:
        return self.done[self.ids[number - 1]].key

    def _content(self, value: Any) -> Any:
        """A parameter as JSON values; a result by its key, a file by its content."""
        if isinstance(value, Reference):
            return {"result": self.done[value.step].key, "item": value.item}
        if isinstance(value, Path):
            return {"file": sha256_of(value)}
        if isinstance(value, BaseModel):
            return {name: self._content(getattr(value, name)) for name in type(value).model_fields}
        if isinstance(value, Mapping):
            return {str(name): self._content(item) for name, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            items = [self._content(item) for item in value]
            return sorted(items, key=json.dumps) if isinstance(value, set | frozenset) else items
        return value if isinstance(value, str | int | float | bool | None) else str(value)

    def _invalid(
        self, error: ValidationError, what: str, loc: Loc, model: type[BaseModel], skip: int = 0
    ) -> RecipeError:
        """What pydantic found, a sentence for each parameter at its place."""
        errors = [e for e in error.errors(include_url=False) if e["loc"][:skip] == loc[-skip:] or not skip]
        first, *others = (
            self._in_words(found, what, loc, model, skip) for found in one_each(errors, skip + 1)
        )
        return first.with_others(others)

    def _in_words(
        self, first: ErrorDetails, what: str, loc: Loc, model: type[BaseModel], skip: int
    ) -> RecipeError:
        """One thing that pydantic found, as a sentence at its place."""
        inner = tuple(first["loc"])[skip:]
        known, noun = list(model.model_fields), "key"
        if issubclass(model, Operator):
            known, noun = [*known, *RESERVED], "parameter"
        inside = inner
        nested = model_of(model, inner) if len(inner) > 1 else None
        if nested:  # a parameter with parameters of its own
            tagged = 1 + (model.model_fields[str(inner[0])].discriminator is not None)
            known, what, inside = list(nested.model_fields), f"'{inner[0]}' of {what}", inner[tagged:]
        message = in_words(first, what, inside, known, noun)
        place: Loc = (*loc, *inner[:1])
        for part in inner[1:]:
            if (*place, part) in self.source.values:  # it may be a type that pydantic has tried
                place = (*place, part)
        return self.draft.error(message, place, key=first["type"] == "extra_forbidden")
