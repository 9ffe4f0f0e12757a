"""What a recipe's generators and files make wrong in it, said before anything runs."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from interpgan_core.errors import InterpganError, RecipeError, RefusedError, remarks
from interpgan_core.files.downloads import NotFetchedError
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.base import Operator, default_device
from interpgan_core.recipes.cache import Decision
from interpgan_core.recipes.filling import filled, references
from interpgan_core.recipes.plan import FLOWS, Plan, PlannedStep
from interpgan_core.recipes.recipe import Loc
from interpgan_core.recipes.store import Store

log = logging.getLogger("interpgan")


@dataclass(frozen=True)
class Loaded:
    """The result of a step that was loaded ahead of its turn.

    Args:
        result: what it loaded.
        remarks: what was said of it meanwhile.
        seconds: wall time.
    """

    result: Any
    remarks: list[str]
    seconds: float


@dataclass
class Rehearsed:
    """What is known before a run.

    Args:
        loaded: by number of the step, for the run to take when it comes there.
        absent: what would have to be fetched first, in sentences.
    """

    loaded: dict[int, Loaded] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)


def rehearse(plan: Plan, decisions: Sequence[Decision], store: Store, device: str | None) -> Rehearsed:
    """Load what a run needs, and have each of its steps say what is wrong.

    Steps that load without results of others are run, and kept results are read. Every other step is asked by its
    `check`, with stand-ins of the results that are not there yet; where one is not known, what builds on it is not
    checked.

    Args:
        plan: from `make_plan`.
        decisions: from `decide`; only steps that the run needs are rehearsed.
        store: the results of earlier runs; nothing in it is changed.
        device: where generators are loaded; None as in `run`.

    Raises:
        RefusedError: if there are mistakes; it holds all of them, but none that only follows from another.
    """
    known: dict[int, Any] = {}
    found, mistakes = Rehearsed(), []
    lying = store.find(plan.steps)
    for step, decision in zip(plan.steps, decisions, strict=True):
        try:
            if decision.action == "load":
                made = step.result.load(lying[step.number], known.get(step.generator))  # type: ignore[attr-defined]
                known[step.number] = _stand_in(
                    made.to(device or default_device()) if isinstance(made, Generator) else made
                )
            elif decision.action == "run" and _loads(step):
                found.loaded[step.number] = _load(step, device or default_device())
                known[step.number] = found.loaded[step.number].result
            elif decision.action == "run" and (made := _checked(plan, step, known)) is not None:
                known[step.number] = made
        except NotFetchedError as error:
            found.absent.append(str(error))
        except RecipeError as error:
            mistakes.append(error)
        except InterpganError as error:
            mistakes.append(plan.error(f"{step.use}: {error}", step.loc))
        except Exception:
            # Not a mistake of the recipe: it is said in the step's turn, if it is still there then.
            log.debug("step %s could not be rehearsed", step.id, exc_info=True)
    if mistakes:
        first, *others = mistakes
        raise RefusedError(first.message, first.file, first.line, first.column, first.source, others)
    return found


def _loads(step: PlannedStep) -> bool:
    """Does it only load, so that it may be run before its turn?"""
    needs = set(type(step.operator).needs())
    return not step.operator.keep and not step.inputs and needs <= {"device"}


def _load(step: PlannedStep, device: str) -> Loaded:
    began = time.perf_counter()
    needs = type(step.operator).needs()
    with remarks() as said:
        result = step.operator.run(**({"device": device} if "device" in needs else {}))
    return Loaded(result, said, time.perf_counter() - began)


def _checked(plan: Plan, step: PlannedStep, known: Mapping[int, Any]) -> Any:
    """What the check of a step returns; None where what it works on is not known.

    Raises:
        InterpganError: as of the check; a RecipeError at its place, for a name that is not in a result.
    """
    wanted = references(step.operator)
    if not all(step.inputs[f"${ref.step}"] in known for ref in wanted):
        return None
    for ref in wanted:
        try:
            ref.of(known[step.inputs[f"${ref.step}"]])
        except InterpganError as error:
            raise plan.error(f"{step.use}: {error}", _place(step, str(ref))) from None
    operator: Operator = filled(
        step.operator, {ref.step: known[step.inputs[f"${ref.step}"]] for ref in wanted}
    )
    there = {name: known[step.inputs[name]] for name in FLOWS if step.inputs.get(name) in known}
    with remarks():  # they are said in the step's turn
        return ask(operator.check, there)


def ask(check: Callable[..., Any], there: Mapping[str, Any]) -> Any:
    """What a check of an operator returns; None where something that it asks for is not there.

    Args:
        check: the method.
        there: generator and batch, where they are known.

    Raises:
        InterpganError: as of the check.
        TypeError: if it asks for anything else.
    """
    given = {}
    for name, parameter in inspect.signature(check).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name not in FLOWS:
            raise TypeError(f"a check asks for '{name}'; it may ask for {', '.join(FLOWS)}")
        if name in there:
            given[name] = there[name]
        elif parameter.default is parameter.empty:
            return None
    return check(**given)


def _stand_in(result: Any) -> Any:
    """Of a batch one sample, in all its copies: checks take no longer for many."""
    if not isinstance(result, LatentBatch):
        return result
    return replace(result[: result.grid.copies if result.grid else 1], grid=result.grid)


def _place(step: PlannedStep, reference: str) -> Loc:
    """Where a reference is written."""

    def places(value: Any, loc: Loc) -> Iterator[Loc]:
        if value == reference:
            yield loc
        items = (
            value.items()
            if isinstance(value, Mapping)
            else enumerate(value)
            if isinstance(value, list)
            else ()
        )
        for key, item in items:
            yield from places(item, (*loc, key))

    return next(places(dict(step.written), step.loc), step.loc)
