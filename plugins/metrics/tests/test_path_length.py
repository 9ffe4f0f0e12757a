import numpy as np
import pytest
import torch
from pydantic import ValidationError

from interpgan_core import InterpganError
from interpgan_metrics.path_length import OTHER_END, PathLength, arc, trimmed

SEEDS = range(300)


def measured(kit, generator, net=None, **fields):
    operator = PathLength(features=net or kit.Flat(), seeds="0-299", **fields)
    return kit.values(operator.run(generator, kit.quiet))


def ends(generator):
    return [generator.sample(list(s)).codes.double() for s in (SEEDS, [s + OTHER_END for s in SEEDS])]


@pytest.mark.parametrize("sampling", ["full", "end"])
def test_along_an_arc_it_is_the_squared_angle(kit, sampling):
    """Features that are the codes turn at an even pace along an arc."""
    generator = kit.Plain()
    a, b = ends(generator)
    angles = torch.cosine_similarity(a, b).acos()
    found = measured(kit, generator, space="z", sampling=sampling)
    assert found["path length"] == pytest.approx(float(trimmed(angles**2).mean()), rel=2e-3)
    assert found["median"] == pytest.approx(float((angles**2).median()), rel=2e-3)


@pytest.mark.parametrize("sampling", ["full", "end"])
def test_along_a_line_it_is_the_squared_slope(kit, sampling):
    generator = kit.Plain()
    a, b = ends(generator)
    where = torch.tensor([np.random.RandomState([s, OTHER_END]).rand() for s in SEEDS]).double()
    x = torch.lerp(a, b, (where * (sampling == "full"))[:, None])
    u, slope = torch.nn.functional.normalize(x, dim=1), b - a
    squares = (slope.square().sum(1) - (u * slope).sum(1) ** 2) / x.square().sum(1)
    found = measured(kit, generator, space="w", sampling=sampling)
    assert found["path length"] == pytest.approx(float(trimmed(squares).mean()), rel=2e-3)
    assert found["paths"] == 300
    assert found["of these in the mean"] == len(trimmed(squares)) < 300


def test_a_generator_that_stands_still_has_none(kit):
    assert measured(kit, kit.Plain(gain=0.0, shift=0.5))["path length"] == 0


def test_a_path_is_its_seed(kit):
    generator = kit.Plain()
    alone = kit.values(PathLength(features=kit.Flat(), seeds="7").run(generator, kit.quiet))
    operator = PathLength(features=kit.Flat(), seeds="5-9", batch_size=2)
    among = kit.values(operator.run(generator, kit.quiet))
    assert alone["path length"] == pytest.approx(alone["median"])
    lengths = [
        kit.values(PathLength(features=kit.Flat(), seeds=str(s)).run(generator, kit.quiet))["median"]
        for s in (5, 6, 7, 8, 9)
    ]
    assert among["path length"] == pytest.approx(np.mean(lengths), rel=1e-6)
    assert len(set(lengths)) == 5


def test_both_ends_are_of_one_class(kit):
    """Were the classes of the ends different, the class of a sample would change along its path."""
    generator = kit.Plain()
    generator.classes = 10
    mapped, seen = [], []
    generator.map = lambda codes, source, target, labels: mapped.append(labels[:10]) or codes
    generator.forward = lambda batch: seen.append(batch.labels) or torch.ones(len(batch), 3, 2, 2)
    PathLength(features=kit.Flat(), seeds="0-9", batch_size=10).run(generator, kit.quiet)
    expected = generator.sample(range(10)).labels
    assert len(expected.argmax(1).unique()) > 1
    assert len(mapped) == len(seen) == 2  # both ends; before and after the step
    for labels in (*mapped, *seen):
        assert torch.equal(labels, expected)


def test_an_arc_takes_the_lengths_of_its_ends():
    a, b = torch.tensor([[2.0, 0.0]]).double(), torch.tensor([[0.0, 4.0]]).double()
    where = torch.tensor([[0.0], [0.5], [1.0]]).double()
    points = arc(a.expand(3, -1), b.expand(3, -1), where)
    expected = torch.tensor([[2.0, 0.0], [3 * 0.5**0.5] * 2, [0.0, 4.0]]).double()
    torch.testing.assert_close(points, expected)


def test_one_in_a_hundred_is_left_out_at_either_end():
    kept = trimmed(torch.arange(1000).double().flip(0))
    assert (kept.min(), kept.max()) == (9, 990)
    assert len(trimmed(torch.arange(50).double())) == 50


