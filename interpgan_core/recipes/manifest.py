"""What `run.json` says of a run, and the report shows."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from interpgan_core.plugins import plugins
from interpgan_core.recipes.plan import Plan, PlannedStep


def manifest(
    plan: Plan,
    *,
    status: str,
    started: datetime,
    device: str | None,
    licences: Sequence[str],
    generator: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """The manifest of a run as it stands now.

    Args:
        plan: what is run.
        status: "running", "stopped" or "finished".
        started: when.
        device: what the results were made on; None while there are none.
        licences: terms of the weights that were used.
        generator: fingerprint and weights of the last generator.
        steps: what became of each step so far.

    Returns:
        JSON values.
    """
    now = datetime.now(UTC)
    return {
        "interpgan": 1,
        "status": status,
        "title": plan.title or plan.source.file.stem,
        "recipe": {"file": plan.source.file.name, "text": plan.source.text},
        "overrides": list(plan.overrides),
        "device": device,
        "started": started.isoformat(timespec="seconds"),
        "finished": now.isoformat(timespec="seconds"),
        "seconds": round((now - started).total_seconds(), 3),
        "versions": _versions(plan.steps),
        "licences": list(licences),
        "generator": dict(generator),
        "steps": list(steps),
    }


def _versions(steps: Iterable[PlannedStep]) -> dict[str, str]:
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in ("torch", "numpy", "pillow"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    found["interpgan-core"] = version("interpgan-core")
    used = [plugins().operators[step.use] for step in steps]
    used += [m for s in steps if (m := plugins().models.get(str(getattr(s.operator, "weights", ""))))]
    for provided in used:
        distribution = re.fullmatch(r"([\w.-]+) (\S+)", provided.origin)
        if distribution:  # of a plugin that is a file there is no version
            found[distribution[1]] = distribution[2]
    return dict(sorted(found.items()))
