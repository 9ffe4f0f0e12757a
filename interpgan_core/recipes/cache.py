"""The cache: which steps of a run take their result from the output folder, and why the others run."""

from __future__ import annotations

from dataclasses import dataclass

from interpgan_core.recipes.plan import Plan
from interpgan_core.recipes.store import Store


@dataclass(frozen=True)
class Decision:
    """Whether a run does a step, or takes its result from the output folder.

    Args:
        action: "run", "load" (a kept result that a later step needs), "cached" (kept, not needed) or
            "skip" (not kept, not needed).
        reason: why it runs or is skipped; empty where its kept result is taken.
    """

    action: str
    reason: str


def decide(plan: Plan, store: Store, fresh: bool = False) -> list[Decision]:
    """Decide for each step of a run; the run itself and `--dry-run` both ask this function.

    Args:
        plan: from `make_plan`.
        store: the results of earlier runs.
        fresh: run every step whose result is kept.
    """
    reasons = [
        "--fresh" if fresh and step.keeps else reason
        for step, reason in zip(plan.steps, store.reasons(plan.steps), strict=True)
    ]
    needed = [bool(reason) and step.keeps for reason, step in zip(reasons, plan.steps, strict=True)]
    for i in reversed(range(len(plan.steps))):
        step = plan.steps[i]
        if needed[i]:
            # A result that is loaded from disk needs the generator alone.
            uses = set(step.inputs.values()) if reasons[i] else {step.generator}
            for number in uses - {0}:
                needed[number - 1] = True
    if not any(step.keeps for step in plan.steps):
        needed = [True] * len(needed)
    out = []
    for reason, wanted, step in zip(reasons, needed, plan.steps, strict=True):
        if wanted:
            out.append(Decision("run", reason) if reason else Decision("load", ""))
        elif step.keeps:
            out.append(Decision("cached", ""))
        else:
            out.append(Decision("skip", "no step that runs needs it"))
    return out