def test_convolutions_of_a_gpu_do_not_round_more(kit):
    seen = []

    class Watching(kit.Flat):
        def features(self, images):
            seen.append(torch.backends.cudnn.allow_tf32)
            return super().features(images)

    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled
    measured(kit, kit.Plain(), Watching())
    assert not any(seen) and seen
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.enabled) == before


def test_half_precision(kit):
    generator = kit.Plain()
    generator.module = torch.nn.Linear(1, 1).half()
    with pytest.raises(
        InterpganError, match=r"0.0001 is lost in half precision; load .* precision: float32$"
    ):
        measured(kit, generator)


def test_a_generator_without_the_space(kit):
    generator = kit.Plain()
    del generator.spaces["w"]
    with pytest.raises(InterpganError, match=r"no space 'w'"):
        measured(kit, generator)
    assert measured(kit, generator, space="z")["path length"] > 1


def test_the_other_end_is_the_seed_with_its_last_bit_turned():
    """What a seed's path is, in every version."""
    assert OTHER_END == 2_147_483_648


def test_what_a_path_length_is_without_words(kit):
    """Karras et al., CVPR 2019, section 4.1: a step of 1e-4, anywhere on the path."""
    step = PathLength(features=kit.Flat())
    assert (step.seeds, step.space, step.sampling) == ("0-9999", "w", "full")
    assert (step.epsilon, step.batch_size) == (1e-4, 16)


@pytest.mark.parametrize("epsilon", [0.9e-5, 0.0, 0.11, 1.0])
def test_steps_that_are_refused(kit, epsilon):
    assert [PathLength(features=kit.Flat(), epsilon=e).epsilon for e in (1e-5, 0.1)] == [1e-5, 0.1]
    with pytest.raises(ValidationError, match="epsilon"):
        PathLength(features=kit.Flat(), epsilon=epsilon)


def lengths(kit, seeds):
    return [
        kit.values(PathLength(features=kit.Flat(), seeds=str(s)).run(kit.Plain(), kit.quiet))["median"]
        for s in seeds
    ]


@pytest.mark.parametrize("seeds", [(5, 6), (5, 6, 7, 8, 9)])
def test_the_error_is_that_of_a_mean(kit, seeds):
    text = ",".join(map(str, seeds))
    found = kit.values(PathLength(features=kit.Flat(), seeds=text).run(kit.Plain(), kit.quiet))
    expected = np.std(lengths(kit, seeds), ddof=1) / len(seeds) ** 0.5
    assert found["its standard error"] == pytest.approx(expected, rel=1e-6)


def test_one_path_has_no_error(kit):
    found = kit.values(PathLength(features=kit.Flat(), seeds="5").run(kit.Plain(), kit.quiet))
    assert found["its standard error"] is None


def test_single_precision_is_enough(kit):
    generator = kit.Plain()
    generator.module = torch.nn.Linear(1, 1)
    PathLength(features=kit.Flat()).check(generator)


def test_pictures_of_a_path_are_drawn_with_its_own_seed(kit):
    """Noise by the seed does not change along it."""
    generator, seen = kit.Plain(), []
    generator.forward = lambda batch: seen.append(batch.seeds) or torch.ones(len(batch), 3, 2, 2)
    PathLength(features=kit.Flat(), seeds="3-5").run(generator, kit.quiet)
    assert [list(seeds) for seeds in seen] == [[3, 4, 5], [3, 4, 5]]


@pytest.mark.parametrize("times", [2.0, -2.0])
def test_an_arc_between_ends_on_one_line_is_a_number(times):
    """The cosine of many such ends is a little more than 1, or less than -1."""
    a = torch.randn(200, 3, 2, generator=torch.Generator().manual_seed(0)).double()
    points = arc(a, times * a, torch.full((200, 1, 1), 0.5).double())
    assert bool(points.isfinite().all())
    if times > 0:
        torch.testing.assert_close(points, 1.5 * a, atol=1e-6, rtol=1e-6)


def test_a_step_goes_towards_the_other_end(kit):
    """Of a tenth of the path, from its beginning."""
    a, b = ends(kit.Plain())
    before, after = (torch.nn.functional.normalize(codes, dim=1) for codes in (a, torch.lerp(a, b, 0.1)))
    expected = (after - before).square().sum(1) / 0.1**2
    found = measured(kit, kit.Plain(), space="w", sampling="end", epsilon=0.1)
    assert found["median"] == pytest.approx(float(expected.median()), rel=1e-4)
