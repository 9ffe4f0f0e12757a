"""The operator `interfacegan.quality`: the boundary between good samples and bad ones, to correct artifacts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    Input,
    InterpganError,
    Operator,
    Progress,
    Ranges,
    Report,
    Scores,
    Seeds,
)
from interpgan_interfacegan.boundaries import Boundaries, FitBoundaries
from interpgan_interfacegan.inputs import RandomSeed, ShareOrCount
from interpgan_interfacegan.solvers.solve import Solver

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, eq=False)
class Boundary(Direction):
    """One boundary; its notes are those of `Boundaries`."""

    def summary(self) -> Report:
        """What the report shows of it: its row of the table of boundaries."""
        return Boundaries({self.notes["attribute"]: self}).summary()


class FindQuality(Operator):
    """Find the direction from bad samples to good ones, by labels or by the generator's own discriminator.

    Source: Shen et al., CVPR 2020, section 3.4: labels of 4000 samples, and a boundary like any other. Deviations:
        logistic regression on all samples is the default; where there are no labels, the logits of the
        discriminator are the score, one image at a time.
    """

    scores: Input[Scores] | None = None
    """One column, high is good: labels such as 0 and 1, or grades; left out, the discriminator scores `seeds`."""
    seeds: Seeds = "0-9999"
    """Samples for the discriminator; not used where there are `scores`."""
    space: str | None = None
    """The space of the boundary and of edits along it; the generator's first space when left out."""
    solver: Solver = "logistic"
    """As of `interfacegan`; grades of quality are noisy, and the outer 2 % of them are not reliable."""
    chosen: ShareOrCount | None = None
    """Extremes on each side, as of `interfacegan`; left out, as many as the rarer of two labels has, or else 0.02."""
    seed: RandomSeed = 0
    """Of everything that is drawn."""

    def check(self, generator: Generator) -> Boundary:
        if self.scores is None:
            _require_discriminator(generator)
        else:
            _check_one_column(self.scores)
        space = generator.vector_space(self.space or next(iter(generator.spaces))).name
        return Boundary.of(DirectionSet.expected(("quality",), space, generator)["quality"])

    def run(self, generator: Generator, progress: Progress) -> Boundary:
        scores = self.scores
        if scores is None:
            scores = discriminator_scores(generator, Ranges(self.seeds), progress)
        _check_one_column(scores)
        fit = FitBoundaries(
            scores=scores,
            space=self.space,
            solver=self.solver,
            chosen=self.chosen or _default_chosen(scores),
            seed=self.seed,
        )
        (found,) = fit.run(generator, progress).values()
        return Boundary.of(found)


def discriminator_scores(generator: Generator, seeds: Ranges, progress: Progress) -> Scores:
    """The logits of the generator's own discriminator, as scores of the attribute "quality".

    Args:
        generator: with a discriminator that takes images and labels.
        seeds: of the samples.
        progress: shows how far it is.

    Returns:
        One logit a sample. The discriminator takes one image at a time, so that a sample's score does not depend on
        the others: with a minibatch standard deviation, images of one batch would shift each other's logits.

    Raises:
        InterpganError: if there is no discriminator.
    """
    import torch

    discriminator = _require_discriminator(generator)
    logits = torch.empty(len(seeds), 1)
    samples = generator.stream(seeds, 1)
    what = f"scoring {len(seeds)} samples by the discriminator"
    for i, batch in enumerate(progress(samples, total=len(seeds), what=what)):
        with torch.no_grad():
            logits[i] = discriminator(generator.images(batch), batch.labels).flatten()[0]
    return Scores(torch.tensor(seeds[:], dtype=torch.int64), logits, ("quality",))


def _require_discriminator(generator: Generator) -> nn.Module:
    if generator.discriminator is None:
        raise InterpganError(
            "this generator comes without its discriminator, which would score the samples; give labels as scores: "
            "$step, such as those of a CSV file (use: scores), or load a checkpoint with a discriminator"
        )
    return generator.discriminator


def _check_one_column(scores: Scores) -> None:
    if len(scores.names) != 1:
        raise InterpganError(
            f"quality is one column of scores, and these have {len(scores.names)}: {', '.join(scores.names)}; "
            "keep the column that says what is good"
        )


def _default_chosen(scores: Scores) -> float:
    """As many a side as the rarer of two labels has; the paper's share of anything finer."""
    counts = Counter(scores.values[~scores.values.isnan()].tolist())
    rarer = min(counts.values()) if len(counts) == 2 else 0
    return float(rarer) if rarer > 1 else 0.02
