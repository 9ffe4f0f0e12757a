"""The mixture of filters, compared with the samples themselves and with planted groups."""

from dataclasses import FrozenInstanceError, replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from interpgan_core import InterpganError
from interpgan_interpretable.partition import mixture as module
from interpgan_interpretable.partition.mixture import Mixture, fit, refit
from interpgan_interpretable.partition.moments import moments


def planted(filters, positions, samples, groups, noise=(0.3, 2.0), seed=0, block=32):
    """Groups of filters, and their maps in blocks, each filter with a scale of its own."""
    random = torch.Generator().manual_seed(seed)
    centres = 2 * torch.rand(groups, positions, generator=random)
    truth = torch.arange(filters) % groups
    scale = 1 + 9 * torch.rand(filters, 1, 1, generator=random)
    std = torch.linspace(*noise, groups)[truth]

    def blocks():
        for start in range(0, samples, block):
            count = min(block, samples - start)
            draws = torch.randn(count, filters, positions, generator=random)
            yield scale * (centres[truth] + std[:, None] * draws)[..., None]

    return truth, blocks()


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_likelihood_is_that_of_every_number_of_every_map():
    """Brute force: each position of each map of each filter under each group, by scipy."""
    from scipy.special import logsumexp
    from scipy.stats import norm

    maps = normal(7, 5, 2, 3)
    mixture = Mixture(
        normal(3, 6, seed=1), normal(3, seed=2).square() + 0.2, torch.tensor([0.5, 0.2, 0.3]).double()
    )
    joint = np.empty((5, 3))
    for j in range(5):
        for c in range(3):
            terms = norm.logpdf(
                maps[:, j].flatten(1).numpy(),
                mixture.centres[c].numpy(),
                np.sqrt(mixture.variances[c].numpy()),
            )
            joint[j, c] = np.log(mixture.prior[c].numpy()) + terms.sum()
    found = moments([maps])
    np.testing.assert_allclose(mixture.log_joint(found).numpy(), joint, rtol=0, atol=1e-8)
    assert mixture.likelihood(found) == pytest.approx(logsumexp(joint, axis=1).sum(), abs=1e-8)


def test_every_iteration_raises_the_likelihood():
    """From soft shares, without the floor at work."""
    _, blocks = planted(24, 16, 3, 4, noise=(2.0, 3.0))
    sums = moments(blocks).normalised()
    shares = normal(24, 4).softmax(1)
    likelihoods = []
    for _ in range(12):
        mixture = module._maximised(sums, shares)
        likelihoods.append(mixture.likelihood(sums))
        shares = mixture.log_joint(sums).softmax(1)
    assert all(after >= before - 1e-9 for before, after in pairwise(likelihoods))
    assert likelihoods[-1] > likelihoods[0]


def test_no_variance_falls_under_a_tenth_of_what_all_groups_would_share():
    """Without the floor a pair whose maps are equal would make a group of no variance."""
    maps = normal(40, 8, 2, 3)
    maps[:, 1] = maps[:, 0]
    found = moments([maps])
    groups = torch.tensor([0, 0, 1, 1, 1, 1, 1, 1])
    shares = torch.nn.functional.one_hot(groups, 2).double()
    mixture = module._maximised(found, shares)
    centres = torch.stack([maps[:, groups == g].mean((0, 1)).flatten() for g in (0, 1)])
    torch.testing.assert_close(mixture.centres, centres)
    spread = (maps.flatten(2) - centres[groups]).square().sum((0, 2))
    each = 40 * 6
    assert module.VARIANCE_FLOOR == 0.1
    alone = torch.stack([spread[groups == g].sum() / (each * (groups == g).sum()) for g in (0, 1)])
    torch.testing.assert_close(mixture.variances, alone)  # both above the floor
    alike = maps[:, :1].mean(0, keepdim=True).expand(40, 1, -1, -1)
    quiet = moments([torch.cat([alike, alike, maps[:, 2:]], 1)])
    mixture = module._maximised(quiet, shares)
    shared = float(mixture.variances[1] * 6 / 8)  # the pair has none of its own
    assert float(mixture.variances[0]) == pytest.approx(0.1 * shared, rel=1e-9)
    tied = module._maximised(quiet, shares, tied=True)
    torch.testing.assert_close(tied.variances, torch.full((2,), shared, dtype=torch.float64))


@pytest.mark.parametrize(("filters", "asked", "most"), [(10, 6, 5), (1, 2, 1)])
def test_too_many_groups(filters, asked, most):
    _, blocks = planted(filters, 16, 4, 2)
    said = f"{filters} active filters cannot make {asked} .* ask for {most} at most"
    with pytest.raises(InterpganError, match=said):
        fit(moments(blocks).normalised(), asked)


