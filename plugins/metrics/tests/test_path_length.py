import numpy as np
import pytest
import torch

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
