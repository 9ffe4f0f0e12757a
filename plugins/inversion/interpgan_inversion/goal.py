"""What the pictures of codes should be like: the originals, where they count, whole or as drafts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from interpgan_core import Generator, ImageSet, LatentBatch
from interpgan_inversion.draft import LARGE, Draft
from interpgan_inversion.loss import Features, Likeness


@dataclass(frozen=True, eq=False)
class Goal:
    """Pictures to be met, and how pictures are drawn to be compared with them.

    Args:
        targets: n pictures, on the generator's device.
        mask: (n, 1, h, w) weights of their pixels, or None.
        cover: of the same shape, 0 where the mask is 0, else 1; of drafts the share of what is not.
        draft: how pictures are drawn; None = by the generator.
    """

    targets: Features
    mask: Tensor | None = None
    cover: Tensor | None = None
    draft: Draft | None = None

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        generator: Generator,
        likeness: Likeness,
        originals: ImageSet,
        rows: slice | list[int],
        mask: Tensor | None = None,
        draft: Draft | None = None,
    ) -> Goal:
        """Some of the originals as a goal.

        Args:
            generator: on whose device everything will be.
            likeness: the loss.
            originals: all pictures.
            rows: which of them.
            mask: of all pictures, (len(originals), 1, h, w), at least 0, or None.
            draft: see there.
        """
        images, cover = originals.images(rows).to(generator.device), None
        if mask is not None:
            mask = mask[rows].to(images)
            cover = (mask > 0).to(images)
            images = images * cover
        if draft is not None:
            images = draft.shrunk(images)
            if mask is not None and cover is not None:
                mask, cover = draft.shrunk(mask), draft.shrunk(cover)
        return cls(likeness.features_of(images), mask, cover, draft)

    def __getitem__(self, rows: slice) -> Goal:
        """Some of the pictures."""
        mask, cover = (None if t is None else t[rows] for t in (self.mask, self.cover))
        return Goal(self.targets[rows], mask, cover, self.draft)

    @property
    def large(self) -> bool:
        """Are these whole pictures that are large enough for drafts to pay?"""
        return self.draft is None and min(self.targets.images.shape[2:]) >= LARGE

    def honest(self, generator: Generator, batch: LatentBatch) -> Goal:
        """The same goal, with drafts that are fitted to what the codes of a batch really draw."""
        return self if self.draft is None else replace(self, draft=self.draft.refitted(generator, batch))

    def fitted(self) -> list[Tensor]:
        """What its drafts are fitted to, for `refit`; empty where there are none."""
        return [] if self.draft is None else [self.draft.across, self.draft.along]

    def refit(self, fitted: list[Tensor]) -> Goal:
        """The same goal, its drafts fitted to what `fitted` of another says."""
        if self.draft is None:
            return self
        across, along = (t.to(self.draft.across.device) for t in fitted)
        return replace(self, draft=replace(self.draft, across=across, along=along))

    def images(self, generator: Generator, batch: LatentBatch) -> Tensor:
        """(n, 3, h, w), to be compared with the targets."""
        return (
            generator.images(batch, len(batch)) if self.draft is None else self.draft.images(generator, batch)
        )

    def losses(self, images: Tensor, likeness: Likeness) -> Tensor:
        """(n,) of the images of n codes; what weighs nothing is grey to the nets too, in both."""
        seen = images if self.cover is None else images * self.cover
        return likeness.loss(likeness.features_of(seen), self.targets, self.mask)

    def all_losses(self, images: Tensor, likeness: Likeness) -> Tensor:
        """(n, m) of each of m images as a picture of each of n."""
        if self.cover is not None:
            return torch.stack([self[i : i + 1].losses(images, likeness) for i in range(len(self.cover))])
        found, targets = likeness.features_of(images), self.targets
        return torch.stack([likeness.loss(found, targets[i : i + 1]) for i in range(len(targets.images))])
