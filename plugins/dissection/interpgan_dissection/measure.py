"""What an edit of units does to a part and to the rest of the picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

from interpgan_core import FeatureEdit, Generator, LatentBatch, Scorer, Segmenter, score_images

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Looked:
    """Samples as they are.

    Args:
        batch: their codes.
        images: (n, 3, h, w) float32.
        labels: (n, H, W) int64.
    """

    batch: LatentBatch
    images: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Effect:
    """What an edit did, over some samples.

    Args:
        gone: share of the part's pixels that are gone; below 0 where it grew. NaN where there were none.
        there: share of the samples that have the part in the region afterwards.
        outside: pixels of the part outside of the region that were not there before, on average.
        elsewhere: mean absolute change of a pixel where the part is neither before nor after and that lies outside of
            the region, as a share of the whole range of a pixel.
        score: mean of the scorer's attribute afterwards; NaN without a scorer.
    """

    gone: float
    there: float
    outside: float
    elsewhere: float
    score: float


@dataclass(frozen=True)
class Question:
    """What is measured.

    Args:
        generator, segmenter: of the samples.
        part: its position in the segmenter's parts.
        enough: pixels in the region from which on a sample has the part.
        scorer: of the pictures, or None.
        attribute: of the scorer.
        region: (1, H, W) bool, where the part is to come; None: anywhere.
    """

    generator: Generator
    segmenter: Segmenter
    part: int
    enough: float = 1.0
    scorer: Scorer | None = None
    attribute: str = ""
    region: Tensor | None = None

    def look(self, batch: LatentBatch) -> Looked:
        """Samples as they are, or as they were edited."""
        images = self.generator.images(batch, len(batch))
        return Looked(batch, images, self.segmenter(images))

    def measure(self, edited: Iterable[tuple[Looked, FeatureEdit]]) -> Effect:
        """What an edit does to samples, batch by batch."""
        import torch

        sums = torch.zeros(8, dtype=torch.float64)
        for old, edit in edited:
            new = self.look(replace(old.batch, edits=(*old.batch.edits, edit)))
            sums += self._sums(old, new)
        before, after, there, count, outside, change, pixels, score = sums.tolist()
        nan = float("nan")
        return Effect(
            1 - after / before if before else nan,
            there / count,
            outside / count,
            change / pixels if pixels else nan,
            score / count if self.scorer else nan,
        )

    def mean_score(self, samples: Sequence[Looked]) -> float:
        """Mean of the attribute before any edit; NaN without a scorer."""
        if self.scorer is None:
            return float("nan")
        return sum(self._scores(s.images) for s in samples) / sum(len(s.batch) for s in samples)

    def _scores(self, images: Tensor) -> float:
        assert self.scorer is not None
        found = score_images(self.scorer, images)[:, self.scorer.names.index(self.attribute)]
        return float(found.double().sum())

    def _sums(self, old: Looked, new: Looked) -> Tensor:
        import torch
        from torch.nn import functional

        was, is_ = old.labels == self.part, new.labels == self.part
        region = torch.ones_like(was[:1]) if self.region is None else self.region.to(was.device)
        touched = was | is_ | (region if self.region is not None else torch.zeros_like(region))
        rest = functional.interpolate((~touched)[:, None].float(), size=old.images.shape[2:], mode="nearest")
        change = (new.images.clamp(-1, 1) - old.images.clamp(-1, 1)).abs().mean(1, keepdim=True) / 2
        here = (is_ & region).sum((1, 2))
        return torch.tensor(
            [
                float(was.sum()),
                float(is_.sum()),
                float((here >= self.enough).sum()),
                len(was),
                float((is_ & ~was & ~region).sum()),
                float((change * rest).double().sum()),
                float(rest.double().sum()),
                self._scores(new.images) if self.scorer else 0.0,
            ],
            dtype=torch.float64,
        )


def mean_of(effects: Sequence[Effect]) -> Effect:
    """The mean of some effects, number by number."""
    columns = zip(*(astuple(effect) for effect in effects), strict=True)
    return Effect(*(sum(column) / len(effects) for column in columns))


def at_equal(gone: float, curve: Sequence[Effect]) -> float | None:
    """The change elsewhere at which units of a curve remove as much, between its points linear.

    Args:
        gone: share of the part's pixels.
        curve: effects of more and more units.

    Returns:
        As a share of the range of a pixel; None where the curve never removes so much.
    """
    gone_before = change_before = 0.0
    for effect in curve:
        if effect.gone >= gone:
            share = (gone - gone_before) / max(effect.gone - gone_before, 1e-12)
            return change_before + max(0.0, share) * (effect.elsewhere - change_before)
        if effect.gone > gone_before:
            gone_before, change_before = effect.gone, effect.elsewhere
    return None
