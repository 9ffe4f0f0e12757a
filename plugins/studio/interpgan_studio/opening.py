"""A document from a recipe, or from a named model alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from interpgan_core import (
    DirectionSet,
    Generator,
    InterpganError,
    Plan,
    installed,
    make_plan,
)
from interpgan_studio.document import RESERVED, Document, Step, makes_batch, operator_of
from interpgan_studio.parts import is_segmenter

FIRST_SEED = 9
PREFERRED = ("avatars.stylegan2", "toy")


def opened(file: Path, folder: Path) -> Document:
    """The document of a recipe.

    Args:
        file: the recipe.
        folder: where files will be put that the page brings.

    Raises:
        InterpganError: if the recipe has mistakes, or makes no batch.
    """
    plan = make_plan(file)
    ids = {planned.id: _free(planned.id, plan) for planned in plan.steps}
    steps = []
    for planned in plan.steps:
        step = {"use": planned.use, "id": ids[planned.id], **_absolute(planned.written, planned.operator)}
        flows = {flow: planned.inputs[flow] for flow in ("generator", "batch") if flow in planned.inputs}
        if flows.get("generator") == _nearest_generator(plan, planned.number):
            del flows["generator"]
        named = {flow: f"${ids[plan.steps[number - 1].id]}" for flow, number in flows.items()}
        steps.append({**_renamed(step, ids), **named})
    batches = [step["id"] for step in steps if makes_batch(step)]
    if not batches:
        raise InterpganError(
            f"{file} draws nobody, so that nothing can be shown; add {{use: sample, seeds: 7}}"
        )
    return Document(tuple(steps), batches[-1], plan.title, folder)


def started(weights: str, folder: Path, seeds: str = str(FIRST_SEED)) -> Document:
    """The document of a generator: one person, and the directions and parts that go with the model.

    Args:
        weights: a named model, or a file.
        folder: where files will be put that the page brings.
        seeds: of the people.
    """
    steps: list[Step] = [{"use": "generator", "id": "model", "weights": weights}]
    for name in companions(weights):
        result = operator_of({"use": name}).result()
        if issubclass(result, DirectionSet) or is_segmenter({"use": name}):
            steps.append({"use": name, "id": name.replace(".", "-")})
    steps.append({"use": "sample", "id": "people", "seeds": seeds})
    return Document(tuple(steps), "people", "", folder)


def companions(weights: Any) -> tuple[str, ...]:
    """The operators that go with a named model, as far as they are installed."""
    models = installed("models")
    if str(weights) not in models:
        return ()
    named: tuple[str, ...] = getattr(models[str(weights)].load(), "companions", ())
    return tuple(name for name in named if name in installed("operators"))


def first_model() -> str:
    """The named model that is opened where nobody names one."""
    return next((name for name in PREFERRED if name in installed("models")), "toy")


def _free(name: str, plan: Plan) -> str:
    """An id that a recipe may write: a step without one is called as its operator is, even `generator`."""
    if name not in RESERVED:
        return name
    taken = {planned.id for planned in plan.steps}
    return next(free for count in range(1, len(taken) + 2) if (free := f"{name}-{count}") not in taken)


def _renamed(value: Any, ids: Mapping[str, str]) -> Any:
    """A parameter with references to steps by their new ids."""
    if isinstance(value, str) and value.startswith("$"):
        name, dot, item = value[1:].partition(".")
        return f"${ids.get(name, name)}{dot}{item}"
    if isinstance(value, list | tuple):
        return [_renamed(item, ids) for item in value]
    if isinstance(value, Mapping):
        return {key: _renamed(item, ids) for key, item in value.items()}
    return value


def _nearest_generator(plan: Plan, number: int) -> int:
    return next((s.number for s in reversed(plan.steps[: number - 1]) if issubclass(s.result, Generator)), 0)


def _absolute(written: Mapping[str, Any], operator: Any) -> dict[str, Any]:
    """Parameters as written, but for files: these are named from the root, for the recipe's folder is left."""
    return {name: _value(value, getattr(operator, name, None)) for name, value in written.items()}


def _value(written: Any, read: Any) -> Any:
    if isinstance(read, Path):
        return str(read.absolute())
    if isinstance(read, list | tuple) and isinstance(written, list) and len(read) == len(written):
        return [_value(one, other) for one, other in zip(written, read, strict=True)]
    if isinstance(read, list | tuple) and isinstance(written, str) and len(read) == 1:
        return _value(written, read[0])
    if isinstance(read, Mapping) and isinstance(written, Mapping):
        return {name: _value(value, read.get(name)) for name, value in written.items()}
    return written
