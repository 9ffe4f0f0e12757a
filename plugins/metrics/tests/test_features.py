import pytest
import torch

from interpgan_core import FeatureNet, InterpganError
from interpgan_metrics.features import (
    chosen,
    feature_count,
    generated_pictures,
    real_pictures,
    to_bytes,
    vectors,
)


def test_an_extractor_is_known_by_its_members(kit):
    assert isinstance(kit.Flat(), FeatureNet)
    assert not isinstance(kit.Plain(), FeatureNet)


def test_real_pictures_are_each_taken_once(kit):
    data = kit.picture_set(torch.linspace(-1, 1, 50).view(50, 1, 1, 1).expand(50, 3, 2, 2))
    rows = chosen(data, 1000)
    assert sorted(rows) == list(range(50)) and rows != list(range(50))
    assert chosen(data, 7) == rows[:7]
    parts = list(real_pictures(data, rows, 16, kit.quiet))
    assert [len(part) for part in parts] == [16, 16, 16, 2]
    assert torch.equal(torch.cat(parts), data.images(rows))


def test_generated_pictures_are_as_real_ones_from_files(kit):
    generator = kit.Plain(gain=0.6)
    (pictures,) = generated_pictures(generator, range(20), 32, kit.quiet)
    assert torch.equal(pictures, kit.drawn(generator, range(20)).images(slice(None)))
    assert pictures.max() == 1


def test_a_generator_that_draws_no_numbers():
    with pytest.raises(InterpganError, match=r"not finite; load it with precision: float32$"):
        to_bytes(torch.full((1, 3, 2, 2), torch.nan))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            lambda images: images,
            r"pixels returned features of shape \(2, 3, 2, 2\) for 2 pictures; correct it",
        ),
        (lambda images: images.flatten(1) / 0, "pixels returned numbers that are not finite; use another"),
    ],
)
def test_an_extractor_that_is_wrong(kit, answer, message):
    net = kit.Flat()
    net.features = answer
    with pytest.raises(InterpganError, match=message):
        list(vectors(net, [torch.ones(2, 3, 2, 2)]))


def test_features_of_another_length(kit):
    net = kit.Flat()
    with pytest.raises(InterpganError, match="all of the same length"):
        list(vectors(net, [torch.ones(2, 3, 2, 2), torch.ones(2, 3, 4, 4)]))


def test_how_many_features_an_extractor_has(kit):
    assert feature_count(kit.Flat(), kit.picture_set(torch.zeros(2, 3, 2, 2))) == 12


def test_no_graph_is_kept(kit):
    net = kit.Flat()
    weight = torch.ones(12, requires_grad=True)
    net.features = lambda images: images.flatten(1) * weight
    assert not next(vectors(net, [torch.ones(2, 3, 2, 2)])).requires_grad
