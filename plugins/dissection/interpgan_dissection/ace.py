"""Average causal effect: how much of each unit it takes to remove a part and to bring it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from interpgan_core import FeatureEdit, Generator, InterpganError, LatentBatch, Progress, SoftSegmenter
from interpgan_dissection.tally import shares_of

if TYPE_CHECKING:
    from torch import Tensor

RATE = 0.05
"""Of Adam."""


@dataclass(frozen=True)
class Target:
    """What is removed and brought.

    Args:
        layer: of the units.
        part: its position in the segmenter's parts.
        parts: how many these are.
        level: (u,) float32, what units are set to where they are to draw it.
    """

    layer: str
    part: int
    parts: int
    level: Tensor


@dataclass(frozen=True)
class Places:
    """Samples, and where each is edited.

    Args:
        seeds: (n,) int64.
        masks: (n, h, w) float32, 1 at the positions that are edited and 0 elsewhere.
        read: (n, h, w) float32, where the part is looked for, if not at the place.
    """

    seeds: Tensor
    masks: Tensor
    read: Tensor | None = None

    def __len__(self) -> int:
        return len(self.seeds)

    def __getitem__(self, index: object) -> Places:
        read = None if self.read is None else self.read[index]  # type: ignore[index]
        return Places(self.seeds[index], self.masks[index], read)  # type: ignore[index]


def find_places(
    generator: Generator,
    segmenter: SoftSegmenter,
    target: Target,
    seeds: Sequence[int],
    count: int,
    batch_size: int,
    progress: Progress,
) -> tuple[Places, Places]:
    """Where the part is to be removed, and where it is to be brought.

    Args:
        generator: of the samples.
        segmenter: finds the part.
        target: the part.
        seeds: of the samples to choose from.
        count: how many are chosen, of each kind.
        batch_size: samples at once.
        progress: shows how far it is.

    Returns:
        The samples that show most of the part, with all positions where it is; and those where all units at their
        level bring most of it to a place without it, drawn as often as the part is there.

    Raises:
        InterpganError: if no sample has the part.
    """
    import numpy as np
    import torch

    whole: list[Tensor] = []
    area: list[Tensor] = []
    popular: Tensor | None = None
    shown = _batches(generator, seeds, batch_size, progress, "looking for the part")
    for batch in shown:
        share = _share(generator, segmenter, target, batch)
        popular = share.sum(0) if popular is None else popular + share.sum(0)
        area.append(share.sum((1, 2)))
        whole.append(share > 0)
    assert popular is not None
    size = torch.cat(area)
    if not bool(size.any()):
        raise InterpganError("no sample has this part; take other seeds, or more")
    chances = (popular.flatten().double() / popular.double().sum()).numpy()
    height, width = popular.shape
    places = [np.random.RandomState([int(s), 2]).choice(height * width, p=chances) for s in seeds]
    free = torch.tensor(places)
    gained: list[Tensor] = []
    at = 0
    for batch in _batches(generator, seeds, batch_size, progress, "looking for places without it"):
        masks = _patches(free[at : at + len(batch)], height, width)
        before = _probability(generator, segmenter, target, batch, None, masks)
        ones = torch.ones(len(target.level))
        after = _probability(generator, segmenter, target, batch, _inserted(target, ones, masks), masks)
        gained.append(torch.where(before < 0.5, after - before, -torch.inf))
        at += len(batch)
    numbers = torch.tensor(list(seeds))
    there = size.argsort(descending=True, stable=True)[:count]
    there = there[size[there] > 0]
    gain = torch.cat(gained)
    bring = gain.argsort(descending=True, stable=True)[:count]
    bring = bring[gain[bring] > -torch.inf]
    return (
        Places(numbers[there], torch.cat(whole)[there].float()),
        Places(numbers[bring], _patches(free[bring], height, width)),
    )


def optimise(
    generator: Generator,
    segmenter: SoftSegmenter,
    target: Target,
    places: tuple[Places, Places],
    start: Tensor,
    penalty: float,
    rounds: int,
    pairs: int,
    progress: Progress,
) -> Tensor:
    """The share of each unit that removes the part and brings it, by gradient descent.

    Args:
        generator: of the samples.
        segmenter: finds the part.
        target: the part.
        places: of `find_places`.
        start: (u,) from 0 to 1.
        penalty: on the sum of the squared shares.
        rounds: how often each sample is looked at.
        pairs: samples of each kind in one step.
        progress: shows how far it is.

    Returns:
        (u,) float32 from 0 to 1.

    Source:
        Bau et al., GAN Dissection, ICLR 2019, equations 4 to 6. The original code reads the effect of inserting at the
        place of the other sample of a pair; here it is read where units were inserted. It also edits one position of
        the map at a time, and draws some where the part never is; here the part is removed wherever a sample has it,
        and brought to an eighth of the map's sides.
    """
    import numpy as np
    import torch

    alpha = start.clone().float().clamp(0, 1)
    optimiser = torch.optim.Adam([alpha], lr=RATE)
    steps = -(-max(len(kind) for kind in places) // pairs)
    for step in progress(range(rounds * steps), total=rounds * steps, what="optimising units"):
        total = torch.zeros_like(alpha)
        for kind, own in enumerate(places):
            if len(own):  # without a place to bring the part to, it is only removed
                order = np.random.RandomState([step // steps, kind, 3]).permutation(len(own))
                chosen = order.take(step % steps * pairs + np.arange(min(pairs, len(own))), mode="wrap")
                total += _gradient(generator, segmenter, target, own[chosen], alpha, bool(kind))
        alpha.grad = total + 2 * penalty * alpha
        optimiser.step()
        alpha.clamp_(0, 1)
    return alpha


def _gradient(
    generator: Generator, segmenter: SoftSegmenter, target: Target, places: Places, alpha: Tensor, bring: bool
) -> Tensor:
    """(u,) the gradient of the mean loss of one kind: the part's probability, or what it lacks."""
    import torch

    free = alpha.clone().requires_grad_()
    with torch.enable_grad():
        edit = (_inserted if bring else _removed)(target, free, places.masks)
        batch = generator.sample(places.seeds.tolist())
        found = _probability(generator, segmenter, target, batch, edit, _read(places)).mean()
        return torch.autograd.grad(-found if bring else found, free)[0]


