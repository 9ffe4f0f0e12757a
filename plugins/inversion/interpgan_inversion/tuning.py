"""Fine-tuning a generator around pivots."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import torch

from interpgan_core import Generator, ImageSet, LatentBatch, Progress
from interpgan_inversion.inverting import looked_at
from interpgan_inversion.likeness import Likeness
from interpgan_inversion.measures import compared, psnr
from interpgan_inversion.running import finish
from interpgan_inversion.search import Schedule

if TYPE_CHECKING:
    from interpgan_inversion.pivotal import Tune

NEIGHBOURS = 2**31  # the first seed of locality's samples: none that recipes use


class Tuning:
    """The tuning in progress.

    Args:
        generator: whose weights are changed in place.
        parent: as it was.
        pivots: codes.
        originals: a picture each.
        likeness: the loss.
        schedule: of the weights' learning rate.
        batch_size: pictures a step.
        locality: weight of the changes elsewhere.
    """

    def __init__(
        self,
        generator: Generator,
        parent: Generator,
        pivots: LatentBatch,
        originals: ImageSet,
        likeness: Likeness,
        schedule: Schedule,
        batch_size: int,
        locality: float,
    ) -> None:
        self.generator, self.parent, self.pivots, self.originals = generator, parent, pivots, originals
        self.likeness, self.schedule, self.locality = likeness, schedule, locality
        self.step, self.size = 0, min(batch_size, len(pivots))
        self.adam = torch.optim.Adam(generator.module.requires_grad_(True).parameters(), schedule.rate)

    def advance(self) -> float:
        """One step on the next pictures in turn; returns their loss before it."""
        for group in self.adam.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        rows = [(self.step * self.size + i) % len(self.pivots) for i in range(self.size)]
        pivots = self.pivots[rows]
        target = looked_at(self.originals, rows, self.likeness, self.generator)
        found = self.likeness.look(self.generator.images(pivots, self.size))
        loss = self.likeness.loss(found, target).mean()
        told = float(loss.detach())
        if self.locality:
            loss = loss + self.locality * self._change(pivots[0])
        self.adam.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.adam.step()
        self.step += 1
        return told

    def _change(self, pivot: LatentBatch) -> torch.Tensor:
        """Mean squared difference from the parent's picture, halfway between a pivot and a sample."""
        with torch.no_grad():
            sample = self.parent.sample([NEIGHBOURS + self.step], pivot.labels)
            codes = self.parent.to_space(sample, pivot.space.name).codes
            halfway = replace(pivot, codes=(pivot.codes + codes) / 2)
            before = self.parent.images(halfway)
        return (self.generator.images(halfway) - before).square().mean()

    def state(self) -> dict[str, Any]:
        """Everything that changes, for `torch.save`."""
        weights = self.generator.module.state_dict()
        return {"step": self.step, "weights": weights, "adam": self.adam.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was."""
        self.step = state["step"]
        self.generator.module.load_state_dict(state["weights"])
        self.adam.load_state_dict(state["adam"])


def tune(
    step: Tune,
    parent: Generator,
    pivots: LatentBatch,
    originals: ImageSet,
    folder: Path,
    scratch: Path,
    progress: Progress,
) -> Generator:
    """What `Tune.run` does."""
    likeness, schedule = step.likeness(), Schedule(step.steps, step.rate)
    # A copy by way of a file: what is tuned is what will be read from the step's own file.
    copy = _again(parent, scratch / "parent", parent)
    tuning = Tuning(copy, parent, pivots, originals, likeness, schedule, step.batch_size, step.locality)
    finish(tuning, f"tuning on {len(pivots)} pictures", scratch / "tuning.pt", progress)
    copy.module.requires_grad_(False)
    copy.notes = {
        **parent.notes,
        "parent": parent.fingerprint,
        "codes of": [parent.fingerprint, *parent.notes.get("codes of", ())],
        "tuned": f"inversion.pivotal, {step.steps} steps",
    }
    tuned = _again(copy, folder, parent)
    before, after = (_median(generator, pivots, originals) for generator in (parent, tuned))
    notes = (
        likeness.said(),
        f"{step.steps} steps; the median PSNR went from {before:.1f} to {after:.1f} dB.",
        f"The generator has the fingerprint {tuned.fingerprint}; its parent, {parent.fingerprint}.",
    )
    compared(folder, tuned, {"tuned": pivots}, originals, likeness, notes=notes).save(folder)
    return tuned


def _again(generator: Generator, folder: Path, like: Generator) -> Generator:
    """The generator as its file makes it, so also with the fingerprint of its weights."""
    folder.mkdir(exist_ok=True)
    generator.save(folder)
    return Generator.load(folder).to(like.device)


@torch.no_grad()
def _median(generator: Generator, pivots: LatentBatch, originals: ImageSet) -> float:
    pairs = zip(generator.iter_images(pivots), range(len(pivots)), strict=True)
    return median(
        float(psnr(found.clamp(-1, 1), originals.images([i]).to(found.device))) for found, i in pairs
    )
