"""The operators `interfacegan` and `interfacegan.condition`."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from interpgan_core import (
    Direction,
    Generator,
    Input,
    InterpganError,
    Operator,
    Progress,
    Scores,
    did_you_mean,
)
from interpgan_interfacegan.choosing import Threshold, choose
from interpgan_interfacegan.conditioning import condition
from interpgan_interfacegan.fitting import Codes, fit
from interpgan_interfacegan.results import Boundaries, Conditioned
from interpgan_interfacegan.solvers import Solver


def share_or_count(value: float) -> float:
    """A share up to 1, or above it a whole number."""
    if value > 1 and value != int(value):
        raise InterpganError("above 1 it is a number of samples, so a whole number")
    return value


class FitBoundaries(Operator):
    """Find the boundary of each scored attribute: a plane in latent space, and the direction across it.

    The result has one direction an attribute, which points to the high scores.

    Source: Shen et al., Interpreting the Latent Space of GANs for Semantic Face Editing, CVPR 2020, section 3.1
        and appendix. Deviations: the plane keeps its offset; samples without a score are dropped; everything
        is drawn from a seed; stability is measured; the solvers `logistic`, `means` and `regression`.
    """

    scores: Input[Scores]
    """Samples and their scores, as `score` or `scores` makes them."""
    space: str | None = None
    """Where the boundary lies, and the edit will act; the generator's first space when left out."""
    attributes: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Which attributes; all when left out."""
    solver: Solver = "svm"
    """svm: on the extremes, as the paper; logistic, means: on all samples, better where scores are noisy; regression:
    on what all samples score, whose edits leave conditions alone best."""
    chosen: Annotated[
        float, Field(gt=0, strict=True, allow_inf_nan=False), AfterValidator(share_or_count)
    ] = 0.02
    """Extremes on each side, as a share of the samples, above 1 as a number; never more than half."""
    train: Annotated[float, Field(gt=0, lt=1, strict=True)] = 0.7
    """The share of the extremes to fit on; the others validate."""
    threshold: Threshold = "midpoint"
    """What divides the rest: the midpoint between the extremes, or (midrange, as published) of all scores."""
    bootstrap: Annotated[int, Field(ge=0, le=100, strict=True)] = 5
    """How often the samples are halved for the stability; 0: it is not measured."""
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 0
    """Of everything that is drawn."""

    def run(self, generator: Generator, progress: Progress) -> Boundaries:
        import torch

        space = self.space or next(iter(generator.spaces))
        _check_space(generator, space)
        names = tuple(dict.fromkeys(self.attributes or self.scores.names))
        if not names:
            raise InterpganError("these scores have no attribute; score the samples with one at least")
        seeds = self.scores.seeds.tolist()
        twice = [a for a, b in pairwise(sorted(seeds)) if a == b]
        if twice:
            raise InterpganError(
                f"seed {twice[0]} stands more than once in these scores, so that a boundary would be validated on "
                "what it was fitted on; score each seed once"
            )
        columns = {name: self.scores[name].detach().cpu().double().numpy() for name in names}
        choices = [
            choose(name, column, self.chosen, self.train, self.threshold, self.seed)
            for name, column in columns.items()
        ]
        codes = Codes(generator, space, seeds, progress)
        fits = fit(codes, choices, self.solver, self.bootstrap, self.seed)
        return Boundaries(
            {
                c.name: Direction(
                    torch.from_numpy(f.plane.normal),
                    space=space,
                    bias=f.plane.bias,
                    generator=generator.fingerprint,
                    notes={
                        "attribute": c.name,
                        "solver": self.solver,
                        "samples": len(seeds) - c.dropped,
                        "dropped": c.dropped,
                        "per_side": c.count,
                        "fitted": f.fitted,
                        "validated": int(c.validation.sum()),
                        "rest": int(c.rest.sum()),
                        "threshold": c.threshold,
                        "validation_accuracy": f.validation,
                        "rest_accuracy": f.rest,
                        "stability": f.stability,
                        "converged": f.plane.converged,
                        "seed": self.seed,
                    },
                )
                for c, f in zip(choices, fits, strict=True)
            }
        )


class Condition(Operator):
    """Take out of a direction what it shares with others, so that an edit along it leaves them alone.

    All conditions are taken together. The result is one direction: `$smile` of the step with `id: smile`.

    Source: Shen et al., CVPR 2020, section 2.2, for any number of conditions. Deviation: where the
        generator knows the mean of the space, the plane keeps its distance from it as far as the conditions go.
    """

    direction: Input[Direction]
    """What is to be edited."""
    given: Annotated[tuple[Input[Direction], ...], Field(min_length=1)]
    """What is to stay as it is."""

    def run(self, generator: Generator | None = None) -> Conditioned:
        return condition(self.direction, self.given, generator)


def _check_space(generator: Generator, name: str) -> None:
    if name not in generator.spaces:
        raise InterpganError(f"this generator has no space '{name}'" + did_you_mean(name, generator.spaces))
    space = generator.spaces[name]
    if len(space.shape) != 1:
        raise InterpganError(
            f"a code of {name} is {tuple(space.shape)}, one vector a layer; fit in a space of single vectors"
            + (f", such as {space.base}, and choose layers in the edit" if space.base else "")
        )
