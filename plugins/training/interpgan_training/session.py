"""A training from its first step to its last, whatever comes between: checkpoints, diary, report."""

from __future__ import annotations

import importlib
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from interpgan_core import Generator, ImageSet, InterpganError, Progress
from interpgan_training.diary import PLOTS, Diary, Plots
from interpgan_training.loop import Settings, Trainer, family_of
from interpgan_training.settings import Architecture, FamilySettings
from interpgan_training.team import Alone, Team

if TYPE_CHECKING:
    from interpgan_training.operators import Train

STATE = "state.pt"
SAVE_SECONDS = 180.0
TRAINER = "interpgan_training.loop:Trainer"


@dataclass(frozen=True)
class Order:
    """What is to be trained, and for how long.

    Args:
        family: settings of the architecture.
        settings: what is the same for every family.
        pictures: how many real ones to show.
        rectified: layers of the generator behind which a ReLU is put.
        trainer: module:class of the `Trainer`; another plugin's may do more.
        more: what that takes beside what every trainer does; JSON values.
    """

    family: FamilySettings
    settings: Settings
    pictures: int
    rectified: tuple[str, ...] = ()
    trainer: str = TRAINER
    more: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, train: Train) -> Order:
        """What an operator asks for."""
        settings = Settings(train.seed, train.batch_size, train.ema_kimg, train.precision, train.augment)
        return cls(train.architecture, settings, math.ceil(1000 * train.kimg))

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
    def from_json(cls, values: dict[str, Any]) -> Order:
        """What `to_json` made."""
        family: FamilySettings = TypeAdapter(Architecture).validate_python(values["family"])
        rectified = tuple(values.get("rectified", ()))
        trainer, more = values.get("trainer", TRAINER), values.get("more", {})
        return cls(family, Settings(**values["settings"]), values["pictures"], rectified, trainer, more)


def train(
    order: Order,
    data: ImageSet,
    start: Generator | None,
    device: str,
    scratch: Path,
    progress: Progress,
    team: Team | None = None,
    plots: Plots = PLOTS,
) -> Generator:
    """Train to the end, from the last checkpoint on where there is one.

    Args:
        order: what.
        data: the pictures.
        start: a generator with its discriminator to go on from; None: new weights.
        device: "cpu", "cuda".
        scratch: holds the checkpoint and the diary.
        progress: shows pictures seen, pictures a second and the time that is left.
        team: the processes that train together.
        plots: which curves the report shows.

    Returns:
        The generator of averaged weights, with its discriminator.

    Raises:
        InterpganError: if the data does not fit, or a loss is not finite.
    """
    team = team or Alone()
    family = family_of(order.family, start is not None, order.rectified)
    module, _, name = order.trainer.partition(":")
    make: type[Trainer] = getattr(importlib.import_module(module), name)
    trainer = make(family, order.settings, data, device, team, start, **order.more)
    diary = Diary(scratch, order.pictures, plots)
    state = scratch / STATE
    if state.exists():
        diary.restore(trainer.restore(state))
    saved = time.monotonic()
    shown = range(trainer.seen, order.pictures)
    for number in progress(shown, total=len(shown), what="training, pictures"):
        if number < trainer.seen:
            continue
        told = trainer.advance()
        _check(told, trainer)
        if team.rank:
            continue
        diary.write(trainer, told)
        if time.monotonic() - saved > SAVE_SECONDS:
            trainer.save(state, diary.content())
            saved = time.monotonic()
    if not team.rank:
        diary.sheet(trainer)
        trainer.save(state, diary.content())
    made = trainer.finish()
    made.notes = {"training": order.to_json(), "data": dict(data.notes or {})}
    if start is not None:
        made.notes["parent"] = start.fingerprint
    return made.to(device)


def report(order: Order, scratch: Path, folder: Path, plots: Plots = PLOTS) -> None:
    """Put the log, the curves and the pictures of a training into the folder of its step."""
    diary = Diary(scratch, order.pictures, plots)
    diary.report(folder, f"{order.family.family}, {order.pictures / 1000:g} thousand pictures")


def _check(told: dict[str, float], trainer: Trainer) -> None:
    """Stop as soon as a loss is no number: nothing after it can be of use."""
    bad = [name for name, value in told.items() if not math.isfinite(value)]
    if bad:
        raise InterpganError(
            f"training diverged after {trainer.seen} pictures: {', '.join(bad)} is not finite; try lower "
            "learning rates, a larger r1, or precision: float32"
        )