def test_equal_maps_are_no_trouble():
    """As of a layer that does not depend on the code: no variance is left at all."""
    maps = normal(1, 3, 4, 4).repeat(10, 2, 1, 1)
    found = fit(moments([maps]).normalised(), 3)
    assert found.groups.bincount().tolist() == [2, 2, 2]
    assert bool(found.mixture.variances.isfinite().all()) and np.isfinite(found.likelihood)


def test_groups_continue_from_those_there_are():
    """A filter that came to lie with another group joins it, and one that was in none finds its own."""
    random = torch.Generator().manual_seed(0)
    truth = torch.arange(24) % 4
    centres = 2 * torch.rand(4, 64, generator=random)
    maps = centres[truth] + 0.3 * torch.randn(50, 24, 64, generator=random)
    sums = moments([maps[..., None]]).normalised()
    before = truth.clone()
    before[0], before[1] = 2, -1
    assert adjusted_rand_score(truth, refit(sums, before).groups) == 1


def test_no_group_collects_the_outliers():
    """One group is far wider than the others; a filter nearer to a narrow one's centre stays there all the same."""
    random = torch.Generator().manual_seed(0)
    truth = torch.arange(20) % 2
    centres = torch.stack([torch.zeros(64), torch.ones(64)])
    spread = torch.tensor([3.0, 0.05])[truth]
    maps = centres[truth] + spread[:, None] * torch.randn(50, 20, 64, generator=random)
    maps[:, 1] = 0.7 + 1.5 * torch.randn(50, 64, generator=random)
    sums = moments([maps[..., None]])
    alike = torch.nn.functional.one_hot(truth).double()
    for tied, there in ((True, 3), (False, 2)):  # of two variances it would be the wide one's
        groups = module._expectation_maximisation(sums, alike, tied).groups
        assert groups[1] == groups[there]
    assert torch.equal(refit(sums, truth).groups, module._expectation_maximisation(sums, alike, True).groups)


class Starts:
    """In place of k-means: what it was asked for, and groups that go round."""

    def __init__(self, count, **settings):
        self.count, self.settings = count, settings

    def fit(self, coordinates):
        self.asked.append((self.count, self.settings, coordinates))
        self.labels_ = np.arange(len(coordinates)) % self.count
        return self


def test_ten_fits_start_from_the_sixty_four_principal_coordinates_of_the_mean_maps(monkeypatch):
    """Of 70 filters with nine positions, whose means are not 0: the other coordinates are 0."""
    monkeypatch.setattr(Starts, "asked", [], raising=False)
    monkeypatch.setattr("sklearn.cluster.KMeans", Starts)
    sums = moments([normal(7, 70, 3, 3) + 3])
    fit(sums, 5)
    assert [count for count, _, _ in Starts.asked] == [5] * 10
    assert [s["random_state"] for _, s, _ in Starts.asked] == list(range(10))
    assert {s["n_init"] for _, s, _ in Starts.asked} == {1}
    means = sums.sums / 7
    centred = means - means.mean(0)
    for _, _, coordinates in Starts.asked:
        assert coordinates.shape == (70, 64)
        np.testing.assert_allclose(coordinates @ coordinates.T, (centred @ centred.T).numpy(), atol=1e-9)


def test_it_stops_where_no_filter_changes_its_group(monkeypatch):
    truth, blocks = planted(24, 16, 20, 4)
    sums, calls, maximised = moments(blocks).normalised(), [], module._maximised

    def counted(*given):
        calls.append(given)
        return maximised(*given)

    monkeypatch.setattr(module, "_maximised", counted)
    found = module._expectation_maximisation(sums, torch.nn.functional.one_hot(truth).double())
    assert len(calls) == 1 and torch.equal(found.groups, truth)


def test_it_gives_up_after_a_hundred_iterations(monkeypatch):
    """As where two groups would change places for ever."""
    centres, calls = torch.tensor([[0.0] * 4, [1.0] * 4]).double(), []

    def swapped(*given):
        calls.append(given)
        return Mixture(centres.roll(len(calls), 0), torch.ones(2).double(), torch.full((2,), 0.5).double())

    monkeypatch.setattr(module, "_maximised", swapped)
    maps = (torch.arange(6) % 2).double()[:, None, None].expand(5, 6, 2, 2)
    module._expectation_maximisation(moments([maps]), normal(6, 2).softmax(1))
    assert len(calls) == 100


