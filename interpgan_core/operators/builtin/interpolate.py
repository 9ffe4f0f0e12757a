"""The step `interpolate`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from interpgan_core.errors import InterpganError
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import Grid, LatentBatch
from interpgan_core.operators.base import EditOperator
from interpgan_core.operators.fields import Input

if TYPE_CHECKING:
    from torch import Tensor


class Interpolate(EditOperator):
    """The way from each sample to another, in equal steps, both ends with it; or one place on the way.

    Source: slerp as in White, Sampling Generative Networks, 2016; for codes drawn from a normal
    distribution (z) it keeps their length, for w and w+ the straight line is customary.

    Example:
        >>> from interpgan_core import Interpolate
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> way = Interpolate(to=generator.sample([8]), steps=3).run(generator.sample([7]), generator)
        >>> way.grid.columns
        ('0%', '50%', '100%')
        >>> len(Interpolate(to=generator.sample([8]), share=0.5).run(generator.sample([7]), generator))
        1
    """

    to: Input[LatentBatch]
    """As many samples as the batch, or one."""
    steps: Annotated[int, Field(ge=2)] = 5
    method: Literal["lerp", "slerp"] = "lerp"
    share: Annotated[float, Field(ge=0, le=1)] | None = None
    """In place of `steps`: each sample alone, so far on its way."""

    @model_validator(mode="after")
    def _steps_or_share(self) -> Self:
        if self.share is not None and self.steps != type(self).model_fields["steps"].default:
            raise InterpganError("say either 'steps' of the whole way, or the 'share' of one place on it")
        return self

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        return self.run(batch, generator)

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        import torch

        order = list(generator.spaces)
        space = max(batch.space.name, self.to.space.name, key=order.index)
        batch, to = generator.to_space(batch, space), generator.to_space(self.to, space)
        to = to.paired_with(batch)
        shares = [i / (self.steps - 1) for i in range(self.steps)] if self.share is None else [self.share]
        blend = _slerp if self.method == "slerp" else torch.lerp
        rows = batch.repeat(len(shares))
        codes = torch.stack([blend(batch.codes, to.codes, t) for t in shares], 1).flatten(0, 1)
        labels = rows.labels
        if batch.labels is not None and to.labels is not None:
            labels = torch.stack([torch.lerp(batch.labels, to.labels, t) for t in shares], 1).flatten(0, 1)
        grid = Grid(tuple(f"{t:.0%}" for t in shares), origin=0) if self.share is None else batch.grid
        return replace(rows, codes=codes, labels=labels, grid=grid)


def _slerp(a: Tensor, b: Tensor, share: float) -> Tensor:
    import torch

    unit = torch.nn.functional.normalize
    angle = (unit(a, dim=-1) * unit(b, dim=-1)).sum(-1, keepdim=True).clamp(-1, 1).arccos()
    sine = angle.sin()
    arc = ((1 - share) * angle).sin() / sine * a + (share * angle).sin() / sine * b
    # Parallel codes have no arc between them; float32 knows an angle to 3e-4 there.
    return torch.where(sine < 1e-3, torch.lerp(a, b, share), arc)
