"""The search for codes: Adam on all pictures of a batch together, each as if it were alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from interpgan_core import Generator, LatentBatch, seeded_normal
from interpgan_inversion.goal import Goal
from interpgan_inversion.loss import Likeness
from interpgan_inversion.scale import Scale
from interpgan_inversion.starts import as_logits

Term: TypeAlias = Callable[[Tensor, Tensor], Tensor]

RAMP_UP, RAMP_DOWN = 0.05, 0.25  # shares of the steps in which the rate rises, and falls
NOISE_END = 0.75  # the share of the steps after which codes are shaken no more
LINES = 20  # of the loss curve
REFIT = 10  # steps, after which drafts are fitted to what the codes really draw


@dataclass(frozen=True)
class Schedule:
    """How a search goes.

    Args:
        steps: how many.
        rate: highest training rate, in standard deviations of the samples' codes.
        noise: how far codes are shaken at the start, in the same unit, so that it does not end beside the first code
            that will do.
        pull: weight of the mean squared deviation from the mean code.
        seed: of the noise.
        draft_steps: how many of the steps, the first ones, see drafts where there are any.
    """

    steps: int
    rate: float = 0.1
    noise: float = 0.0
    pull: float = 0.0
    seed: int = 0
    draft_steps: int = 0

    def rate_at(self, step: int) -> float:
        """Of one step: it rises over the first twentieth, and falls as a cosine over the last quarter.

        Source:
            Karras et al., Analyzing and Improving the Image Quality of StyleGAN, CVPR 2020, appendix D.
        """
        done = (step + 0.5) / self.steps
        falling = min(1.0, (1 - done) / RAMP_DOWN)
        return self.rate * min(1.0, done / RAMP_UP) * (0.5 - 0.5 * math.cos(math.pi * falling))

    def noise_at(self, step: int) -> float:
        """Of one step; as in the same paper."""
        return self.noise * max(0.0, 1 - step / self.steps / NOISE_END) ** 2


class Search:
    """A search in progress. `state` is all that one needs to go on, to the same bits.

    The losses of the pictures are added up, and Adam keeps moments of each number alone: so every picture has the
    gradients, steps and noise that it would have alone. Only sums of products may round another way in a batch of
    another size.

    Args:
        generator: with frozen weights.
        scale: of the space to search in.
        start: n codes of that space.
        likeness: the loss.
        goal: n pictures.
        schedule: see there.
        term: of (n, *shape) deviations and (n, 3, h, w) pictures, a further loss (n,) each; or None.
        draft: the same n pictures for the first `schedule.draft_steps`; None where there are no drafts.

    Attributes:
        step: steps taken.
        losses: (n,) the lowest so far, of whole pictures as soon as the steps see these.
        curve: (step, (n,) losses) now and then.

    Source:
        Shen et al., InterFaceGAN, CVPR 2020, section 3.5 (optimisation); schedules as in `Schedule`. Deviations: steps
        are in standard deviations of samples, class weights are searched for too, the best code is kept.
    """

    def __init__(
        self,
        generator: Generator,
        scale: Scale,
        start: LatentBatch,
        likeness: Likeness,
        goal: Goal,
        schedule: Schedule,
        term: Term | None = None,
        draft: Goal | None = None,
    ) -> None:
        self.generator, self.scale, self.likeness = generator, scale, likeness
        self.goal, self.schedule, self.term, self.draft = goal, schedule, term, draft
        self.step, self.curve = 0, list[tuple[int, Tensor]]()
        self.apart = scale.apart(start.codes.detach()).clone().requires_grad_()
        self.logits = None
        if start.labels is not None:
            self.logits = as_logits(start.labels).requires_grad_()
        self.best_codes = start.codes.detach().clone()
        self.best_labels = None if start.labels is None else start.labels.clone()
        self.losses = torch.full((len(start),), torch.inf, device=start.codes.device)
        moved = [self.apart] if self.logits is None else [self.apart, self.logits]
        self.adam = torch.optim.Adam(moved, schedule.rate)

    def advance(self) -> float:
        """One step of all pictures.

        Returns:
            The mean of their losses before it.
        """
        schedule, step = self.schedule, self.step
        drafted = schedule.draft_steps if self.draft else 0
        if self.draft and step < drafted:
            if step % REFIT == 0:
                self.draft = self.draft.honest(self.generator, self._batch())
            goal = self.draft
        else:
            goal = self.goal
        if step == drafted or (
            step < drafted and step % REFIT == 0
        ):  # losses before it measure something else
            self.losses = torch.full_like(self.losses, torch.inf)
        for group in self.adam.param_groups:
            group["lr"] = schedule.rate_at(step)
        self.adam.zero_grad(set_to_none=True)
        losses = torch.cat([self._backward(goal, rows) for rows in self._parts(goal)])
        if step >= len(self.curve) * schedule.steps / LINES:
            self.curve.append((step, losses.cpu()))
        self.adam.step()
        self.step += 1
        return float(losses.mean())

    def _batch(self) -> LatentBatch:
        """The codes where the search is, unshaken."""
        labels = None if self.logits is None else self.logits.detach().softmax(1)
        return LatentBatch(self.scale.codes(self.apart.detach()), self.scale.space, labels)

    def _parts(self, goal: Goal) -> list[slice]:
        """The pictures whose gradients are taken together: of large ones one by one, for the maps fill the memory."""
        count = len(self.apart)
        return [slice(0, count)] if not goal.large else [slice(i, i + 1) for i in range(count)]

    def _backward(self, goal: Goal, rows: slice) -> Tensor:
        """Take the gradients of some pictures, and remember the codes that are better; returns their losses."""
        schedule, apart = self.schedule, self.apart[rows]
        if shaken := schedule.noise_at(self.step):
            noise = seeded_normal([schedule.seed], self.scale.space.shape, stream=self.step + 1)
            apart = apart + shaken * noise.to(apart)
        codes = self.scale.codes(apart)
        labels = None if self.logits is None else self.logits[rows].softmax(1)
        pictures = goal.images(self.generator, LatentBatch(codes, self.scale.space, labels))
        losses = goal[rows].losses(pictures, self.likeness)
        if schedule.pull:
            losses = losses + schedule.pull * apart.square().flatten(1).mean(1)
        if self.term is not None:
            losses = losses + self.term(apart, pictures)
        torch.autograd.backward(losses.sum())
        losses = losses.detach()
        better = losses < self.losses[rows]
        self.losses[rows] = torch.where(better, losses, self.losses[rows])
        self.best_codes[rows][better] = codes.detach()[better]
        if labels is not None and self.best_labels is not None:
            self.best_labels[rows] = torch.where(better[:, None], labels.detach(), self.best_labels[rows])
        return losses

    def best(self) -> LatentBatch:
        """Of every picture the code of the lowest loss."""
        return LatentBatch(
            self.best_codes.clone(),
            self.scale.space,
            None if self.best_labels is None else self.best_labels.clone(),
        )

    def state(self) -> dict[str, Any]:
        """Everything that changes, for `torch.save`."""
        return {
            "step": self.step,
            "moved": [p.detach() for p in self.adam.param_groups[0]["params"]],
            "adam": self.adam.state_dict(),
            "best": [self.best_codes, self.best_labels, self.losses],
            "curve": self.curve,
            "draft": [] if self.draft is None else self.draft.fitted(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was."""
        self.step, self.curve = state["step"], state["curve"]
        with torch.no_grad():
            for own, kept in zip(self.adam.param_groups[0]["params"], state["moved"], strict=True):
                own.copy_(kept)
        self.adam.load_state_dict(state["adam"])
        if self.draft is not None:
            self.draft = self.draft.refit(state["draft"])
        codes, labels, losses = state["best"]
        device = self.losses.device
        self.best_codes, self.losses = codes.to(device), losses.to(device)
        self.best_labels = None if labels is None else labels.to(device)
