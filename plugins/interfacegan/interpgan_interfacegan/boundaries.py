"""The operator `interfacegan`: a boundary for each scored attribute."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    Input,
    InterpganError,
    Operator,
    Progress,
    Report,
    Scores,
    Table,
)
from interpgan_interfacegan.fit import Codes, Fit, fit_boundaries
from interpgan_interfacegan.inputs import RandomSeed, ShareOrCount
from interpgan_interfacegan.solvers.solve import Solver
from interpgan_interfacegan.split import Split, Threshold, check_chosen, split_samples

COLUMNS = {
    "validation": "validation_accuracy",
    "the rest": "rest_accuracy",
    "stability": "stability",
    "fitted on": "fitted",
    "validated on": "validated",
    "rest": "rest",
    "no score": "dropped",
    "threshold": "threshold",
}
"""Heading -> note of a boundary."""


class Boundaries(DirectionSet):
    """One boundary for each attribute; its notes hold how it was found and how accurate it is."""

    def summary(self) -> Report:
        """What the report shows of them: accuracies, stability and sample counts of every boundary."""
        rows = tuple((name, *(d.notes.get(note) for note in COLUMNS.values())) for name, d in self.items())
        first = next(iter(self.values()))
        solver = first.notes["solver"]
        table = Table(f"Boundaries in {first.space}, {solver}", ("attribute", *COLUMNS), rows)
        notes = [
            "Validation: share of the held-out extremes that are on their side. The rest: share of all other "
            "scored samples that are on the side of the threshold where their score is"
            + ("." if solver == "svm" else f"; {solver} was fitted on these too.")
            + " Stability: mean cosine between the boundaries of two halves of the samples fitted on; it says most "
            "about a direction, validation on extremes least."
        ]
        stopped = [name for name, d in self.items() if not d.notes["converged"]]
        if stopped:
            notes.append(
                f"The solver reached its limit of iterations for {', '.join(stopped)}: the plane is near the optimum, "
                "not at it. Where stability is low too, take logistic."
            )
        return Report(tables=(table,), notes=tuple(notes))


class FitBoundaries(Operator):
    """Find the boundary of each scored attribute: a plane in latent space, and the direction across it.

    The result has one direction for each attribute, which points to the high scores.

    Source: Shen et al., Interpreting the Latent Space of GANs for Semantic Face Editing, CVPR 2020, section 3.1
        and appendix. Deviations: the plane keeps its offset; samples without a score are dropped; everything
        is drawn from a seed; stability is measured; the solvers `logistic`, `means` and `regression`.
    """

    singular: ClassVar[bool] = True

    scores: Input[Scores]
    """Samples and their scores, as `score` or `scores` makes them."""
    space: str | None = None
    """The space of the boundary and of edits along it; the generator's first space when left out."""
    attributes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Which attributes; all when left out."""
    solver: Solver = "svm"
    """svm: on the extremes, as the paper; logistic, means: on all samples, better where scores are noisy; regression:
    on the scores of all samples, best for conditional edits."""
    penalty: Annotated[float, Field(ge=0)] = 0.0
    """Of regression: how far a direction is bent to where codes vary, in their mean variances. At 0 it predicts best,
    at 5 or so an edit in W of large generators stays among the samples."""
    chosen: ShareOrCount = 0.02
    """Extremes on each side, as a share of the samples, above 1 as a number; never more than half."""
    train: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """The share of the extremes to fit on; the others validate."""
    threshold: Threshold = "midpoint"
    """What labels the rest: the midpoint between the extremes, or (midrange, as published) of all scores."""
    bootstrap: Annotated[int, Field(ge=0, le=100)] = 5
    """How often the samples are halved for the stability; 0: it is not measured."""
    seed: RandomSeed = 0
    """Of everything that is drawn."""

    def check(self, generator: Generator) -> Boundaries:
        import numpy as np

        names = self._attributes()
        for name in names:
            scores = self.scores[name].cpu().double().numpy()
            if np.isnan(scores).all():  # they are still to come
                check_chosen(name, len(scores), self.chosen)
            else:
                split_samples(name, scores, self.chosen, self.train, self.threshold, self.seed)
        return Boundaries(DirectionSet.expected(names, self._space(generator), generator))

    def _space(self, generator: Generator) -> str:
        return generator.vector_space(self.space or next(iter(generator.spaces))).name

    def _attributes(self) -> tuple[str, ...]:
        """Names of the attributes, of which there are scores, each sample once."""
        names = tuple(dict.fromkeys(self.attributes or self.scores.names))
        if not names:
            raise InterpganError("these scores have no attribute; score the samples with one at least")
        seeds = self.scores.seeds.tolist()
        duplicates = [a for a, b in pairwise(sorted(seeds)) if a == b]
        if duplicates:
            raise InterpganError(
                f"seed {duplicates[0]} occurs more than once in these scores, so that a boundary would be validated on "
                "samples it was fitted on; score each seed once"
            )
        for name in names:
            _ = self.scores[name]
        return names

    @model_validator(mode="after")
    def _penalty_of_regression(self) -> Self:
        if self.penalty and self.solver != "regression":
            raise InterpganError(
                f"penalty is of solver: regression, and {self.solver} has none; leave it out"
            )
        return self

    def run(self, generator: Generator, progress: Progress) -> Boundaries:
        names, space = self._attributes(), self._space(generator)
        seeds = self.scores.seeds.tolist()
        columns = {name: self.scores[name].detach().cpu().double().numpy() for name in names}
        splits = [
            split_samples(name, column, self.chosen, self.train, self.threshold, self.seed)
            for name, column in columns.items()
        ]
        codes = Codes(generator, space, seeds, progress)
        fits = fit_boundaries(codes, splits, self.solver, self.bootstrap, self.seed, self.penalty)
        return Boundaries(
            {s.name: self._direction(s, f, space, generator) for s, f in zip(splits, fits, strict=True)}
        )

    def _direction(self, split: Split, fit: Fit, space: str, generator: Generator) -> Direction:
        import torch

        notes = {
            "attribute": split.name,
            "solver": self.solver,
            "samples": len(self.scores.seeds) - split.dropped,
            "dropped": split.dropped,
            "per_side": split.count,
            "fitted": fit.fitted,
            "validated": int(split.validation.sum()),
            "rest": int(split.rest.sum()),
            "threshold": split.threshold,
            "validation_accuracy": fit.validation_accuracy,
            "rest_accuracy": fit.rest_accuracy,
            "stability": fit.stability,
            "converged": fit.plane.converged,
            "seed": self.seed,
        }
        normal = torch.from_numpy(fit.plane.normal)
        return Direction(normal, space, fit.plane.bias, generator=generator.fingerprint, notes=notes)
