"""The operator `ganspace`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    InterpganError,
    LatentSpace,
    Operator,
    Progress,
    Ranges,
    Sample,
    Seeds,
)
from interpgan_ganspace.pca import Pairs, principal_components

BLOCK = 256  # samples at once


class FindComponents(Operator):
    """Find the directions in which samples vary most: principal components of their codes or first activations.

    In a space that codes are mapped to, such as w, they are those of the codes. In the first space, where codes have
    the same variance in all directions, they are those of the first layer's activations, carried back to codes by
    least squares. The result is named "0", "1", … in descending order of the variance.

    Source: Härkönen et al., GANSpace: Discovering Interpretable GAN Controls, NeurIPS 2020, section 2.
        Deviations: see `principal_components`; the entry of largest magnitude is positive.
    """

    space: str | None = None
    """Where the directions live; left out, the first space of single vectors that codes are mapped to, such as w,
    and without one the space that is sampled."""
    count: Annotated[int, Field(ge=1)] = 80
    """How many components to keep."""
    seeds: Seeds = "0-299999"
    """The samples; they are drawn in a stream, none is kept."""
    classes: Annotated[tuple[int | str, ...], Field(max_length=1)] = ()
    """Of a conditional generator: the class of all samples, as in `sample`; left out, each seed draws one."""

    def check(self, generator: Generator) -> DirectionSet:
        space = self._space(generator)
        seeds = Ranges(self.seeds)
        if len(seeds) < 2:
            raise InterpganError(
                f"components need 2 samples at least, and many more to mean anything; not {len(seeds)}"
            )
        Sample(seeds=str(seeds[0]), classes=self.classes).run(generator)
        names = map(str, range(min(self.count, space.shape[0])))
        return DirectionSet.expected(names, space.name, generator)

    def _space(self, generator: Generator) -> LatentSpace:
        spaces = list(generator.spaces.values())
        mapped = (space.name for space in spaces[1:] if len(space.shape) == 1)
        sampled = spaces[0].name
        space = generator.vector_space(next(mapped, sampled) if self.space is None else self.space)
        if space.name == sampled and not generator.layers:
            raise InterpganError(
                f"codes of {space.name} have the same variance in all directions, and this generator names no layer "
                "whose activations could be measured instead; choose a later space"
            )
        return space

    def run(self, generator: Generator, progress: Progress) -> DirectionSet:
        space = self._space(generator)
        sampled = next(iter(generator.spaces))
        seeds = Ranges(self.seeds)

        def draw(name: str) -> Pairs:
            starts = range(0, len(seeds), BLOCK)
            for start in progress(starts, total=len(starts), what=f"{name} {len(seeds)} samples"):
                part = ",".join(map(str, seeds[start : start + BLOCK]))
                batch = Sample(seeds=part, classes=self.classes).run(generator)
                batch = generator.to_space(batch, space.name)
                features = batch.codes
                if space.name == sampled:
                    layer = generator.layers[0]
                    features = generator.features(batch, [layer])[layer].flatten(1)
                yield batch.codes, features

        found = principal_components(draw, self.count)
        signs = found.directions.gather(1, found.directions.abs().argmax(1, keepdim=True)).sign()
        shares = found.variance_shares.tolist()
        directions = {}
        for i, (vector, share) in enumerate(zip(signs * found.directions, shares, strict=True)):
            notes = {"sigma": float(vector.norm()), "variance_share": share}
            bias = -float(found.mean @ vector)  # the plane of distance 0 passes through the mean
            directions[str(i)] = Direction(
                vector, space.name, bias, generator=generator.fingerprint, notes=notes
            )
        return DirectionSet(directions)
