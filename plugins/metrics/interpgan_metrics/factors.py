"""The factors of a picture: scores, and the colours and sizes of parts; and how samples differ in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import Generator, InterpganError, LatentBatch, Scorer, Segmenter, parts_of, score_images

if TYPE_CHECKING:
    from torch import Tensor

SEEN = 1 / 1000  # of the picture: a smaller part has no colour


@dataclass(frozen=True)
class Looked:
    """What is seen in some pictures.

    Args:
        factors: (n, a, 3) float64; a number is in the first of the three, a colour in all; NaN where it is not known.
        maps: (n, parts, h, w), the share of each position that a part fills; None without a segmenter.
        small: (n, 3, h, w), the pictures in the size of the maps; None without them.
    """

    factors: Tensor
    maps: Tensor | None
    small: Tensor | None


@dataclass(frozen=True)
class Change:
    """How factors change, over samples.

    Args:
        effects: (a,) float64; the mean change in standard deviations; of a colour the length of the mean change.
        sizes: (a,); the mean absolute change of a sample in standard deviations.
    """

    effects: Tensor
    sizes: Tensor

    @property
    def target(self) -> int:
        """The factor that changes most."""
        return int(self.effects.abs().nan_to_num(-1.0).argmax())

    @property
    def reached(self) -> float:
        """How far it has changed, without its sign."""
        return float(self.effects[self.target].abs().nan_to_num(0.0))


class Factors:
    """Looks at pictures for scores, and for colours and sizes of parts.

    Args:
        scorer: of the attributes.
        segmenter: that finds the parts; needed for colours and sizes.
        colours: parts whose mean colour is a factor, "hair colour".
        sizes: parts whose share of the picture is a factor, "hair size".

    Attributes:
        names: of all factors.
    """

    def __init__(
        self,
        scorer: Scorer,
        segmenter: Segmenter | None = None,
        colours: Sequence[str] = (),
        sizes: Sequence[str] = (),
    ) -> None:
        self.scorer, self.segmenter = scorer, segmenter
        self.colours, self.sizes = tuple(colours), tuple(sizes)
        self.names = (
            *scorer.names, *(f"{p} colour" for p in self.colours), *(f"{p} size" for p in self.sizes)
        )  # fmt: skip
        self._parts = () if segmenter is None else parts_of(segmenter)

    def look(self, images: Tensor, with_maps: bool = True) -> Looked:
        """Args: images: (n, 3, h, w); with_maps: find the parts even where no factor needs them."""
        import torch

        maps, small = None, None
        if self.segmenter is not None and (with_maps or self.colours or self.sizes):
            maps = _maps(self.segmenter, images, len(self._parts))
            small = torch.nn.functional.interpolate(images.float(), size=maps.shape[2:], mode="area")
        scores = score_images(self.scorer, images).double()
        factors = torch.zeros(len(images), len(self.names), 3, dtype=torch.float64)
        factors[:, : scores.shape[1], 0] = scores.where(scores.isfinite(), torch.nan)
        if maps is not None and small is not None and (self.colours or self.sizes):
            area = maps.mean((2, 3)).double().cpu()
            sums = torch.einsum("nphw,nchw->npc", maps, small.to(maps)).double().cpu()
            means = sums / maps.sum((2, 3)).double().cpu().clamp_min(1e-9)[:, :, None]
            means = means.where(area[:, :, None] > SEEN, torch.nan)
            place = scores.shape[1]
            for part in self.colours:
                factors[:, place] = means[:, self._parts.index(part)]
                place += 1
            for part in self.sizes:
                factors[:, place, 0] = area[:, self._parts.index(part)]
                place += 1
        return Looked(factors, maps, small)

    def deviations(self, factors: Tensor) -> Tensor:
        """The standard deviation of every factor over samples; of a colour, that of its distance from the mean.

        Args:
            factors: (n, a, 3) of samples as they are drawn.

        Returns:
            (a,) float64.

        Raises:
            InterpganError: if a factor is the same in all samples, or known of fewer than two.
        """
        import torch

        around = (factors - factors.nanmean(0)).square().sum(2)
        found = around.nanmean(0).sqrt()
        for name, value in zip(self.names, found, strict=True):
            # 0 where it is known of one sample, NaN where of none.
            if not value > 1e-9:
                raise InterpganError(
                    f"'{name}' is the same in all of {len(factors)} samples, so that no change of it has a unit; "
                    "take more samples for the deviations, or a scorer without it"
                )
        return torch.as_tensor(found)


def change(before: Tensor, after: Tensor, deviations: Tensor) -> Change:
    """How far factors have changed.

    Args:
        before: (n, a, 3).
        after: (n, a, 3) of the same samples.
        deviations: (a,).

    Returns:
        Mean changes; NaN where no sample is known before and after.
    """
    moved = (after - before) / deviations[:, None]
    mean = moved.nanmean(0)
    colour = (mean[:, 1:] != 0).any(1)
    effects = mean.norm(dim=1).where(colour, mean[:, 0])
    return Change(effects, moved.norm(dim=2).nanmean(0))


def pictures(batch: LatentBatch, generator: Generator, batch_size: int) -> Iterator[Tensor]:
    """Pictures of a batch, part by part, without gradients."""
    import torch

    parts = generator.iter_images(batch, batch_size)
    while True:
        with torch.no_grad():
            images = next(parts, None)
        if images is None:
            return
        yield images


def _maps(segmenter: Segmenter, images: Tensor, count: int) -> Tensor:
    """(n, parts, h', w') float32, one-hot, in the segmenter's own size."""
    import torch

    with torch.no_grad():
        found = segmenter(images)
    return torch.nn.functional.one_hot(found, count).movedim(-1, 1).float()
