"""Samples, and what may be done to them without a direction: truncation, mixing, interpolation."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generator import Generator, HasClassNames
from interpgan_core.latents import Grid, LatentBatch
from interpgan_core.operators import EditOperator, Input, Operator
from interpgan_core.ranges import Layers, Ranges, Seeds

if TYPE_CHECKING:
    from torch import Tensor


MOST = 1_000_000  # samples in one batch


class Sample(Operator):
    """Draw samples, each from its own seed alone."""

    seeds: Seeds
    """Such as 7-14 or 3,5,8."""
    classes: tuple[StrictInt | StrictStr, ...] = ()
    """Of a conditional generator: one class for all, or one a sample; left out, each seed draws one.

    A class is a number, a name where the generator knows names, or a mixture: 0.7*tabby + 0.3*207.
    """

    def run(self, generator: Generator) -> LatentBatch:
        seeds = Ranges(self.seeds)
        if len(seeds) > MOST:
            raise InterpganError(
                f"{len(seeds)} samples would not fit into memory; draw {MOST} at most, or let 'score' stream them"
            )
        return generator.sample(seeds, self._labels(generator, len(seeds)))

    def _labels(self, generator: Generator, count: int) -> Tensor | None:
        import torch

        if not self.classes:
            return None
        if not generator.classes:
            raise InterpganError("this generator has no classes; leave 'classes' out")
        if len(self.classes) not in (1, count):
            raise InterpganError(f"{len(self.classes)} classes for {count} seeds; give one, or {count}")
        rows = [class_weights(generator, text) for text in self.classes]
        return torch.stack(rows).expand(count, -1)


def class_weights(generator: Generator, text: int | str) -> Tensor:
    """What a person writes for a class as class weights: 207, "tabby", "0.7*tabby + 0.3*207".

    Returns:
        (classes,) float32 that sum to 1.

    Raises:
        InterpganError: if there is no such class, or a share is not a number above 0.
    """
    import torch

    weights = torch.zeros(generator.classes)
    for part in str(text).split("+"):
        share, star, name = part.rpartition("*")
        if star and not re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*", share, re.ASCII):
            raise InterpganError(f"'{part.strip()}' has no share of a mixture; write 0.7*{name.strip()}")
        weights[_class_number(generator, name.strip())] += float(share) if star else 1.0
    if not weights.sum() > 0:
        raise InterpganError(f"the shares of '{text}' are all 0; write shares above 0")
    return weights / weights.sum()


def _class_number(generator: Generator, name: str) -> int:
    names = generator.class_names if isinstance(generator, HasClassNames) else ()
    if name.isdecimal() and int(name) < generator.classes:
        return int(name)
    for number, known in enumerate(names):
        if known.casefold() == name.casefold():
            return number
    holding = [known for known in names if name.casefold() in known.casefold()]
    raise InterpganError(
        f"there is no class {name}; they are 0-{generator.classes - 1}" + did_you_mean(name, holding or names)
    )


class Truncate(EditOperator):
    """Pull codes towards their mean: `mean + psi * (code - mean)`; psi 1 changes nothing, 0 is the mean.

    Source: Karras et al., StyleGAN, CVPR 2019, appendix B. It acts where it stands in the recipe: an edit
    before it is scaled by psi too (InterFaceGAN's order), one after it is not (SeFa's).
    """

    psi: StrictFloat = 0.7
    layers: Layers = "all"

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        order = list(generator.spaces)
        for name in order[order.index(batch.space.name) :]:
            space = generator.spaces[name]
            if space.mean is not None and (self.layers == "all" or space.layer_of is not None):
                batch = generator.to_space(batch, name)
                mean = space.mean.to(batch.codes.device)
                pulled = mean + self.psi * (batch.codes - mean)
                return replace(batch, codes=_choose(batch, self.layers, pulled))
        raise InterpganError(
            f"codes in {batch.space.name} cannot be truncated: no space from there on has a known mean"
            + ("" if self.layers == "all" else " and layers")
        )


class Mix(EditOperator):
    """Style mixing: the chosen layers take their codes from other samples.

    Source: Karras et al., StyleGAN, CVPR 2019, section 3.1. Of the source only the codes are used.
    """

    source: Input[LatentBatch]
    """As many samples as the batch, or one."""
    layers: Layers
    cross: StrictBool = False
    """Every sample with every source: a grid whose first column is the sample itself."""

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        import torch

        order = list(generator.spaces)
        start = max(order.index(batch.space.name), order.index(self.source.space.name))
        layered = [n for n in order[start:] if generator.spaces[n].layer_of is not None]
        if not layered:
            raise InterpganError("this generator has no space with layers, so there is nothing to mix")
        source = generator.to_space(self.source, layered[0])
        batch = generator.to_space(batch, layered[0])
        if not self.cross:
            return replace(batch, codes=_choose(batch, self.layers, _as_many(source, batch).codes))
        columns = len(source) + 1
        rows = batch.repeat(columns)
        others = torch.cat([batch.codes[:, None], source.codes.expand(len(batch), *source.codes.shape)], 1)
        mixed = _choose(rows, self.layers, others.flatten(0, 1))
        captions = ("original", *(source.name_of(i) for i in range(len(source))))
        return replace(rows, codes=mixed, grid=Grid(captions, origin=0))


class Interpolate(EditOperator):
    """The way from each sample to another, in equal steps; both ends are shown.

    Source: slerp as in White, Sampling Generative Networks, 2016; for codes drawn from a normal
    distribution (z) it keeps their length, for w and w+ the straight line is customary.
    """

    to: Input[LatentBatch]
    """As many samples as the batch, or one."""
    steps: Annotated[StrictInt, Field(ge=2)] = 5
    method: Literal["lerp", "slerp"] = "lerp"

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        import torch

        order = list(generator.spaces)
        space = max(batch.space.name, self.to.space.name, key=order.index)
        batch, to = generator.to_space(batch, space), generator.to_space(self.to, space)
        to = _as_many(to, batch)
        shares = [i / (self.steps - 1) for i in range(self.steps)]
        blend = _slerp if self.method == "slerp" else torch.lerp
        rows = batch.repeat(self.steps)
        codes = torch.stack([blend(batch.codes, to.codes, t) for t in shares], 1).flatten(0, 1)
        labels = batch.labels
        if labels is not None and to.labels is not None:
            labels = torch.stack([torch.lerp(labels, to.labels, t) for t in shares], 1).flatten(0, 1)
        grid = Grid(tuple(f"{t:.0%}" for t in shares), origin=0)
        return replace(rows, codes=codes, labels=labels, grid=grid)


def _slerp(a: Tensor, b: Tensor, share: float) -> Tensor:
    import torch

    unit = torch.nn.functional.normalize
    angle = (unit(a, dim=-1) * unit(b, dim=-1)).sum(-1, keepdim=True).clamp(-1, 1).arccos()
    sine = angle.sin()
    arc = ((1 - share) * angle).sin() / sine * a + (share * angle).sin() / sine * b
    # Parallel codes have no arc between them.
    return torch.where(sine < 1e-6, torch.lerp(a, b, share), arc)


def _choose(batch: LatentBatch, layers: str, other: Tensor) -> Tensor:
    return other.where(batch.space.mask(layers).to(other.device), batch.codes)


def _as_many(other: LatentBatch, batch: LatentBatch) -> LatentBatch:
    if len(other) == len(batch):
        return other
    if len(other) == 1:
        return other.repeat(len(batch))
    raise InterpganError(
        f"{len(other)} samples cannot be paired with {len(batch)}; give one, or {len(batch)}"
    )
