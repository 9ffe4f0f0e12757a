"""The mixture model of filters, fitted by expectation maximisation on sufficient statistics."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from interpgan_core import InterpganError
from interpgan_interpretable.partition.moments import Moments

PRINCIPAL = 64
"""Principal coordinates that the initial groups are found in: beyond them mean maps are mostly noise."""
VARIANCE_FLOOR = 0.1
"""Of the variance that all groups would share: no group has less, or a few weak filters would make one each."""
MAX_ITERATIONS = 100  # of expectation maximisation; responsibilities settle within a dozen
MIN_FILTERS = 2  # of a concept; smaller groups are dropped


@dataclass(frozen=True, eq=False)
class Mixture:
    """Groups of filters: on every sample, the map of a filter of group c is drawn from N(μ_c, σ_c² I).

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
        # Li et al., equation 2: a filter's maps on all n samples are n k independent normal numbers of its group.
        squared = squared_distances(moments, self.centres)
        normal = -n * k / 2 * (2 * math.pi * self.variances).log() - squared / (2 * self.variances)
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
        dropped: how many groups were dropped, as they had fewer than `MIN_FILTERS` filters.
    """

    mixture: Mixture
    groups: Tensor
    likelihood: float
    dropped: int


def squared_distances(moments: Moments, centres: Tensor) -> Tensor:
    """(m, c) float64; squared distances of each filter's maps to each centre, summed over samples."""
    cross = moments.sums @ centres.T
    return moments.squares[:, None] - 2 * cross + moments.count * centres.square().sum(1)


def fit(moments: Moments, count: int, restarts: int = 10, seed: int = 0) -> Fit:
    """Find groups of filters whose maps are alike on every sample.

    Args:
        moments: of filters of unit root mean square.
        count: initial groups; those that end with fewer than `MIN_FILTERS` filters are dropped.
        restarts: number of fits, of which the most likely is taken.
        seed: of the initial groups.

    Returns:
        The fit; cost and memory do not depend on the number of samples.

    Raises:
        InterpganError: if there are fewer than two filters for each group.

    Source:
        Li et al., AAAI 2022, equation 2. Deviations, because exponents grow with samples times positions and
        responsibilities are nearly hard: fits start from k-means, which is this mixture with one variance for all
        groups, on the leading principal coordinates of the mean maps; variances have a floor; small groups are
        dropped, and their filters join the others.
    """
    filters = len(moments.sums)
    if filters < MIN_FILTERS * count:
        raise InterpganError(
            f"{filters} active filters cannot make {count} concepts of {MIN_FILTERS} and more; "
            f"ask for {max(filters // MIN_FILTERS, 1)} at most, or choose a layer with more"
        )
    fits = (_expectation_maximisation(moments, start) for start in _starts(moments, count, restarts, seed))
    return max(fits, key=lambda found: found.likelihood)


def refit(moments: Moments, groups: Tensor) -> Fit:
    """Continue from given groups: each filter joins the group whose centre is nearest to its maps.

    Args:
        moments: of filters of unit root mean square.
        groups: (m,) int64; the groups so far, from 0; a filter of -1 belongs to all equally.

    Returns:
        The fit, with one variance for all groups: with separate variances a filter that differs from its group would
        join the group of the largest variance, which would collect all outliers as the layer learns.
    """
    count = int(groups.max()) + 1
    shares = torch.nn.functional.one_hot(groups.clamp(min=0), count).double()
    shares[groups < 0] = 1 / count
    return _expectation_maximisation(moments, shares[:, shares.sum(0) > 0], tied=True)


def _starts(moments: Moments, count: int, restarts: int, seed: int) -> Iterator[Tensor]:
    """(m, count) float64, one-hot; groups by k-means++ and Lloyd's algorithm."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    means = moments.sums / moments.count
    means = means - means.mean(0)
    values, vectors = torch.linalg.eigh(means @ means.T)
    coordinates = vectors[:, -PRINCIPAL:] * values[-PRINCIPAL:].clamp(min=0).sqrt()
    for restart in range(restarts):
        with warnings.catch_warnings():
            # It warns where filters are equal: groups that stay empty are dropped later.
            warnings.simplefilter("ignore", ConvergenceWarning)
            start = KMeans(count, n_init=1, random_state=seed + restart).fit(coordinates.numpy())
        yield torch.nn.functional.one_hot(torch.from_numpy(start.labels_).long(), count).double()


def _expectation_maximisation(moments: Moments, shares: Tensor, tied: bool = False) -> Fit:
    """Expectation maximisation from given responsibilities (m, c), until no filter changes its group."""
    asked, groups = shares.shape[1], shares.argmax(1)
    for _ in range(MAX_ITERATIONS):
        mixture = _maximised(moments, shares, tied)
        joint = mixture.log_joint(moments)
        before, groups = groups, joint.argmax(1)
        members = groups.bincount(minlength=shares.shape[1])
        kept = members >= MIN_FILTERS
        if bool(kept.all()) and bool((groups == before).all()):
            break
        shares = joint[:, kept].softmax(1)
    order = members.argsort(descending=True, stable=True)
    place = torch.empty_like(order).index_copy(0, order, torch.arange(len(order)))
    sorted_ = Mixture(mixture.centres[order], mixture.variances[order], mixture.prior[order])
    return Fit(sorted_, place[groups], mixture.likelihood(moments), asked - len(order))


def _maximised(moments: Moments, shares: Tensor, tied: bool = False) -> Mixture:
    """The most likely mixture for responsibilities (m, c); tied: of one variance for all groups."""
    sizes = shares.sum(0).clamp(min=1e-300)
    centres = shares.T @ moments.sums / (sizes[:, None] * moments.count)
    squared = (shares * squared_distances(moments, centres)).sum(0)
    each = moments.count * moments.sums.shape[1]
    shared = float(squared.sum() / (each * sizes.sum()))
    variances = torch.full_like(squared, shared) if tied else squared / (each * sizes)
    variances = variances.clamp(min=max(VARIANCE_FLOOR * shared, 1e-12))
    return Mixture(centres, variances, sizes / sizes.sum())
