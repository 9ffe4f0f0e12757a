"""The operator `resefa`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    Input,
    InRegion,
    InterpganError,
    LatentBatch,
    LatentSpace,
    Layers,
    Progress,
    Ranges,
    Sample,
    Seeds,
    check_parts,
    mask_of,
)
from interpgan_core.plugin import remark
from interpgan_resefa.jacobian import derivatives
from interpgan_resefa.solve import gram, region_directions

if TYPE_CHECKING:
    from torch import Tensor

ALL = 1 - 1e-6  # a mask of at least this everywhere leaves nothing outside


@dataclass(frozen=True, eq=False)
class _Search:
    """Where directions are looked for.

    Args:
        space: the space that the directions live in.
        edit: the space that they are added in.
        basis: (k, d); directions are combinations of these rows.
        offsets: (k, *edit.shape); the same rows as offsets of codes of `edit`, 0 in layers that do not move.
    """

    space: LatentSpace
    edit: LatentSpace
    basis: Tensor
    offsets: Tensor


class _Sums:
    """JᵀJ inside and outside of a region, over the samples that have it.

    Attributes:
        inside, outside: (k, k) float64; each sample counts alike: its two matrices are divided by their common trace.
        plain: the same two, as they are, summed.
        samples: how many there were.
    """

    def __init__(self, size: int) -> None:
        import torch

        self.inside = torch.zeros(size, size, dtype=torch.float64)
        self.outside = torch.zeros_like(self.inside)
        self.plain = (torch.zeros_like(self.inside), torch.zeros_like(self.inside))
        self.samples = 0

    def add(self, changes: Tensor, mask: Tensor) -> None:
        """Args: changes: (k, 3, h, w). mask: (1, h, w) from 0 to 1."""
        inside, outside = gram(changes, mask).cpu(), gram(changes, 1 - mask).cpu()
        # Derivatives of a sample at which a colour flips are a thousand times those of others: it would decide alone.
        whole = float(inside.trace() + outside.trace()) or 1.0
        self.inside += inside / whole
        self.outside += outside / whole
        self.plain = (self.plain[0] + inside, self.plain[1] + outside)
        self.samples += 1


class FindRegionDirections(InRegion):
    """Find the directions that change a region of the pictures most, for the least change outside of it.

    The region is a box, a picture of it, or parts that a segmenter finds in each sample. No labels, no training. The
    result is named "0", "1", … in descending order of the ratio of the changes inside and outside.

    Source: Zhu et al., Region-Based Semantic Factorization in GANs, ICML 2022. Deviations: the matrices are averaged
        over samples that count alike, so that one set of directions serves them all; the region may differ from sample
        to sample; the matrix of the outside always has a floor, and the problem is solved as a symmetric one.
    """

    space: str | None = None
    """Where the directions live; left out, that of `within`, or the first space of single vectors that codes are
    mapped to, such as w, and without one the space that is sampled."""
    layers: Layers = "all"
    """The layers that move; also the default of an edit along the directions."""
    within: Input[DirectionSet] | None = None
    """Look only among combinations of these, such as the leading components of `ganspace`: quicker, and closer to
    where codes vary."""
    separately: bool = False
    """Each part has directions of its own, named "eyes.0"; derivatives, which take the time, are computed once."""
    count: Annotated[int, Field(ge=1)] = 10
    """How many directions to keep, of each part where they are found separately."""
    seeds: Seeds = "0-15"
    """The samples whose derivatives are averaged; they are drawn in a stream."""
    samples: Input[LatentBatch] | None = None
    """Those of a step in place of seeds, such as a photograph's code."""
    classes: Annotated[tuple[int | str, ...], Field(max_length=1)] = ()
    """Of a conditional generator: the class of all samples, as in `sample`; left out, each seed draws one."""
    floor: Annotated[float, Field(gt=0)] = 1e-3
    """Added to the change outside, as a share of its sum over all directions: the larger, the stronger the directions,
    and the less local."""
    side: Annotated[int, Field(ge=4)] = 64
    """Longer side, in pixels, at which changes are measured; larger pictures are reduced to it."""
    differences: bool = False
    """Central differences in place of exact derivatives: quicker where a network draws much faster than it
    differentiates, as MobileStyleGAN does."""
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Directions at once; it does not change the result but for rounding."""

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.everywhere:
            raise InterpganError(
                "directions of which region? give region: [top, left, bottom, right], or parts and a segmenter"
            )
        if self.separately and self.parts is None:
            raise InterpganError("a region is one; leave 'separately' out, or name parts and a segmenter")
        if self.samples is not None and self.classes:
            raise InterpganError("these samples have their classes; leave 'classes' out")
        return self

    def check(self, generator: Generator) -> DirectionSet:
        import torch

        search = self._search(generator)
        if self.samples is None:
            Sample(seeds=str(Ranges(self.seeds)[0]), classes=self.classes).run(generator)
        if self.parts is not None:
            assert self.segmenter is not None
            check_parts(self.segmenter, self.parts)
        else:
            none = torch.zeros(1, 3, 1, 1)
            check_part_of_the_picture(self.mask(none, (self.side, self.side)))
        numbers = range(min(self.count, len(search.basis)))
        names = [f"{name}{i}" for name in self._prefixes() for i in numbers]
        return DirectionSet.expected(names, search.space.name, generator, self.layers)

    def run(self, generator: Generator, progress: Progress) -> DirectionSet:
        import torch

        search = self._search(generator)
        count = len(Ranges(self.seeds) if self.samples is None else self.samples)
        sums = {name: _Sums(len(search.basis)) for name in self._prefixes()}
        what = f"differentiating {count} samples along {len(search.basis)} offsets"
        for sample in progress(self._stream(generator), total=count, what=what):
            batch = generator.to_space(sample, search.edit.name)
            draw = self._draw(batch, generator)
            with torch.no_grad():
                image = generator.images(batch)
                size = draw(batch.codes).shape[2:]
            masks = self._masks(image, size)
            if not masks:
                continue
            changes = derivatives(draw, batch.codes, search.offsets, self.batch_size, self.differences)
            for name, mask in masks.items():
                sums[name].add(changes, mask[0].to(changes.device))
        directions: dict[str, Direction] = {}
        for name, found in sums.items():
            what = name.rstrip(".") or " and ".join(self.parts or ())
            if not found.samples:
                raise InterpganError(f"none of {count} samples has {what}; take other seeds, or other parts")
            if found.samples < count:
                remark(f"{count - found.samples} of {count} samples have no {what}; they are left out")
            directions |= self._directions(name, found, search, generator)
        return DirectionSet(directions)

    def _prefixes(self) -> tuple[str, ...]:
        """Of the names of directions; one for each set of them."""
        return tuple(f"{part}." for part in self.parts or ()) if self.separately else ("",)

    def _masks(self, image: Tensor, size: Sequence[int]) -> dict[str, Tensor]:
        """prefix -> (1, 1, *size); without those that cover nothing of this sample."""
        if not self.separately:
            mask = self.mask(image, size)
            if self.parts is None:
                check_part_of_the_picture(mask)
            return {"": mask} if mask.any() else {}
        assert self.segmenter is not None and self.parts is not None
        masks = {f"{part}.": mask_of(self.segmenter, image, [part], size) for part in self.parts}
        return {name: mask for name, mask in masks.items() if mask.any()}

    def _directions(
        self, prefix: str, found: _Sums, search: _Search, generator: Generator
    ) -> dict[str, Direction]:
        values, combinations = region_directions(found.inside, found.outside, self.floor)
        plain = dict(zip(("inside", "outside"), found.plain, strict=True))
        directions = {}
        for i, (value, mix) in enumerate(zip(values[: self.count].tolist(), combinations, strict=False)):
            changed = {
                name: float((mix @ moved @ mix / found.samples).clamp_min(0).sqrt())
                for name, moved in plain.items()
            }
            directions[f"{prefix}{i}"] = Direction(
                mix @ search.basis, search.space.name, layers=self.layers, generator=generator.fingerprint,
                notes={"eigenvalue": value, **changed},
            )  # fmt: skip
        return directions

    def _search(self, generator: Generator) -> _Search:
        import torch

        space = self._space(generator)
        start = None if self.samples is None else self.samples.space.name
        edit = generator.spaces[generator.space_for(space.name, self.layers, start)]
        if self.within is None:
            basis = torch.eye(space.shape[0], dtype=torch.float64)
        else:
            stacked = torch.stack([d.vector for d in self.within.values()])
            _, values, rows = torch.linalg.svd(stacked, full_matrices=False)
            basis = rows[values > 1e-9 * values[0]]  # orthonormal, so that the floor is the same for all
        mask = edit.mask(self.layers)
        offsets = torch.stack([row.float().expand(edit.shape) * mask for row in basis])
        moved = offsets.flatten(1).any(1)  # of a code that is split among the layers, a part drives others
        return _Search(space, edit, basis[moved], offsets[moved].to(generator.device))

    def _space(self, generator: Generator) -> LatentSpace:
        if self.within is not None:
            if not len(self.within):
                raise InterpganError(
                    "the set of directions to look within is empty; give one of two at least"
                )
            first = next(iter(self.within.values()))
            for name, direction in self.within.items():
                direction.check_comparable(first, name, next(iter(self.within)))
            if self.space not in (None, first.space):
                raise InterpganError(
                    f"the directions to look within live in {first.space}, not {self.space}; leave 'space' out"
                )
            if not generator.shares_codes(first.generator):
                raise InterpganError(
                    "the directions to look within were found on another generator; find them on this one"
                )
            return generator.vector_space(first.space)
        mapped = (s.name for s in list(generator.spaces.values())[1:] if len(s.shape) == 1)
        sampled = next(iter(generator.spaces))
        return generator.vector_space(next(mapped, sampled) if self.space is None else self.space)

    def _stream(self, generator: Generator) -> Iterator[LatentBatch]:
        if self.samples is not None:
            return self.samples.split(1)
        return (Sample(seeds=str(seed), classes=self.classes).run(generator) for seed in Ranges(self.seeds))

    def _draw(self, batch: LatentBatch, generator: Generator) -> Callable[[Tensor], Tensor]:
        """Codes (b, *shape) like the batch's one sample, to pictures of `side` at most, (b, 3, h, w)."""
        from torch.nn import functional

        def draw(codes: Tensor) -> Tensor:
            images = generator.images(replace(batch.repeat(len(codes)), codes=codes), len(codes))
            longer = max(images.shape[2:])
            if longer <= self.side:
                return images
            height, width = (max(1, round(n * self.side / longer)) for n in images.shape[2:])
            return functional.interpolate(images, size=[height, width], mode="area")

        return draw


def check_part_of_the_picture(mask: Tensor) -> None:
    """Check that a mask leaves something outside.

    Raises:
        InterpganError: if it does not.
    """
    if float(mask.min()) >= ALL:
        raise InterpganError("the region is the whole picture, so that nothing is outside; make it smaller")
