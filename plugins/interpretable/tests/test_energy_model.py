"""The module that keeps W, groups and scales of filters, by hand."""

import pytest
import torch

from interpgan_core import InterpganError
from interpgan_core.testing import toy
from interpgan_interpretable.training.energy import energy
from interpgan_interpretable.training.energy_model import EnergyModel, filter_rms, group_metrics


def model(groups=(0, 0, 1, -1), concepts=3, positions=4):
    made = EnergyModel(len(groups), concepts, positions)
    made.groups = torch.tensor(groups)
    return made


def test_a_model_begins_with_nothing():
    made = EnergyModel(5, 2, 9)
    assert made.weights.shape == (5, 2, 9) and not made.weights.any()
    assert made.groups.tolist() == [-1] * 5 and made.rms.tolist() == [1] * 5 and made.concepts == 2


def test_members_of_groups():
    assert model().members.int().tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_scaled_maps_have_one_root_mean_square():
    """Over the samples and positions 1 / k each, so that a sum over positions does not grow with the layer."""
    made = model()
    maps = torch.rand(6, 4, 2, 2, dtype=torch.float64)
    made.rms = maps.square().mean((0, 2, 3)).sqrt()
    scaled = made.scaled(maps)
    assert scaled.shape == (6, 4, 4)
    torch.testing.assert_close(scaled.square().mean((0, 2)), torch.full((4,), 1 / 4, dtype=torch.float64))


def test_the_strongest_group():
    """By the mean of the group's filters, each in its own scale; a group without filters is never it."""
    made = model((0, 0, 1))
    made.rms = torch.tensor([1.0, 1.0, 10.0])
    maps = torch.zeros(1, 3, 1, 3)
    maps[0, 0] = torch.tensor([4.0, 2.0, 1.0])
    maps[0, 2] = torch.tensor([19.0, 11.0, 4.0])  # a tenth of it counts
    assert made.strongest_group(maps).tolist() == [[[0, 1, 0]]]


def test_the_energy_is_of_scaled_maps_with_w_constant():
    made = model(positions=6)
    torch.manual_seed(0)
    made.weights.data, made.rms = torch.randn(4, 3, 6), torch.tensor([1.0, 2.0, 3.0, 4.0])
    maps = torch.rand(2, 4, 2, 3)
    found = made.energy(maps)
    torch.testing.assert_close(
        found, energy(maps.flatten(2) / (made.rms[:, None] * 6**0.5), made.weights, made.members)
    )
    assert not found.requires_grad


def test_it_is_attached_and_found_again():
    generator, made = toy(), model()
    made.weights.data, made.rms = torch.rand(4, 3, 4), torch.rand(4)
    assert EnergyModel.attached_to(generator) is None
    with pytest.raises(InterpganError, match="this generator has no energy model"):
        EnergyModel.of(generator)
    generator.attached = {"other": torch.ones(1)}
    made.attach(generator)
    found = EnergyModel.of(generator)
    for name in ("weights", "groups", "rms"):
        assert torch.equal(getattr(found, name), getattr(made, name))
    assert not found.weights.requires_grad and "other" in generator.attached
    made.weights.data += 1
    assert not torch.equal(EnergyModel.of(generator).weights, made.weights)  # a copy was attached
    generator.attached["interpretable.weights"] = generator.attached["interpretable.weights"].half()
    assert EnergyModel.of(generator).weights.dtype == torch.float32
    generator.attached["interpretable.loudness"] = generator.attached.pop(
        "interpretable.rms"
    )  # of earlier files
    assert torch.equal(EnergyModel.of(generator).rms, found.rms)


def test_weak_filters_are_not_scaled_up_to_the_others():
    """Of squares 4, 1 and 0 a tenth of their mean, 5 / 3, is added."""
    maps = torch.tensor([2.0, 1.0, 0.0])[None, :, None].expand(2, 3, 5)
    found = filter_rms(maps)
    torch.testing.assert_close(found, torch.tensor([4 + 1 / 6, 1 + 1 / 6, 1 / 6]).sqrt())
    assert filter_rms(torch.zeros(1, 2, 3)).tolist() == pytest.approx([1e-12] * 2, abs=1e-15)
    grown = torch.ones(1, 2, 3, requires_grad=True)
    filter_rms(grown)[0].backward()
    assert grown.grad[0, 0].any() and not grown.grad[0, 1].any()  # the layer's mean is constant


def test_how_far_filters_keep_to_their_groups():
    """Two filters of group 0 and one of group 1, on four positions; the fourth filter is of none."""
    maps = torch.tensor([[[3.0, 0, 0, 0], [1.0, 0, 0, 3], [0, 0, 0, 5.0], [7.0, 7, 7, 7]]])
    found = group_metrics(maps, model())
    assert group_metrics(1e-3 * maps, model()) == pytest.approx(found)
    mean = torch.tensor([2.0, 0, 0, 1.5])  # of group 0; that of group 1 is its filter's

    def cosine(one, other):
        return float(torch.nn.functional.cosine_similarity(torch.tensor(one), torch.as_tensor(other), dim=0))

    own = [cosine([3.0, 0, 0, 0], mean), cosine([1.0, 0, 0, 3], mean), 1.0]
    other = [0.0, cosine([1.0, 0, 0, 3], [0, 0, 0, 5.0]), cosine([0, 0, 0, 5.0], mean)]
    assert found["own"] == pytest.approx(sum(own) / 3) and found["other"] == pytest.approx(sum(other) / 3)
    # At home: group 0 at the first, group 1 at the last position.
    assert found["at home"] == pytest.approx((9 + 1 + 25) / (9 + 10 + 25 + 4 * 49))
    assert group_metrics(torch.zeros(1, 4, 4), model())["at home"] == 0
