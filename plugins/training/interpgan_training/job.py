"""A training job from its first step to its last: checkpoints, log, report."""

from __future__ import annotations

import importlib
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from interpgan_core import Generator, ImageSet, InterpganError, Progress
from interpgan_training.log import PLOTS, Plots, TrainingLog
from interpgan_training.process_group import OneProcess, ProcessGroup
from interpgan_training.settings import Architecture
from interpgan_training.trainer import Settings, Trainer, family_of

STATE = "state.pt"
# A step and the writing come on top: a kill costs half a minute at first, and then a minute, at most.
FIRST_SECONDS = 25.0  # until the first checkpoint
SAVE_SECONDS = 55.0  # between two
TRAINER = "interpgan_training.trainer:Trainer"


@dataclass(frozen=True)
class TrainingJob:
    """What to train, and for how long; JSON values, which several processes can read.

    Args:
        family: settings of the architecture.
        settings: what is the same for every family.
        pictures: how many real ones to show.
        rectified: layers of the generator behind which a ReLU is put.
        trainer: module:class of the `Trainer`; another plugin's may do more.
        more: what that takes beside what every trainer does; JSON values.
    """

    family: Architecture
    settings: Settings
    pictures: int
    rectified: tuple[str, ...] = ()
    trainer: str = TRAINER
    more: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "family": self.family.model_dump(mode="json"),
            "settings": vars(self.settings),
            "pictures": self.pictures,
            **({"rectified": list(self.rectified)} if self.rectified else {}),
            **({"trainer": self.trainer, "more": self.more} if self.trainer != TRAINER else {}),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainingJob:
        """What `to_json` made."""
        family: Architecture = TypeAdapter(Architecture).validate_python(values["family"])
        rectified = tuple(values.get("rectified", ()))
        trainer, more = values.get("trainer", TRAINER), values.get("more", {})
        return cls(family, Settings(**values["settings"]), values["pictures"], rectified, trainer, more)


def train(
    job: TrainingJob,
    data: ImageSet,
    start: Generator | None,
    device: str,
    scratch: Path,
    progress: Progress,
    process_group: ProcessGroup | None = None,
    plots: Plots = PLOTS,
) -> Generator:
    """Train to the end, from the last checkpoint on where there is one.

    Args:
        job: what to train.
        data: the pictures.
        start: a generator with its discriminator to go on from; None: new weights.
        device: "cpu", "cuda".
        scratch: holds the checkpoint and the log.
        progress: shows pictures seen, pictures a second and the time that is left.
        process_group: the processes that train together.
        plots: which curves the report shows.

    Returns:
        The generator of averaged weights, with its discriminator.

    Raises:
        InterpganError: if the data does not fit, or a loss is not finite.
    """
    process_group = process_group or OneProcess()
    family = family_of(job.family, start is not None, job.rectified)
    module, _, name = job.trainer.partition(":")
    make: type[Trainer] = getattr(importlib.import_module(module), name)
    trainer = make(family, job.settings, data, device, process_group, start, **job.more)
    log = TrainingLog(scratch, job.pictures, plots)
    state = scratch / STATE
    if state.exists():
        log.restore(trainer.restore(state))
    due = time.monotonic() + min(FIRST_SECONDS, SAVE_SECONDS)
    shown = range(trainer.seen, job.pictures)
    for number in progress(shown, total=len(shown), what="training, pictures"):
        if number < trainer.seen:
            continue
        metrics = trainer.advance()
        check_finite(metrics, trainer.seen)
        if process_group.rank:
            continue
        log.write(trainer, metrics)
        if time.monotonic() > due:
            trainer.save(state, log.content())
            due = time.monotonic() + SAVE_SECONDS
    if not process_group.rank:
        log.sheet(trainer)
        log.close()
        trainer.save(state, log.content())
    made = trainer.finish()
    made.notes = {"training": job.to_json(), "data": dict(data.notes or {})}
    if start is not None:
        made.notes["parent"] = start.fingerprint
    return made.to(device)


def report(job: TrainingJob, scratch: Path, folder: Path, plots: Plots = PLOTS) -> None:
    """Write the log, the curves and the pictures of a training into the folder of its step."""
    log = TrainingLog(scratch, job.pictures, plots)
    log.report(folder, f"{job.family.family}, {job.pictures / 1000:g} thousand pictures")


def check_finite(metrics: Mapping[str, float], seen: int) -> None:
    """Stop as soon as a loss is not finite: no later step can recover."""
    bad = [name for name, value in metrics.items() if not math.isfinite(value)]
    if bad:
        raise InterpganError(
            f"training diverged after {seen} pictures: {', '.join(bad)} is not finite; try lower "
            "learning rates, a larger r1, or precision: float32"
        )
