"""The operator `stylespace.dci`: how well single entries of codes stand for single attributes, space by space."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    Generator,
    Input,
    InterpganError,
    Operator,
    Progress,
    Ranges,
    Report,
    Scorer,
    Seeds,
    Table,
    did_you_mean,
)
from interpgan_stylespace.effects import check_gradient, effects

if TYPE_CHECKING:
    from torch import Tensor


def disentanglement(importance: Tensor) -> tuple[Tensor, float]:
    """Whether each entry matters to one attribute alone.

    Args:
        importance: (d, a), not negative; how much entry i matters to attribute j; a of 2 at least.

    Returns:
        by entry: (d,) float64 from 0 to 1: 1 − the entropy, to base a, of its shares; 0 where it matters to none.
        mean: their mean, each weighted by how much the entry matters to all.

    Source:
        Eastwood and Williams, A Framework for the Quantitative Evaluation of Disentangled Representations, ICLR 2018.
    """
    import torch

    rows = importance.double()
    weight = rows.sum(1)
    shares = rows / weight.clamp_min(1e-300)[:, None]
    each = (1 - torch.special.entr(shares).sum(1) / math.log(rows.shape[1])) * (weight > 0)
    return each, float((each * weight).sum() / weight.sum().clamp_min(1e-300))


def completeness(importance: Tensor) -> tuple[Tensor, float]:
    """Whether each attribute has one entry alone that matters to it.

    Args:
        importance: (d, a), not negative; d of 2 at least.

    Returns:
        by attribute: (a,) float64 from 0 to 1: 1 − the entropy, to base d, of the shares of the entries.
        mean: their mean, as Wu et al. take it.
    """
    each, _ = disentanglement(importance.T)
    return each, float(each.mean())


class MeasureDisentanglement(Operator):
    """Measure disentanglement and completeness of spaces: does an entry of the code move one attribute alone, and has
    an attribute one entry alone?

    Source: Eastwood and Williams, ICLR 2018; Wu et al., StyleSpace Analysis, CVPR 2021, table 1. Deviation: how much
        an entry matters is the mean absolute change of the score for one standard deviation of the entry, through the
        generator itself, where the papers take the importances of regressors fitted to codes and labels: an entry
        that only goes along with another has none here.
    """

    scorer: Input[Scorer]
    """A network; its gradients are taken."""
    spaces: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Which spaces; left out, all whose codes are single vectors."""
    seeds: Seeds = "0-255"
    """The samples."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Samples at once."""

    def check(self, generator: Generator) -> Report:
        self._spaces(generator)
        if len(Ranges(self.seeds)) < 2:
            raise InterpganError("one sample has no standard deviation; give 2 at least, better 200")
        if len(self.scorer.names) < 2:
            raise InterpganError("with one attribute everything is disentangled; give a scorer of 2 at least")
        check_gradient(self.scorer, generator)
        return Report()

    def run(self, generator: Generator, progress: Progress) -> Report:
        rows, single = [], []
        for name in self._spaces(generator):
            found = effects(generator, self.scorer, name, Ranges(self.seeds), self.batch_size, progress)
            _, apart = disentanglement(found.size)
            whole, mean = completeness(found.size)
            size = math.prod(generator.spaces[name].shape)
            rows.append((name, size, apart, mean, *whole.tolist()))
            largest = found.size.max(0).values / found.size.sum(0).clamp_min(1e-300)
            single.append((name, *largest.tolist()))
        names = self.scorer.names
        note = (
            f"From 0 to 1, over {len(Ranges(self.seeds))} samples. Disentanglement: an entry of the code changes one "
            "score alone; completeness: a score is changed by one entry alone, of all scores and of each. Both depend "
            "on the number of entries: compare spaces by them, not generators."
        )
        columns = ("space", "entries", "disentanglement", "completeness", *names)
        most = Table(
            "The entry that changes each score most", ("space", *names), tuple(single),
            "Its share of the changes that all entries make.",
        )  # fmt: skip
        return Report(tables=(Table("Disentanglement and completeness", columns, tuple(rows), note), most))

    def _spaces(self, generator: Generator) -> tuple[str, ...]:
        if self.spaces is None:
            return tuple(name for name, space in generator.spaces.items() if len(space.shape) == 1)
        for name in self.spaces:
            if name not in generator.spaces:
                raise InterpganError(
                    f"this generator has no space '{name}'" + did_you_mean(name, generator.spaces)
                )
        return self.spaces
