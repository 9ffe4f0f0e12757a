"""Artifact correction: the boundary between good samples and bad ones."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from pydantic import AfterValidator, Field

from interpgan_core import Generator, Input, InterpganError, Operator, Progress, Ranges, Scores, Seeds
from interpgan_interfacegan.operators import FitBoundaries, share_or_count
from interpgan_interfacegan.results import Boundary
from interpgan_interfacegan.solvers import Solver


class FindQuality(Operator):
    """Find the direction from bad samples to good ones, by labels or by the generator's own discriminator.

    Source: Shen et al., CVPR 2020, section 3.4: labels of 4000 samples, and a boundary like any other. Deviations:
        logistic regression on all samples is the default; where there are no labels, the logits of the
        discriminator are the score, each picture judged alone.
    """

    scores: Input[Scores] | None = None
    """One column, high is good: labels such as 0 and 1, or grades; left out, the discriminator judges `seeds`."""
    seeds: Seeds = "0-9999"
    """Samples for the discriminator; not used where there are `scores`."""
    space: str | None = None
    """Where the boundary lies, and the edit will act; the generator's first space when left out."""
    solver: Solver = "logistic"
    """As of `interfacegan`; grades of quality are noisy, and the outer 2 % of them say little."""
    chosen: (
        Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False), AfterValidator(share_or_count)] | None
    ) = None
    """Extremes on each side, as of `interfacegan`; left out, as many as the rarer of two labels has, or else 0.02."""
    seed: Annotated[int, Field(ge=0, lt=2**32, strict=True)] = 0
    """Of everything that is drawn."""

    def run(self, generator: Generator, progress: Progress) -> Boundary:
        scores = self.scores if self.scores is not None else judged(generator, Ranges(self.seeds), progress)
        if len(scores.names) != 1:
            raise InterpganError(
                f"quality is one column of scores, and these have {len(scores.names)}: {', '.join(scores.names)}; "
                "keep the column that says what is good"
            )
        fit = FitBoundaries(
            scores=scores,
            space=self.space,
            solver=self.solver,
            chosen=self.chosen or _usual(scores),
            seed=self.seed,
        )
        (found,) = fit.run(generator, progress).values()
        return Boundary.of(found)


def judged(generator: Generator, seeds: Ranges, progress: Progress) -> Scores:
    """How real samples look to the generator's own discriminator, as scores of the attribute "quality".

    Args:
        generator: with a discriminator that takes pictures and labels.
        seeds: of the samples.
        progress: shows how far it is.

    Returns:
        One logit a sample. Each picture is judged alone, so that a sample's score does not depend on the others:
        discriminators that compare the pictures of a batch see one without variety, which shifts all logits
        alike.

    Raises:
        InterpganError: if there is no discriminator.
    """
    import torch

    if generator.discriminator is None:
        raise InterpganError(
            "this generator comes without its discriminator, which would judge the samples; give labels as scores: "
            "$step, such as those of a CSV file (use: scores), or load a checkpoint with a discriminator"
        )
    found = torch.empty(len(seeds), 1)
    samples = generator.stream(seeds, 1)
    for i, batch in enumerate(progress(samples, total=len(seeds), what=f"judging {len(seeds)} samples")):
        with torch.no_grad():
            found[i] = generator.discriminator(generator.images(batch), batch.labels).flatten()[0]
    return Scores(torch.tensor(seeds[:], dtype=torch.int64), found, ("quality",))


def _usual(scores: Scores) -> float:
    """As many a side as the rarer of two labels has; the paper's share of anything finer."""
    counts = Counter(scores.values[~scores.values.isnan()].tolist())
    rarer = min(counts.values()) if len(counts) == 2 else 0
    return float(rarer) if rarer > 1 else 0.02
