import numpy as np
import pytest
import scipy.linalg
import torch

from interpgan_core import InterpganError
from interpgan_metrics.fid import FrechetDistance


def measured(kit, data, generator, **fields):
    fields = {"features": kit.Flat(), "seeds": "0-1999", "kid": False} | fields
    return kit.values(FrechetDistance(data=data, **fields).run(generator, kit.quiet))


def gaussian(kit, count, gain, shift=0.0):
    numbers = np.random.RandomState(10**6).randn(count, 3, 2, 2)
    return kit.picture_set(gain * numbers + shift)


def closed_form(a, b):
    """|m1-m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2) in float64."""
    a, b = (np.asarray(x, dtype=np.float64).reshape(len(x), -1) for x in (a, b))
    s1, s2 = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(s1 @ s2).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * root))


def test_fid_is_the_closed_form(kit):
    mixing = np.random.RandomState(1).randn(12, 12) / 12
    real = np.random.RandomState(2).randn(1500, 12) @ mixing + 0.1
    data = kit.picture_set(real.reshape(-1, 3, 2, 2))
    generator = kit.Plain()
    expected = closed_form(data.images(slice(None)), kit.drawn(generator, range(2000)).images(slice(None)))
    found = measured(kit, data, generator)
    assert found["FID"] == pytest.approx(expected, rel=1e-3)
    assert found["FID"] > 0.1
    assert (found["real pictures"], found["generated pictures"], found["features"]) == (1500, 2000, 12)


def test_fid_of_known_gaussians(kit):
    found = measured(kit, gaussian(kit, 8000, 0.3, 0.1), kit.Plain(0.2), seeds="0-7999")
    assert found["FID"] == pytest.approx(12 * 0.1**2 + 12 * (0.3 - 0.2) ** 2, rel=0.03)


def test_fid_of_the_same_pictures_is_0(kit):
    generator = kit.Plain()
    found = measured(kit, kit.drawn(generator, range(500)), generator, seeds="0-499")
    assert abs(found["FID"]) < 1e-3
    # Two halves of them are different pictures, of the same kind.
    assert 1e-3 < found["FID between two halves of the data"] < 0.02


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_halves_do_not_depend_on_the_batches(kit, batch_size):
    data = gaussian(kit, 301, 0.2)
    order = np.random.RandomState(0).permutation(301)
    expected = closed_form(data.images(order[::2]), data.images(order[1::2]))
    found = measured(kit, data, kit.Plain(), seeds="0-99", batch_size=batch_size)
    assert found["FID between two halves of the data"] == pytest.approx(expected, rel=1e-6)


def test_halves_that_are_too_small_have_no_distance(kit):
    found = measured(kit, gaussian(kit, 23, 0.2), kit.Plain(), seeds="0-99")
    assert found["FID between two halves of the data"] is None


@pytest.mark.parametrize("last", [1999, 7999])
def test_a_perfect_generator_has_what_is_expected_of_it(kit, last):
    """FID is biased, the more the fewer pictures; here both are of one kind."""
    found = measured(kit, gaussian(kit, 4000, 0.2), kit.Plain(), seeds=f"0-{last}")
    assert found["FID"] == pytest.approx(found["FID of a perfect generator, about"], rel=0.35)


def test_only_so_many_real_pictures(kit):
    data = gaussian(kit, 400, 0.2)
    chosen = np.random.RandomState(0).permutation(400)[:100]
    expected = closed_form(data.images(chosen), kit.drawn(kit.Plain(), range(100)).images(slice(None)))
    found = measured(kit, data, kit.Plain(), seeds="0-99", real=100)
    assert found["real pictures"] == 100
    assert found["FID"] == pytest.approx(expected, rel=1e-3)


