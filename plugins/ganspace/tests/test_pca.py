"""Principal components, against numpy and against planted axes."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_core import InterpganError
from interpgan_ganspace import pca
from interpgan_ganspace.pca import moments, principal_components


def stream(codes, features, block=64):
    """As `draw` of an operator: the same pairs at each call."""

    def draw(name):
        for start in range(0, len(codes), block):
            yield codes[start : start + block], features[start : start + block]

    return draw


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_blocks_do_not_matter():
    codes = normal(300, 5)
    first, second = (principal_components(stream(codes, codes, block), 5) for block in (7, 300))
    signs = (first.directions * second.directions).sum(1).sign()[:, None]
    torch.testing.assert_close(first.directions, second.directions * signs)


def test_the_way_back_is_least_squares():
    """As the paper regresses: coordinates on the components, then codes on coordinates."""
    codes = normal(2000, 6)
    features = torch.nn.functional.leaky_relu(codes @ normal(6, 40, seed=1) + 0.5, 0.2)
    found = principal_components(stream(codes, features), 3)
    centred = features - features.mean(0)
    _, _, axes = torch.linalg.svd(centred, full_matrices=False)
    coordinates = centred @ axes[:3].T
    back = torch.linalg.lstsq(coordinates, codes - codes.mean(0)).solution
    expected = back * coordinates.std(0)[:, None]
    signs = (expected * found.directions).sum(1).sign()[:, None]
    torch.testing.assert_close(found.directions * signs, expected)


def test_only_one_block_is_drawn_for_its_size(monkeypatch):
    drawn = []
    codes = normal(640, 4)

    def draw(name):
        for pair in stream(codes, codes @ normal(4, 30, seed=1))(name):
            drawn.append(name)
            yield pair

    principal_components(draw, 2)
    assert drawn == ["looking at"] + 10 * ["measuring"]
    drawn.clear()
    monkeypatch.setattr(pca, "EXACT_SIZE", 20)
    principal_components(draw, 2)
    assert drawn == ["looking at"] + 20 * ["sketching"] + 10 * ["measuring"]


def test_too_few_or_equal_samples():
    with pytest.raises(InterpganError, match="components need 2 samples at least"):
        principal_components(stream(normal(1, 3), normal(1, 3)), 1)
    with pytest.raises(InterpganError, match="all samples are equal"):
        principal_components(stream(normal(9, 3), torch.ones(9, 3)), 1)


class Sketched(Exception):
    """The subspace is asked for."""


@pytest.mark.parametrize(("size", "sketched"), [(2048, False), (2049, True)])
def test_up_to_2048_numbers_the_whole_covariance_is_kept(size, sketched, monkeypatch):
    """Above it, that of a subspace of a hundred dimensions more than the components that are asked for."""
    asked = []

    def stop(draw, first, rank):
        asked.append(rank)
        raise Sketched

    monkeypatch.setattr(pca, "_leading_subspace", stop)
    codes = normal(1, 2)
    with pytest.raises(Sketched if sketched else InterpganError):
        principal_components(stream(codes, torch.zeros(1, size)), 20)
    assert asked == [120] * sketched


def test_a_component_of_a_millionth_of_the_greatest_variance_is_noise():
    signs = torch.tensor([[1.0, 1, 1], [-1, 1, -1], [1, -1, -1], [-1, -1, 1]]).double()
    for share, count in ((1.1e-6, 3), (0.9e-6, 2)):
        features = signs * torch.tensor([1.0, 0.5, share**0.5]).double()
        found = principal_components(stream(signs, features), 3)
        assert len(found.directions) == len(found.variance_shares) == count


def test_two_samples_have_one_component():
    codes = torch.tensor([[0.0, 3.0], [2.0, 3.0]])
    found = principal_components(stream(codes, codes), 2)
    assert found.directions.abs().tolist() == [[pytest.approx(2**0.5), 0]]
    assert found.variance_shares.tolist() == [1] and found.mean.tolist() == [1, 3]
    with pytest.raises(InterpganError, match="many more to mean anything; not 1"):
        moments([(codes[:1], codes[:1])])


def test_components_stay_as_they_were_found():
    """And are told from others by identity: tensors cannot be compared as one."""
    found = principal_components(stream(normal(9, 2), normal(9, 3)), 2)
    sums = moments([(normal(9, 2), normal(9, 3))])
    assert replace(found) != found and replace(sums) != sums
    with pytest.raises(FrozenInstanceError):
        found.mean = sums.mean
    with pytest.raises(FrozenInstanceError):
        sums.mean = found.mean


def test_planted_axes_come_back_from_linear_activations():
    """y = A z: the components of y are A's left singular vectors, and the way back its right ones."""
    left, right = torch.linalg.qr(normal(60, 8)).Q, torch.linalg.qr(normal(8, 8, seed=1)).Q
    codes = normal(20000, 8, seed=2)
    features = codes @ right @ torch.linspace(9, 2, 8).double().diag() @ left.T
    found = principal_components(stream(codes, features, 256), 20)
    assert len(found.directions) == 8  # y varies in no more ways than z
    cosines = (torch.nn.functional.normalize(found.directions) * right.T).sum(1).abs()
    assert cosines.min() > 0.995
    torch.testing.assert_close(found.directions.norm(dim=1), torch.ones(8).double(), rtol=0.03, atol=0)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 200), st.integers(1, 8), st.integers(1, 8), st.integers(1, 70), st.integers(0, 2**31))
