"""The operator `styleflow.edit`: several attributes at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from interpgan_core import (
    EditOperator,
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Layers,
    Scorer,
    did_you_mean,
    score_images,
)
from interpgan_styleflow.movers import Flows

if TYPE_CHECKING:
    from torch import Tensor


class EditAttributes(EditOperator):
    """Give samples other attributes, several at once: forward through a flow with their own, back with the new ones.

    Source: Abdal et al., StyleFlow, ACM Transactions on Graphics 2021, section 5.
    """

    flow: Input[Flows]
    """From the step `styleflow`."""
    to: dict[str, float] = Field(default_factory=dict)
    """Attribute -> the score to have."""
    by: dict[str, float] = Field(default_factory=dict)
    """Attribute -> how much its score changes."""
    scorer: Input[Scorer] | None = None
    """Reads the attributes that samples have from their pictures, as in the paper; else they are read from codes."""
    looks: Annotated[int, Field(ge=0, le=100)] = 0
    """How many times the edit is corrected by what its picture lacks of the wanted scores, as the scorer sees it; what
    came nearest is kept."""
    layers: Layers = "all"
    """The layers that move."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.to and not self.by:
            raise InterpganError(
                "say in 'to' which scores the attributes shall have, or in 'by' how much they change"
            )
        both = set(self.to) & set(self.by)
        if both:
            raise InterpganError(f"'{min(both)}' stands in both 'to' and 'by'; choose one")
        if self.looks and self.scorer is None:
            raise InterpganError("'looks' scores pictures; give the 'scorer' too")
        return self

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        for name in (*self.to, *self.by):
            self.flow.column(name)
        if self.scorer is not None:
            for name in self.flow:
                if name not in self.scorer.names:
                    raise InterpganError(
                        f"the scorer has no attribute '{name}', which the flow was trained on"
                        + did_you_mean(name, self.scorer.names)
                    )
        return self._carried(batch, generator)

    def _carried(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        one = self.flow.one
        if not generator.shares_codes(one.generator):
            raise InterpganError(
                f"this flow was trained on another generator ({one.generator}, not {generator.fingerprint}); "
                "train it on this one"
            )
        return generator.to_space(batch, generator.space_for(one.space, self.layers, batch.space.name))

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        import torch

        carried = self._carried(batch, generator)
        if not len(carried):
            return carried
        codes = [self._changed(carried[i], generator) for i in range(len(carried))]
        return carried.with_layers(self.layers, torch.cat(codes).to(carried.codes.device))

    def _changed(self, sample: LatentBatch, generator: Generator) -> Tensor:
        """The codes of one sample, in all layers."""
        import torch

        one, rows = self.flow.one, sample.codes.reshape(-1, sample.codes.shape[-1]).cpu().double()
        own = one.flow.read(rows)
        if self.scorer is not None:
            seen = self._seen(sample, generator)
            own = torch.where(seen.isfinite(), seen, own)
        wanted = self._wanted(own)
        if not self.looks:
            return one.changed(rows, own, wanted).view(sample.codes.shape)
        nearest, best, given = float("inf"), sample.codes, wanted
        for _ in range(self.looks + 1):
            found = one.changed(rows, own, given).view(sample.codes.shape)
            moved = sample.with_layers(self.layers, found.to(sample.codes.device))
            # Rows of layers differ only where the scorer says nothing; there nothing is lacking.
            lacking = (wanted[:1] - self._seen(moved, generator)).nan_to_num(0.0, 0.0, 0.0)
            distance = float(lacking.square().sum())
            if distance < nearest:
                nearest, best = distance, found
            given = given + lacking
        return best

    def _seen(self, sample: LatentBatch, generator: Generator) -> Tensor:
        """(1, k) the attributes of one sample's picture, in standard deviations; NaN where the scorer says nothing."""
        import torch

        assert self.scorer is not None
        with torch.no_grad():
            found = score_images(self.scorer, generator.images(sample))[0].double().cpu()
        scores = torch.stack([found[list(self.scorer.names).index(name)] for name in self.flow])
        return ((scores - self.flow.one.means) / self.flow.one.deviations)[None]

    def _wanted(self, own: Tensor) -> Tensor:
        """(n, k) the attributes that are asked for, of those (n, k) that there are."""
        one, wanted = self.flow.one, own.clone()
        for name, score in self.to.items():
            column = self.flow.column(name)
            wanted[:, column] = (score - one.means[column]) / one.deviations[column]
        for name, change in self.by.items():
            column = self.flow.column(name)
            wanted[:, column] += change / one.deviations[column]
        return wanted
