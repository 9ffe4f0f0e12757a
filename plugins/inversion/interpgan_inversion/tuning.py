"""Fine-tuning a generator around pivots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

from interpgan_core import Generator, ImageSet, LatentBatch, Progress
from interpgan_inversion.draft import Draft
from interpgan_inversion.goal import Goal
from interpgan_inversion.loss import Likeness
from interpgan_inversion.measures import compared
from interpgan_inversion.resume import finish
from interpgan_inversion.search import REFIT, Schedule
from interpgan_inversion.similarity import psnr

NEIGHBOURS = 2**31  # the first seed of locality's samples: none that recipes use


class Tuning:
    """The tuning in progress.

    Args:
        parent: the generator; a copy of it is tuned.
        pivots: codes.
        originals: a picture each.
        mask: (len(originals), 1, h, w) weights of their pixels, or None.
        likeness: the loss.
        schedule: of the weights' training rate.
        batch_size: pictures a step.
        locality: weight of the changes elsewhere.
        scratch: for the copy's file: what is tuned is read from a file, as the result will be.
        draft: how the first `schedule.draft_steps` draw pictures, fitted to the parent's samples; None = as they are.
    """

    def __init__(
        self,
        parent: Generator,
        pivots: LatentBatch,
        originals: ImageSet,
        mask: Tensor | None,
        likeness: Likeness,
        schedule: Schedule,
        batch_size: int,
        locality: float,
        scratch: Path,
        draft: Draft | None = None,
    ) -> None:
        generator = _again(parent, scratch / "parent", parent)
        with torch.no_grad():  # weights find their order in memory at the first use, and sums round by it
            generator.images(pivots[0])
        self.generator, self.parent, self.pivots, self.originals = generator, parent, pivots, originals
        self.mask, self.likeness, self.schedule, self.locality = mask, likeness, schedule, locality
        self.step, self.size = 0, min(batch_size, len(pivots))
        self.draft = draft
        self._rows, self._drafted = list[int](), False
        self.adam = torch.optim.Adam(generator.module.requires_grad_(True).parameters(), schedule.rate)

    def advance(self) -> float:
        """One step on the next pictures in turn; returns their loss before it."""
        for group in self.adam.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        rows = [(self.step * self.size + i) % len(self.pivots) for i in range(self.size)]
        pivots = self.pivots[rows]
        goal = self._goal(rows)
        loss = goal.losses(goal.images(self.generator, pivots), self.likeness).mean()
        value = float(loss.detach())
        if self.locality:
            loss = loss + self.locality * self._change(pivots[0])
        self.adam.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.adam.step()
        self.step += 1
        return value

    def _goal(self, rows: list[int]) -> Goal:
        """What the pictures of some pivots are to be; that of the last step is kept."""
        draft = self.draft if self.step < self.schedule.draft_steps else None
        again = rows != self._rows or self._drafted != (draft is not None)
        if again or (draft is not None and self.step % REFIT == 0):
            # The weights change: what a draft was fitted to before tells little.
            if draft is not None:
                draft = draft.refitted(self.generator, self.pivots[rows])
            self._rows, self._drafted = rows, draft is not None
            self._last = Goal.of(self.generator, self.likeness, self.originals, rows, self.mask, draft)
        return self._last

    def _change(self, pivot: LatentBatch) -> Tensor:
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
        state = {"step": self.step, "weights": weights, "adam": self.adam.state_dict()}
        return state | {"rows": self._rows, "draft": self._last.fitted() if self._drafted else []}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was."""
        self.step = state["step"]
        self.generator.module.load_state_dict(state["weights"])
        self.adam.load_state_dict(state["adam"])
        if self.draft is not None and state["draft"]:
            self._rows, self._drafted = state["rows"], True
            goal = Goal.of(self.generator, self.likeness, self.originals, self._rows, self.mask, self.draft)
            self._last = goal.refit(state["draft"])


def tuned_generator(
    tuning: Tuning, words: Sequence[str], folder: Path, scratch: Path, progress: Progress
) -> Generator:
    """Tune to the end, going on where a stopped run was, and write the report.

    Args:
        tuning: in progress.
        words: of its mask, for the report.
        folder: takes the generator's file, the pictures and the report.
        scratch: holds the state.
        progress: shows steps, and the loss.

    Returns:
        The generator as its file makes it.
    """
    parent, copy, pivots = tuning.parent, tuning.generator, tuning.pivots
    steps = tuning.schedule.steps
    finish(tuning, f"tuning on {len(pivots)} pictures", scratch / "tuning.pt", progress)
    copy.module.requires_grad_(False)
    copy.notes = {
        **parent.notes,
        "parent": parent.fingerprint,
        "codes of": [parent.fingerprint, *parent.notes.get("codes of", ())],
        "tuned": f"inversion.pivotal, {steps} steps",
    }
    tuned = _again(copy, folder, parent)
    before, after = (_median_psnr(generator, pivots, tuning.originals) for generator in (parent, tuned))
    drafted = f"the first {tuning.schedule.draft_steps} on drafts; " if tuning.draft else ""
    notes = (
        tuning.likeness.in_words(),
        f"{steps} steps; {drafted}the median PSNR went from {before:.1f} to {after:.1f} dB.",
        f"The generator has the fingerprint {tuned.fingerprint}; its parent, {parent.fingerprint}.",
        *words,
    )
    compared(folder, tuned, {"tuned": pivots}, tuning.originals, tuning.likeness, notes=notes).save(folder)
    return tuned


def _again(generator: Generator, folder: Path, like: Generator) -> Generator:
    """The generator as its file makes it, so also with the fingerprint of its weights."""
    folder.mkdir(exist_ok=True)
    generator.save(folder)
    return Generator.load(folder).to(like.device)


@torch.no_grad()
def _median_psnr(generator: Generator, pivots: LatentBatch, originals: ImageSet) -> float:
    pairs = zip(generator.iter_images(pivots), range(len(pivots)), strict=True)
    return median(
        float(psnr(found.clamp(-1, 1), originals.images([i]).to(found.device))) for found, i in pairs
    )