def test_a_group_of_a_share_of_a_filter_and_one_of_none():
    """The centre is the mean of a share however small it is; nothing is divided by 0."""
    sums = moments([normal(5, 3, 2, 2)])
    shares = torch.tensor([[0.75, 0.25, 0], [1, 0, 0], [0.75, 0.25, 0]]).double()
    mixture = module._maximised(sums, shares)
    torch.testing.assert_close(mixture.centres[1], (sums.sums[0] + sums.sums[2]) / 10)
    torch.testing.assert_close(mixture.prior, torch.tensor([2.5, 0.5, 0]).double() / 3)
    assert all(
        bool(part.isfinite().all()) for part in (mixture.centres, mixture.variances, mixture.prior.log())
    )


def test_maps_that_are_all_the_same_leave_a_little_variance():
    mixture = module._maximised(moments([torch.ones(4, 6, 2, 2)]), torch.full((6, 2), 0.5).double())
    assert mixture.variances.tolist() == [1e-12, 1e-12]


@pytest.mark.parametrize(
    ("groups", "shares"),
    [
        ([0, 0, 2, -1], [[1, 0, 0], [1, 0, 0], [0, 0, 1], [1 / 3] * 3]),
        ([1, 0, 3, 3], [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]),  # nobody is in the third
    ],
)
def test_a_filter_of_no_group_belongs_to_all_equally_and_empty_groups_go(monkeypatch, groups, shares):
    given = []
    monkeypatch.setattr(
        module, "_expectation_maximisation", lambda *args, **more: given.append((*args[1:], more))
    )
    refit(moments([normal(5, 4, 2, 2)]), torch.tensor(groups))
    ((found, more),) = given
    torch.testing.assert_close(found, torch.tensor(shares).double())
    assert more == {"tied": True}


def test_a_fit_stays_as_it_was_found():
    """And is told from another by identity: tensors cannot be compared as one."""
    sums = moments([normal(5, 8, 2, 2)])
    one = fit(sums, 2, restarts=1)
    assert replace(one) != one and replace(one.mixture) != one.mixture
    with pytest.raises(FrozenInstanceError):
        one.dropped = 3
    with pytest.raises(FrozenInstanceError):
        one.mixture.prior = one.mixture.variances


@pytest.mark.parametrize("seed", range(3))
def test_planted_groups_are_found(seed):
    truth, blocks = planted(120, 64, 100, 12, seed=seed)
    found = fit(moments(blocks).normalised(), 12)
    assert adjusted_rand_score(truth, found.groups) >= 0.99
    assert (found.dropped, len(found.mixture.prior)) == (0, 12)
    assert found.groups.bincount().tolist() == [10] * 12
    assert float(found.mixture.prior.sum()) == pytest.approx(1)


def test_groups_come_largest_first_with_their_own_centres():
    truth, blocks = planted(60, 64, 50, 3)
    maps = torch.cat(list(blocks))
    keep = torch.cat([(truth == c).nonzero().flatten()[:n] for c, n in enumerate((3, 12, 7))])
    found_moments = moments([maps[:, keep]]).normalised()
    found = fit(found_moments, 3)
    assert found.groups.bincount().tolist() == [12, 7, 3]
    means = found_moments.sums / found_moments.count
    for c in range(3):
        torch.testing.assert_close(found.mixture.centres[c], means[found.groups == c].mean(0))
    unit = maps[:, keep].double() / moments([maps[:, keep]]).rms()[:, None, None]
    apart = (unit[..., 0] - found.mixture.centres[found.groups]).square().mean((0, 2))
    for c, size in enumerate((12, 7, 3)):
        assert float(found.mixture.variances[c]) == pytest.approx(
            float(apart[found.groups == c].mean()), rel=1e-6
        )
        assert float(found.mixture.prior[c]) == pytest.approx(size / 22)


def test_groups_of_one_are_dropped_and_their_filters_join_others():
    truth, blocks = planted(40, 64, 50, 4)
    maps = torch.cat(list(blocks))
    lone = 5 * normal(1, 1, 64, 1, seed=3).float().abs() + 0.1 * normal(50, 1, 64, 1).float()
    found = fit(moments([torch.cat([maps, lone], 1)]).normalised(), 5)
    assert found.dropped == 1
    assert adjusted_rand_score(truth, found.groups[:40]) == 1
    assert found.groups.bincount().min() >= module.MIN_FILTERS


def test_fits_are_drawn_from_the_seed():
    _, blocks = planted(40, 16, 4, 9, noise=(3.0, 4.0))
    sums = moments(blocks).normalised()
    one, again = (fit(sums, 9, restarts=1, seed=3) for _ in range(2))
    assert (one.groups == again.groups).all() and one.likelihood == again.likelihood
    assert fit(sums, 9, restarts=8, seed=3).likelihood >= one.likelihood