def test_moments_are_those_of_numpy(rows, p, q, block, seed):
    left, right = normal(rows, p, seed=seed) + 1e3, normal(rows, q, seed=seed + 1) - 1e3
    found = moments(stream(left, right, block)(""))
    expected = np.cov(left.T, right.T)
    np.testing.assert_allclose(found.covariance, expected[:p, p:], rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.variance, np.trace(expected[:p, :p]), rtol=1e-9)
    np.testing.assert_allclose(found.mean, right.mean(0), rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 200), st.integers(1, 12), st.integers(1, 15), st.integers(1, 70), st.integers(0, 2**31))
def test_of_codes_themselves_it_is_pca(rows, size, count, block, seed):
    codes = normal(rows, size, seed=seed) * torch.linspace(1, 3, size) + 5
    found = principal_components(stream(codes, codes, block), count)
    singular = torch.linalg.svdvals(codes - codes.mean(0))
    kept = min(count, int((singular**2 > pca.NEGLIGIBLE * singular[0] ** 2).sum()))
    assert len(found.directions) == kept
    standard_deviations = singular[:kept] / (rows - 1) ** 0.5
    torch.testing.assert_close(found.directions.norm(dim=1), standard_deviations, rtol=1e-6, atol=0)
    torch.testing.assert_close(
        found.variance_shares, singular[:kept] ** 2 / (singular**2).sum(), rtol=1e-6, atol=0
    )
    # Each is an eigenvector: of near-equal variances, another one than the solver of numpy gives.
    covariance = torch.atleast_2d(codes.T.cov())
    torch.testing.assert_close(
        found.directions @ covariance, found.directions * standard_deviations[:, None] ** 2, rtol=0, atol=1e-6
    )
    torch.testing.assert_close(found.mean, codes.mean(0))


@pytest.mark.parametrize("seed", range(2))
def test_the_subspace_of_many_activations_is_as_good(seed, monkeypatch):
    """More numbers than the covariance is kept of: the same components."""
    codes = normal(1500, 100, seed=seed)
    features = torch.relu(codes @ (torch.linspace(3, 0.1, 100)[:, None] * normal(100, 300, seed=seed + 9)))
    exact = principal_components(stream(codes, features, 256), 20)
    monkeypatch.setattr(pca, "EXACT_SIZE", 250)
    sketched = principal_components(stream(codes, features, 256), 20)
    torch.testing.assert_close(sketched.variance_shares, exact.variance_shares, rtol=5e-3, atol=0)
    cosines = torch.nn.functional.cosine_similarity(exact.directions[:10], sketched.directions[:10]).abs()
    assert cosines.min() > 0.99
