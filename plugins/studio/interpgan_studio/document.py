"""What is edited: the steps of a recipe, and which of their batches is shown. Every change makes a new document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from interpgan_core import Generator, InterpganError, LatentBatch, Operator, Plan, installed, make_plan

RESERVED = ("use", "id", "batch", "generator")
"""Words that are no ids."""

Step = Mapping[str, Any]
"""One step as in YAML: `use`, `id`, and the operator's parameters."""


@dataclass(frozen=True)
class Document:
    """Steps of a recipe, each with an id; those that take a batch say which.

    Args:
        steps: in order.
        shown: id of the step whose batch is shown.
        title: of the recipe.
        folder: where the files are that the steps name.
    """

    steps: tuple[Step, ...]
    shown: str
    title: str = ""
    folder: Path = Path()

    def plan(self) -> Plan:
        """Check all of it.

        Raises:
            InterpganError: if a step has a mistake.
        """
        return make_plan(self.recipe(), folder=self.folder)

    def recipe(self) -> dict[str, Any]:
        """What stands in the file of the recipe."""
        titled = {"title": self.title} if self.title else {}
        return {"interpgan": 1, **titled, "steps": [dict(step) for step in self.steps]}

    def __getitem__(self, name: str) -> Step:
        """The step with an id.

        Raises:
            InterpganError: if there is none.
        """
        for step in self.steps:
            if step["id"] == name:
                return step
        raise InterpganError(f"there is no step '{name}' any more")

    def __contains__(self, name: str) -> bool:
        return any(step["id"] == name for step in self.steps)

    def position(self, name: str) -> int:
        """Where in the order a step stands, from 0."""
        return self.steps.index(self[name])

    @property
    def chain(self) -> tuple[Step, ...]:
        """The steps from the unedited batch, which is the first of them, to the one that is shown."""
        found = [self[self.shown]]
        while "batch" in found[-1]:
            found.append(self[str(found[-1]["batch"]).removeprefix("$")])
        return tuple(reversed(found))

    @property
    def base(self) -> Step:
        """The step that makes the unedited batch."""
        return self.chain[0]

    @property
    def unedited(self) -> str:
        """Id of the step whose batch is the original of what is shown: with the truncation that comes first."""
        first = self.edits[:1]
        return str(first[0]["id"] if first and first[0]["use"] == "truncate" else self.base["id"])

    @property
    def edits(self) -> tuple[Step, ...]:
        """The steps between the unedited batch and what is shown."""
        return self.chain[1:]

    @property
    def generator(self) -> Step:
        """The step that loads the generator of what is shown."""
        for step in reversed(self.steps[: self.position(self.shown)]):
            if issubclass(operator_of(step).result(), Generator):
                return step
        raise InterpganError("the recipe loads no generator before its pictures")

    def free_id(self, wish: str) -> str:
        """An id that no step has, like the wished one."""
        base = re.sub(r"[^a-z0-9_-]+", "-", wish.lower()).strip("-_") or "step"
        base = base if base[0].isalpha() else f"step-{base}"
        base = f"{base}-1" if base in RESERVED else base[:40]
        name, count = base, 2
        while name in self:
            name, count = f"{base}-{count}", count + 1
        return name

    def edited(self, *steps: Step) -> Document:
        """With one more edit at the end: the last of some steps; those before it are what it refers to."""
        *helpers, edit = steps
        at = self.position(self.shown) + 1
        outputs = [
            {**step, "batch": f"${edit['id']}"} if self._is_output(step) else step for step in self.steps[at:]
        ]
        chained = {"use": edit["use"], "id": edit["id"], "batch": f"${self.shown}", **edit}
        return replace(self, steps=(*self.steps[:at], *helpers, chained, *outputs), shown=edit["id"])

    def prepared(self, step: Step) -> Document:
        """With one more step that edits may refer to: before the unedited batch, behind what it refers to itself."""
        needed = [self.position(name) + 1 for name in self._needed_by([step])]
        at = max([self.position(self.base["id"]), *needed])
        return replace(self, steps=(*self.steps[:at], step, *self.steps[at:]))

    def changed(self, name: str, **fields: Any) -> Document:
        """With other parameters of a step; None leaves a parameter out."""
        self[name]
        steps = tuple(
            {key: value for key, value in {**step, **fields}.items() if value is not None}
            if step["id"] == name
            else step
            for step in self.steps
        )
        return replace(self, steps=steps)

    def without(self, name: str) -> Document:
        """Without an edit; what was made of its batch is made of the one before.

        Raises:
            InterpganError: if another step needs it for something else.
        """
        before = self[name].get("batch")
        if before is None:
            raise InterpganError(f"'{name}' is no edit, and everything is made from it")
        steps = tuple(
            {**step, "batch": before} if step.get("batch") == f"${name}" else step
            for step in self.steps
            if step["id"] != name
        )
        left = replace(
            self, steps=steps, shown=before.removeprefix("$") if self.shown == name else self.shown
        )
        for step in left.steps:
            if name in references(step):
                raise InterpganError(f"the step '{step['id']}' uses '{name}'; delete that one first")
        return left._tidied(self)

    def based_on(self, *steps: Step) -> Document:
        """With another unedited batch: the last of some steps; edits follow it as they followed the one before."""
        old, new = self.base["id"], steps[-1]["id"]
        needed = [self.position(name) + 1 for name in self._needed_by(steps)]
        at = max([self.position(old), *needed])
        others = [step for step in self.steps if step["id"] not in {s["id"] for s in steps}]
        kept = [{**step, "batch": f"${new}"} if step.get("batch") == f"${old}" else step for step in others]
        made = replace(
            self,
            steps=(*kept[:at], *steps, *kept[at:]),
            shown=new if self.shown == old else self.shown,
        )
        return made._tidied(self)

    def _tidied(self, before: Document) -> Document:
        """Without the batches and cut-outs that something was made of before a change, and nothing is now."""
        made = self
        while True:
            used, were = made._used(), before._used()
            idle = [s for s in made.steps if s["id"] in were - used and _is_material(s)]
            if not idle:
                return made
            before, made = made, replace(made, steps=tuple(s for s in made.steps if s not in idle))

    def _used(self) -> set[str]:
        return {name for step in self.steps for name in references(step)} | {self.shown}

    def _needed_by(self, steps: Sequence[Step]) -> list[str]:
        """Ids of the steps here that some new steps refer to."""
        return [name for step in steps for name in references(step) if name in self]

    def _is_output(self, step: Step) -> bool:
        """Does a step show the batch that is shown, and make no other of it?"""
        return step.get("batch") == f"${self.shown}" and not makes_batch(step)


