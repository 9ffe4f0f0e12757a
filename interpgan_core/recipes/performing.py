"""One step of a plan, done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interpgan_core.errors import InterpganError
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.plugins import plugins
from interpgan_core.recipes.filling import filled
from interpgan_core.recipes.plan import Plan, PlannedStep


def perform(plan: Plan, step: PlannedStep, values: Mapping[int, Any], given: Mapping[str, Any]) -> Any:
    """Run the operator of a step on the results of those before it.

    Args:
        plan: whose step it is.
        step: to be done.
        values: number of a step -> its result; of every step that this one uses.
        given: device, progress, folder and scratch, as far as the operator asks for them.

    Returns:
        The result.

    Raises:
        InterpganError: as of the operator; or if it does not keep what it promises.
    """
    needs = type(step.operator).needs()
    operator = filled(step.operator, {s.id: values.get(s.number) for s in plan.steps})
    inputs = {name: values[number] for name, number in step.inputs.items()}
    batches = [
        (value.codes, value.codes.clone()) for value in inputs.values() if isinstance(value, LatentBatch)
    ]
    there = {**given, **inputs}
    result = operator.run(**{name: there[name] for name in needs if name in there})
    if not getattr(step.result, "_is_protocol", False) and not isinstance(result, step.result):
        raise InterpganError(
            f"it returned a {type(result).__name__}, not the {step.result.__name__} that it promises; "
            f"{report_to(step)}"
        )
    if not all(now.allclose(before, rtol=0, atol=0, equal_nan=True) for now, before in batches):
        raise InterpganError(
            f"it changed the codes that it was given, which other steps use; {report_to(step)}"
        )
    return result


def report_to(step: PlannedStep) -> str:
    """Where a mistake of an operator is reported, as the end of a sentence."""
    return f"report it to {plugins().get('operators', step.use).origin}"
