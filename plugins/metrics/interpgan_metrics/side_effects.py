"""What else becomes of a picture that is moved: where it changes, whether it still looks real, and who it shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import FeatureNet, Generator
from interpgan_metrics.factors import Looked
from interpgan_metrics.nearest import nearest

if TYPE_CHECKING:
    from torch import Tensor

STILL = 1e-12  # a mean squared change below it is none


@dataclass(frozen=True)
class Seen:
    """What is kept of some pictures, to compare others with.

    Args:
        looked: factors, maps and pictures.
        realism: (n,) float64; see `Judge`. None where it is not measured.
        identity: (n, d) features of length 1; None where it is not measured.
    """

    looked: Looked
    realism: Tensor | None
    identity: Tensor | None


class Judge:
    """How real pictures look: by the generator's own discriminator, or else by the distance from its own samples.

    Args:
        generator: its discriminator is asked, where it has one.
        features: where it has none, distances are of these features; None: realism is not measured.
    """

    def __init__(self, generator: Generator, features: FeatureNet | None) -> None:
        self._net, self._features = generator.discriminator, features
        self._known: Tensor | None = None
        self._parts: list[Tensor] = []
        self._scale: float

    @property
    def measures(self) -> str:
        """What the figure is, in a word for the head of a column; "" if there is none."""
        if self._net is not None:
            return "discriminator"
        return "distance" if self._features is not None else ""

    def learn(self, images: Tensor, labels: Tensor | None) -> None:
        """Take some samples, as they are drawn, for the measure."""
        import torch

        if self._net is not None:
            self._parts.append(self._raw(images, labels))
        elif self._features is not None:
            with torch.no_grad():
                self._parts.append(self._features.features(images).float().cpu())

    def learned(self) -> None:
        """There are no more of them."""
        import torch

        if not self._parts:
            return
        found = torch.cat(self._parts)
        if self._net is None:
            self._known = found
            # Each sample to its nearest other one.
            self._scale = float(nearest(found, found, 2)[0][:, 1].median()) or 1.0
        else:
            self._scale = float(found.std()) or 1.0

    def __call__(self, images: Tensor, labels: Tensor | None) -> Tensor | None:
        """Realism of pictures.

        Args:
            images: (n, 3, h, w).
            labels: (n, classes) of a conditional generator.

        Returns:
            (n,) float64: the discriminator's logit in its standard deviations over samples; or minus the distance to
            the nearest sample, in the median distance between samples. Higher is more real. None where there is none.
        """
        if not self.measures:
            return None
        return self._raw(images, labels) / self._scale

    def _raw(self, images: Tensor, labels: Tensor | None) -> Tensor:
        import torch

        with torch.no_grad():
            if self._net is not None:
                # One at a time: a minibatch standard deviation would mix the pictures of a batch.
                logits = [
                    self._net(image[None], None if labels is None else labels[i : i + 1]).reshape(())
                    for i, image in enumerate(images)
                ]
                return torch.stack(logits).double().cpu()
            assert self._features is not None and self._known is not None
            found = self._features.features(images).float().cpu()
            return -nearest(found, self._known, 1)[0][:, 0]


def identities(net: FeatureNet | None, images: Tensor) -> Tensor | None:
    """(n, d) float32 of length 1, on the CPU; None without a net."""
    import torch

    if net is None:
        return None
    with torch.no_grad():
        return torch.nn.functional.normalize(net.features(images).float().cpu(), dim=1)


def part_errors(before: Looked, after: Looked) -> Tensor:
    """Mean squared change of pixels outside and inside of each part, wherever the part is before or after.

    Args:
        before: with maps.
        after: of the same samples.

    Returns:
        (n, 2, parts) float64; NaN where a sample lacks the part.
    """
    import torch

    error, masks = _errors(before, after)
    sides = [(error * side).sum((2, 3)) / side.sum((2, 3)) for side in (1 - masks, masks)]
    return torch.stack(sides, 1).cpu()


def part_shares(before: Looked, after: Looked) -> Tensor:
    """Where the change is: the share of each part in the squared change of all pixels.

    Args:
        before: with maps.
        after: of the same samples.

    Returns:
        (n, parts) float64; where a part was or came, so that they may add up to more than 1; NaN where nothing changed.
    """
    error, masks = _errors(before, after)
    return ((error * masks).sum((2, 3)) / error.sum((2, 3))).cpu()


def _errors(before: Looked, after: Looked) -> tuple[Tensor, Tensor]:
    """Squared changes, (n, 1, h, w) float64, and where each part is before or after, (n, parts, h, w)."""
    import torch

    assert before.maps is not None and after.maps is not None
    assert before.small is not None and after.small is not None
    error = (after.small - before.small).double().square().mean(1, keepdim=True)
    return error, torch.maximum(before.maps, after.maps).to(error)


def most_local(errors: Tensor) -> tuple[int, float]:
    """The part that a change is most confined to.

    Args:
        errors: (n, 2, parts), as `part_errors` gives them.

    Returns:
        Its position, and the mean squared change outside of it over that inside; (-1, NaN) where nothing changes.
        A part that fewer than half of the samples have does not count.
    """
    outside, inside = errors.nanmean(0)
    frequent = (~errors[:, 1].isnan()).double().mean(0) >= 0.5
    ratio = outside / inside
    ratio = ratio.where(frequent & (inside > STILL) & ratio.isfinite(), math.inf)
    best = int(ratio.argmin())
    return (best, float(ratio[best])) if math.isfinite(float(ratio[best])) else (-1, math.nan)