def insertion_effect(
    generator: Generator, segmenter: SoftSegmenter, target: Target, places: Places, alpha: Tensor
) -> Tensor:
    """How much more probable the part is with units inserted than without.

    Args:
        generator: of the samples.
        segmenter: finds the part.
        target: the part.
        places: where units are inserted, and where the part is looked for.
        alpha: (u,) the share of each unit.

    Returns:
        (n,) float32.
    """
    batch = generator.sample(places.seeds.tolist())
    edits = (None, _inserted(target, alpha, places.masks))
    before, after = (_probability(generator, segmenter, target, batch, e, _read(places)) for e in edits)
    return after - before


def _read(places: Places) -> Tensor:
    return places.masks if places.read is None else places.read


def _removed(target: Target, alpha: Tensor, masks: Tensor) -> FeatureEdit:
    import torch

    units = tuple(range(len(alpha)))
    zeros = torch.zeros(1, len(units), 1, 1)
    return FeatureEdit(target.layer, units, zeros, alpha.view(1, -1, 1, 1) * masks[:, None])


def _inserted(target: Target, alpha: Tensor, masks: Tensor) -> FeatureEdit:
    units = tuple(range(len(alpha)))
    level = target.level.view(1, -1, 1, 1)
    return FeatureEdit(target.layer, units, level, alpha.view(1, -1, 1, 1) * masks[:, None])


def _probability(
    generator: Generator,
    segmenter: SoftSegmenter,
    target: Target,
    batch: LatentBatch,
    edit: FeatureEdit | None,
    masks: Tensor,
) -> Tensor:
    """(n,) the mean probability of the part at the place of each sample, on the CPU."""
    from torch.nn import functional

    edited = batch if edit is None else replace(batch, edits=(*batch.edits, edit))
    images = generator.images(edited, len(batch))
    found = segmenter.probabilities(images)[:, [target.part]]
    pooled = functional.adaptive_avg_pool2d(found, (masks.shape[1], masks.shape[2]))[:, 0].cpu()
    return (pooled * masks).sum((1, 2)) / masks.sum((1, 2))


def _share(generator: Generator, segmenter: SoftSegmenter, target: Target, batch: LatentBatch) -> Tensor:
    """(n, h, w) the share of each position that the part fills, on the CPU."""
    maps = generator.features(batch[:1], [target.layer])[target.layer]
    labels = segmenter(generator.images(batch, len(batch)))
    return shares_of(labels, target.parts, *maps.shape[2:])[:, target.part].cpu()


def _patches(places: Tensor, height: int, width: int) -> Tensor:
    """(n, h, w) float32: an eighth of the map's sides around each place, one position at least."""
    import torch

    y, x = places // width, places % width
    rows, columns = (torch.arange(side) for side in (height, width))
    near = [
        (all_ - centre[:, None]).abs() <= max(1, round(side / 8)) // 2
        for all_, centre, side in ((rows, y, height), (columns, x, width))
    ]
    return (near[0][:, :, None] & near[1][:, None]).float()


def _batches(
    generator: Generator, seeds: Sequence[int], batch_size: int, progress: Progress, what: str
) -> Iterator[LatentBatch]:
    return iter(progress(generator.stream(seeds, batch_size), total=-(-len(seeds) // batch_size), what=what))
