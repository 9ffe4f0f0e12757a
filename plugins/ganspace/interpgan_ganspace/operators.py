"""The operator `ganspace`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt, StrictStr

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
    did_you_mean,
)
from interpgan_ganspace.components import Pairs, components

BLOCK = 256  # samples at once


class FindComponents(Operator):
    """Find the directions in which samples vary most: principal components of their codes or first activations.

    In a space that codes are mapped to, such as w, they are those of the codes. In the first space, where codes are
    drawn alike in all directions, they are those of the first layer's activations, carried back to codes by least
    squares. The result is named "0", "1", … in descending order of the variance.

    Source: Härkönen et al., GANSpace: Discovering Interpretable GAN Controls, NeurIPS 2020, section 2.
        Deviations: see `components`; the entry of largest magnitude is positive.
    """

    space: str | None = None
    """Where the directions live; left out, the first space of single vectors that codes are mapped to, such as w,
    and without one the space that is sampled."""
    count: Annotated[int, Field(ge=1, strict=True)] = 80
    """How many components to keep."""
    seeds: Seeds = "0-299999"
    """The samples; they are drawn in a stream, none is kept."""
    classes: Annotated[tuple[StrictInt | StrictStr, ...], Field(max_length=1)] = ()
    """Of a conditional generator: the class of all samples, as in `sample`; left out, each seed draws one."""

    def run(self, generator: Generator, progress: Progress) -> DirectionSet:
        space = _vectors(generator, self.space)
        sampled = next(iter(generator.spaces))
        if space.name == sampled and not generator.layers:
            raise InterpganError(
                f"codes of {space.name} are drawn alike in all directions, and this generator names no layer "
                "whose activations tell them apart; choose a later space"
            )
        seeds = Ranges(self.seeds)

        def draw(what: str) -> Pairs:
            starts = range(0, len(seeds), BLOCK)
            for start in progress(starts, total=len(starts), what=f"{what} {len(seeds)} samples"):
                part = ",".join(map(str, seeds[start : start + BLOCK]))
                batch = Sample(seeds=part, classes=self.classes).run(generator)
                batch = generator.to_space(batch, space.name)
                made = batch.codes
                if space.name == sampled:
                    layer = generator.layers[0]
                    made = generator.features(batch, [layer])[layer].flatten(1)
                yield batch.codes, made

        found = components(draw, self.count)
        turned = found.moves.gather(1, found.moves.abs().argmax(1, keepdim=True)).sign() * found.moves
        directions = {}
        for i, (move, share) in enumerate(zip(turned, found.shares.tolist(), strict=True)):
            sigma = float(move.norm())
            notes = {"sigma": sigma, "variance_share": share}
            bias = -float(found.mean @ move)  # the plane of strength 0 passes the mean
            directions[str(i)] = Direction(
                move, space.name, bias, generator=generator.fingerprint, notes=notes
            )
        return DirectionSet(directions)


def _vectors(generator: Generator, name: str | None) -> LatentSpace:
    """The space to look in; its codes are single vectors."""
    spaces = list(generator.spaces.values())
    if name is None:
        return next((s for s in spaces[1:] if len(s.shape) == 1), spaces[0])
    if name not in generator.spaces:
        raise InterpganError(f"this generator has no space '{name}'" + did_you_mean(name, generator.spaces))
    space = generator.spaces[name]
    if len(space.shape) != 1:
        raise InterpganError(
            f"a code of {name} is {tuple(space.shape)}, one vector a layer; look in a space of single vectors"
            + (f", such as {space.base}, and choose layers in the edit" if space.base else "")
        )
    return space