def operator_of(step: Step) -> type[Operator]:
    """The class of a step's operator.

    Raises:
        InterpganError: if no plugin has it.
    """
    offered = installed("operators")
    if step["use"] not in offered:
        raise InterpganError(f"there is no step '{step['use']}' here; install the plugin that has it")
    found: type[Operator] = offered[step["use"]].load()
    return found


def makes_batch(step: Step) -> bool:
    """Does a step make codes?"""
    return issubclass(operator_of(step).result(), LatentBatch)


def takes_batch(step: Step) -> bool:
    """Is a step made from codes that flow to it?"""
    return "batch" in operator_of(step).needs()


def _is_material(step: Step) -> bool:
    """Is a step worth nothing when no other uses it: codes, or cut-outs of a photograph?"""
    return makes_batch(step) or ("pictures" in operator_of(step).model_fields and not takes_batch(step))


def references(value: Any) -> set[str]:
    """Ids of the steps that a step, or a parameter, refers to."""
    return set(_references(value))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, str) and re.match(r"\$[\w-]", value):
        yield value[1:].partition(".")[0]
    items: Sequence[Any] = ()
    if isinstance(value, Mapping):
        items = list(value.values())
    elif isinstance(value, list | tuple):
        items = value
    for item in items:
        yield from _references(item)
