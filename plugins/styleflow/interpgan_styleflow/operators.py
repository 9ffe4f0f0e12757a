"""The operator `styleflow`: a flow of codes given the attributes of their pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import Generator, Input, InterpganError, LatentSpace, Operator, Progress, Scores
from interpgan_styleflow.movers import Flows

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 100  # samples


class LearnFlow(Operator):
    """Learn how codes are distributed given the attributes of their pictures; a mover for each attribute.

    A flow carries a code to normal numbers, given its attributes, and back. A mover goes forward with the attributes
    that a code has, which a small network reads from the code, and back with one of them changed: what the other
    attributes say of a code stays. Strength is in standard deviations of the attribute's score.

    Source: Abdal et al., StyleFlow, ACM Transactions on Graphics 2021. Ours is a flow of couplings (Dinh et al.,
        RealNVP, ICLR 2017), not a continuous one: its inverse is exact, and it trains in a minute.
    """

    scores: Input[Scores]
    """Of samples, from a step such as `score`; logits serve better than probabilities."""
    attributes: tuple[str, ...] | None = None
    """Those that are to be told apart, all at once; all that are scored when left out."""
    space: str | None = None
    """Whose codes are moved; left out, the first space of single vectors that codes are mapped to, such as w, and
    without one the space that is sampled."""
    couplings: Annotated[int, Field(ge=0, le=64)] = 4
    """How many layers the flow has; 0: codes are normal, and their mean depends on the attributes."""
    width: Annotated[int, Field(ge=1, le=4096)] = 128
    """Of the layers' networks."""
    steps: Annotated[int, Field(ge=1)] = 1500
    """Of training; the flow is taken where held-out codes were likeliest."""
    batch_size: Annotated[int, Field(ge=2)] = 256
    """Codes in a step."""
    rate: Annotated[float, Field(gt=0)] = 1e-3
    """The highest learning rate."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The share of the codes that is not trained on."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Of everything that is drawn."""

    def check(self, generator: Generator) -> Flows:
        import torch

        names = self._names()
        if len(self.scores.seeds) < LEAST:
            raise InterpganError(
                f"a flow needs {LEAST} scored samples at least, and thousands to be good; not {len(self.scores.seeds)}"
            )
        if not bool(torch.isnan(self.scores.values).all()):  # else they are still to come
            self._standardised(names)
        space = self._space(generator)
        return Flows.expected(names, space.name, generator, notes={"score_per_unit": 1.0})

    def _names(self) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(self.attributes or self.scores.names))
        if not names:
            raise InterpganError("these scores have no attribute; score the samples with one at least")
        for name in names:
            _ = self.scores[name]
        return names

    def _space(self, generator: Generator) -> LatentSpace:
        space = generator.vector_space(self.space)
        if space.shape[0] < 2:
            raise InterpganError(f"codes of {space.name} are single numbers; choose another space")
        return space

    def _standardised(self, names: tuple[str, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The samples that have every score (n,) bool; their scores (n, k), standardised; means and deviations (k,)."""
        import torch

        values = torch.stack([self.scores[name].detach().cpu().double() for name in names], 1)
        known = values.isfinite().all(1)
        if int(known.sum()) < LEAST:
            raise InterpganError(
                f"only {int(known.sum())} of the samples have a score of every attribute; a flow needs {LEAST} at least"
            )
        values = values[known]
        means, deviations = values.mean(0), values.std(0, correction=0)
        for name, deviation in zip(names, deviations.tolist(), strict=True):
            if not deviation > 0:
                raise InterpganError(
                    f"every sample has the same score of '{name}'; leave it out of 'attributes'"
                )
        return known, (values - means) / deviations, means, deviations

    def run(self, generator: Generator, scratch: Path, progress: Progress) -> Flows:
        import torch

        from interpgan_styleflow.movers import AttributeMover
        from interpgan_styleflow.training import Settings, trained

        names, space = self._names(), self._space(generator)
        known, attributes, means, deviations = self._standardised(names)
        seeds = self.scores.seeds[known].tolist()
        codes = torch.cat([batch.codes.cpu() for batch in generator.stream(seeds, space=space.name)])
        settings = Settings(
            self.couplings, self.width, self.steps, self.batch_size, self.rate, self.held_out, self.seed
        )
        found = trained(codes, attributes.float(), settings, scratch, progress)
        weights = {name: tensor.detach() for name, tensor in found.flow.state_dict().items()}
        movers = {}
        for column, name in enumerate(names):
            notes = {
                "attribute": name,
                "sigma": 1.0,
                "score_per_unit": float(deviations[column]),
                "read": float(found.explained[column]),
                "samples": len(codes),
            }
            movers[name] = AttributeMover(
                space=space.name,
                generator=generator.fingerprint,
                notes=notes,
                weights=weights,
                names=names,
                column=column,
                means=means,
                deviations=deviations,
                couplings=self.couplings,
                width=self.width,
                curve=found.curve,
            )
        return Flows(movers)