def test_kid_is_the_unbiased_estimate(kit):
    data, generator = gaussian(kit, 300, 0.3, 0.1), kit.Plain()
    fields = {"seeds": "0-299", "kid": True, "subsets": 3, "subset_size": 300}
    found = measured(kit, data, generator, **fields)
    x = data.images(slice(None)).flatten(1).double()
    y = kit.drawn(generator, range(300)).images(slice(None)).flatten(1).double()
    xx, yy, xy = ((a @ b.T / 12 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    expected = sum((k.sum() - k.trace()) / (300 * 299) for k in (xx, yy)) - 2 * xy.mean()
    assert found["KID"] == pytest.approx(float(expected), abs=1e-6)
    assert found["KID"] > 1e-3
    assert found["standard deviation of KID over the subsets"] < 1e-6  # every subset is the whole set


def test_kid_leaves_the_random_numbers_alone(kit):
    data, generator = gaussian(kit, 60, 0.2), kit.Plain()
    fields = {"seeds": "0-59", "kid": True, "subsets": 5, "subset_size": 30}
    before = torch.get_rng_state()
    first = measured(kit, data, generator, **fields)
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(1)
    assert measured(kit, data, generator, **fields) == first


def test_too_few_pictures_for_the_features(kit):
    data = gaussian(kit, 40, 0.2)
    with pytest.raises(
        InterpganError, match=r"^11 samples are too few for the 12 features of pixels.*more seeds, or"
    ):
        measured(kit, data, kit.Plain(), seeds="0-10", kid=False)
    with pytest.raises(
        InterpganError, match=r"^5 real pictures are too few for the 12 .* or take more data, or"
    ):
        measured(kit, data, kit.Plain(), real=5, kid=False)


def test_a_small_set_has_a_kernel_distance_alone(kit):
    """KID is unbiased, and what small sets are measured by; FID is left out with a word."""
    data = gaussian(kit, 40, 0.2)
    step = FrechetDistance(data=data, features=kit.Flat(), seeds="0-10", subset_size=10, subsets=5)
    report = step.run(kit.Plain(), kit.quiet)
    rows, note = dict(report.tables[0].rows), report.tables[0].note
    assert rows["FID"] is None and rows["KID"] is not None
    assert note.startswith(
        "11 samples are too few for the 12 features of FID; KID needs no more than its subsets."
    )


def test_too_few_pictures_for_a_subset(kit):
    with pytest.raises(
        InterpganError, match=r"^40 real pictures make no subset of 1000 .* lower 'subset_size'$"
    ):
        measured(kit, gaussian(kit, 40, 0.2), kit.Plain(), kid=True)


def test_what_a_distance_is_without_words(kit):
    """The kernel distance over 100 subsets of 1000, as Bińkowski et al., ICLR 2018, and torchmetrics take them."""
    step = FrechetDistance(data=gaussian(kit, 4, 0.2), features=kit.Flat())
    assert (step.kid, step.subsets, step.subset_size) == (True, 100, 1000)


def test_as_many_pictures_as_features_are_enough(kit):
    step = FrechetDistance(data=gaussian(kit, 12, 0.2), features=kit.Flat(), seeds="0-11", kid=False)
    step.check(kit.Plain())
    assert kit.values(step.run(kit.Plain(), kit.quiet))["FID"] is not None
    small = FrechetDistance(data=gaussian(kit, 12, 0.2), features=kit.Flat(), seeds="0-11", subset_size=12)
    assert small.run(kit.Plain(), kit.quiet).tables[0].note.startswith("Numbers compare")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seeds": "0-10", "kid": False}, "11 samples are too few for the 12 features of pixels"),
        ({"real": 11, "kid": False}, "11 real pictures are too few for the 12 features"),
        ({"seeds": "0-10", "subset_size": 12}, "11 samples make no subset of 12 for KID; give more seeds"),
    ],
)
def test_too_few_is_said_before_anything_runs(kit, wrong, message):
    given = {"data": gaussian(kit, 20, 0.2), "features": kit.Flat(), "seeds": "0-99"} | wrong
    with pytest.raises(InterpganError, match=message):
        FrechetDistance(**given).check(kit.Plain())


def test_halves_of_as_many_pictures_as_features_have_a_distance(kit):
    """And a perfect generator that of its size: c (1 / real + 1 / generated), where the halves say 4 c / real."""
    found = measured(kit, gaussian(kit, 24, 0.2), kit.Plain(), seeds="0-95")
    halves = found["FID between two halves of the data"]
    c = halves * 24 / 4
    assert found["FID of a perfect generator, about"] == pytest.approx(c / 24 + c / 96)


def test_the_subsets_are_the_same_in_every_version(kit):
    fields = {"seeds": "0-59", "kid": True, "subsets": 3, "subset_size": 20}
    found = measured(kit, gaussian(kit, 60, 0.3), kit.Plain(), **fields)
    assert found["KID"] == pytest.approx(-0.0057367, abs=1e-6)
