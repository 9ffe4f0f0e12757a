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

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class EditAttributes(EditOperator):
    """Give samples other attributes, several at once: forward through a flow with their own, back with the new ones.

    Source: Abdal et al., StyleFlow, ACM Transactions on Graphics 2021, section 5.
    """

    flow: Input[Flows]
    """From the step `styleflow`."""
    to: dict[str, Number] = Field(default_factory=dict)
    """Attribute -> the score to have."""
    by: dict[str, Number] = Field(default_factory=dict)
    """Attribute -> how much its score changes."""
    scorer: Input[Scorer] | None = None
    """Reads the attributes that samples have from their pictures, as in the paper; else they are read from codes."""
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
        by_layer = carried.space.name != self.flow.one.space
        codes = [self._changed(carried[i], generator, by_layer) for i in range(len(carried))]
        return carried.with_layers(self.layers, torch.cat(codes).to(carried.codes.device))

    def _changed(self, sample: LatentBatch, generator: Generator, by_layer: bool) -> Tensor:
        """The codes of one sample, in all layers."""
        import torch

        one = self.flow.one
        codes = (sample.codes[0] if by_layer else sample.codes).cpu().double()
        own = one.flow.read(codes)
        if self.scorer is not None:
            with torch.no_grad():
                found = score_images(self.scorer, generator.images(sample))[0].double()
            scores = torch.stack([found[list(self.scorer.names).index(name)] for name in self.flow])
            seen = (scores - one.means) / one.deviations
            own = torch.where(seen.isfinite(), seen, own)
        wanted = own.clone()
        for name, score in self.to.items():
            column = self.flow.column(name)
            wanted[:, column] = (score - one.means[column]) / one.deviations[column]
        for name, change in self.by.items():
            column = self.flow.column(name)
            wanted[:, column] += change / one.deviations[column]
        return one.changed(codes, own, wanted).view(sample.codes.shape)
