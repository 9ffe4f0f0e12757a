"""Results of recipes that change while one works: only what a change concerns is computed again."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from interpgan_core.errors import InterpganError
from interpgan_core.operators.base import default_device
from interpgan_core.plugins import one_line
from interpgan_core.progress import Progress, quiet
from interpgan_core.recipes.performing import perform, report_to
from interpgan_core.recipes.plan import Plan, PlannedStep

KEPT = 128  # results; a drag makes one of each step behind it for every move


class Live:
    """Runs steps of plans in memory, and remembers results by the steps' keys.

    A plan whose first steps are those of the plan before takes their results; equal keys mean equal results, as in the
    output folder of a run. Not for several threads at once.

    Args:
        device: "cpu", "cuda"; None = cuda where there is one.

    Example:
        >>> from interpgan_core import Live, make_plan
        >>> steps = [{"use": "generator", "weights": "toy"}, {"use": "sample", "seeds": 7}, {"use": "truncate"}]
        >>> live = Live(device="cpu")
        >>> live.result(make_plan({"interpgan": 1, "steps": steps}), "truncate").space.name
        'w'
    """

    def __init__(self, device: str | None = None) -> None:
        self.device = device
        self._results: OrderedDict[str, Any] = OrderedDict()
        self._folder = TemporaryDirectory(prefix="interpgan-live-")

    def result(self, plan: Plan, step: str, progress: Progress = quiet) -> Any:
        """The result of a step, with what it needs.

        Args:
            plan: from `make_plan`.
            step: its id.
            progress: shows how far slow steps are.

        Returns:
            What the operator returned, now or earlier.

        Raises:
            InterpganError: if a step fails, or there is none of that id.
        """
        numbers = {planned.id: planned.number for planned in plan.steps}
        if step not in numbers:
            raise InterpganError(f"the recipe has no step '{step}'")
        return self._one(plan, plan.steps[numbers[step] - 1], progress)

    def knows(self, plan: Plan, step: str) -> bool:
        """Whether the result of a step is there already."""
        return any(planned.id == step and planned.key in self._results for planned in plan.steps)

    def remember(self, plan: Plan, step: str, result: Any) -> None:
        """Take the result of a step that was computed elsewhere, such as in the background.

        Args:
            plan: from `make_plan`.
            step: its id.
            result: what its operator returned.
        """
        for planned in plan.steps:
            if planned.id == step:
                self._keep(planned.key, result)

    def _one(self, plan: Plan, step: PlannedStep, progress: Progress) -> Any:
        if step.key in self._results:
            self._results.move_to_end(step.key)
            return self._results[step.key]
        values = {n: self._one(plan, plan.steps[n - 1], progress) for n in sorted(set(step.inputs.values()))}
        self.device = self.device or default_device()
        folders = {
            name: Path(self._folder.name) / f"{name}-{step.key[:24]}" for name in ("folder", "scratch")
        }
        for name in set(folders) & set(type(step.operator).needs()):
            folders[name].mkdir(exist_ok=True)
        try:
            result = perform(plan, step, values, {"device": self.device, "progress": progress, **folders})
        except InterpganError as error:
            raise InterpganError(f"{step.use}: {error}") from error
        except Exception as error:
            raise InterpganError(f"{step.use} failed: {one_line(error)}; {report_to(step)}") from error
        self._keep(step.key, result)
        return result

    def _keep(self, key: str, result: Any) -> None:
        self._results[key] = result
        self._results.move_to_end(key)
        while len(self._results) > KEPT:
            self._results.popitem(last=False)
