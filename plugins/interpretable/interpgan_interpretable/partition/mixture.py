"""The mixture model of filters, fitted by expectation maximisation on sufficient statistics."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpgan_core import InterpganError
from interpgan_interpretable.partition.moments import Moments

if TYPE_CHECKING:
    from torch import Tensor

LEADING = 64
"""Principal coordinates that the starts look at: beyond them mean maps are mostly noise."""
FLOOR = 0.1
"""Of the variance that all groups would share: no group has less, or a few quiet filters would make one each."""
ROUNDS = 100  # of expectation maximisation, at most; responsibilities settle within a dozen
SMALLEST = 2  # filters; a group of fewer is no concept


@dataclass(frozen=True, eq=False)
class Mixture:
    """Groups of filters: on every sample, a filter of group c draws its map from N(μ_c, σ_c² I).

    Args:
        centres: (c, k) float64; μ.
        variances: (c,) float64; σ².
        prior: (c,) float64; sums to 1.
    """

    centres: Tensor
    variances: Tensor
    prior: Tensor

    def log_joint(self, moments: Moments) -> Tensor:
        """log p_c + log p(F | c) of the maps F of each filter on all samples.

        Returns:
            (m, c) float64.

        Source:
            Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, equation 2, with the sum over
            samples taken first.
        """
        n, k = moments.count, moments.sums.shape[1]
        far = distances(moments, self.centres)
        normal = -n * k / 2 * (2 * math.pi * self.variances).log() - far / (2 * self.variances)
        return self.prior.log() + normal

    def likelihood(self, moments: Moments) -> float:
        """Log likelihood of all maps of all filters."""
        return float(self.log_joint(moments).logsumexp(1).sum())


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted mixture.

    Args:
        mixture: its groups, the largest first.
        groups: (m,) int64; the most probable group of each filter.
        likelihood: log likelihood.
        dropped: how many groups were given up, as they had kept fewer than `SMALLEST` filters.
    """

    mixture: Mixture
    groups: Tensor
    likelihood: float
    dropped: int


def distances(moments: Moments, centres: Tensor) -> Tensor:
    """(m, c) float64; squared distances of each filter's maps to each centre, summed over samples."""
    cross = moments.sums @ centres.T
    return moments.squares[:, None] - 2 * cross + moments.count * centres.square().sum(1)


def fit(moments: Moments, count: int, restarts: int = 10, seed: int = 0) -> Fit:
    """Find groups of filters whose maps are alike on every sample.

    Args:
        moments: of filters of unit root mean square.
        count: groups to begin with; those that end with fewer than `SMALLEST` filters are dropped.
        restarts: the likeliest of so many fits is taken.
        seed: of the starts.

    Returns:
        The fit; cost and memory do not depend on the number of samples.

    Raises:
        InterpganError: if there are not two filters for each group.

    Source:
        Li et al., AAAI 2022, equation 2. Deviations, all because exponents grow with samples times
        positions, so that responsibilities are all but hard: fits start from k-means, which is this mixture
        with one variance for all groups, on the leading principal coordinates of the mean maps; variances
        have a floor; small groups are dropped, and their filters join the others.
    """
    filters = len(moments.sums)
    if filters < SMALLEST * count:
        raise InterpganError(
            f"{filters} filters that answer cannot make {count} concepts of {SMALLEST} and more; "
            f"ask for {max(filters // SMALLEST, 1)} at most, or choose a layer with more"
        )
    fits = (_refined(moments, start) for start in _starts(moments, count, restarts, seed))
    return max(fits, key=lambda found: found.likelihood)


def refit(moments: Moments, groups: Tensor) -> Fit:
    """Go on from groups that there are: each filter joins the group whose centre is nearest to its maps.

    Args:
        moments: of filters of unit root mean square.
        groups: (m,) int64; the groups so far, from 0; a filter of -1 is shared by all.

    Returns:
        The fit, with one variance for all groups: as a layer learns, a filter that differs from its group would else
        fall to the widest one, and that would gather all that is rare.
    """
    import torch

    count = int(groups.max()) + 1
    shares = torch.nn.functional.one_hot(groups.clamp(min=0), count).double()
    shares[groups < 0] = 1 / count
    return _refined(moments, shares[:, shares.sum(0) > 0], tied=True)


def _starts(moments: Moments, count: int, restarts: int, seed: int) -> Iterator[Tensor]:
    """(m, count) float64, one-hot; groups by k-means++ and Lloyd's rounds."""
    import torch
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    means = moments.sums / moments.count
    means = means - means.mean(0)
    values, vectors = torch.linalg.eigh(means @ means.T)
    coordinates = vectors[:, -LEADING:] * values[-LEADING:].clamp(min=0).sqrt()
    for restart in range(restarts):
        with warnings.catch_warnings():
            # Of filters that are equal: groups that stay empty are dropped later.
            warnings.simplefilter("ignore", ConvergenceWarning)
            start = KMeans(count, n_init=1, random_state=seed + restart).fit(coordinates.numpy())
        yield torch.nn.functional.one_hot(torch.from_numpy(start.labels_).long(), count).double()


def _refined(moments: Moments, shares: Tensor, tied: bool = False) -> Fit:
    """Expectation maximisation from given responsibilities until no filter changes its group."""
    import torch

    asked, groups = shares.shape[1], shares.argmax(1)
    for _ in range(ROUNDS):
        mixture = _maximised(moments, shares, tied)
        joint = mixture.log_joint(moments)
        before, groups = groups, joint.argmax(1)
        members = groups.bincount(minlength=shares.shape[1])
        kept = members >= SMALLEST
        if bool(kept.all()) and bool((groups == before).all()):
            break
        shares = joint[:, kept].softmax(1)
    order = members.argsort(descending=True, stable=True)
    place = torch.empty_like(order).index_copy(0, order, torch.arange(len(order)))
    sorted_ = Mixture(mixture.centres[order], mixture.variances[order], mixture.prior[order])
    return Fit(sorted_, place[groups], mixture.likelihood(moments), asked - len(order))


def _maximised(moments: Moments, shares: Tensor, tied: bool = False) -> Mixture:
    """The likeliest mixture for responsibilities (m, c); tied: of one variance for all groups."""
    import torch

    sizes = shares.sum(0).clamp(min=1e-300)
    centres = shares.T @ moments.sums / (sizes[:, None] * moments.count)
    far = (shares * distances(moments, centres)).sum(0)
    each = moments.count * moments.sums.shape[1]
    shared = float(far.sum() / (each * sizes.sum()))
    variances = torch.full_like(far, shared) if tied else far / (each * sizes)
    variances = variances.clamp(min=max(FLOOR * shared, 1e-12))
    return Mixture(centres, variances, sizes / sizes.sum())
