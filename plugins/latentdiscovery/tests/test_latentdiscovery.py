"""Directions that a network tells apart, on a generator most of whose axes draw nothing, and on the toy."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from interpgan_core import Generator, InterpganError, LatentSpace, Remark, seeded_normal
from interpgan_core.testing import (
    Stopped,
    conformance,
    plugin_conformance,
    run_operator,
    stop_after,
    toy,
)
from interpgan_latentdiscovery.networks import Model, Reconstructor
from interpgan_latentdiscovery.operators import LearnDirections

VISIBLE = (1, 4, 6)


class Bars(Generator):
    """Three entries of ten draw something, each a bar of its own; the others nothing."""

    fingerprint = "bars"

    def __init__(self):
        self.module = nn.Identity().eval()
        self.spaces = {"z": LatentSpace("z", (10,))}

    def prior(self, seeds):
        return seeded_normal(seeds, (10,))

    def map(self, codes, source, target, labels):
        return codes

    def forward(self, batch):
        bars = torch.tanh(batch.codes[:, list(VISIBLE)] / 3)[:, None, None, :]
        return bars.expand(-1, 3, 9, -1).repeat_interleave(3, 3)


QUICK = {"count": 4, "steps": 3, "batch_size": 4, "seeds": "0-99", "held_out": "200-207"}

test_plugin = plugin_conformance("latentdiscovery")
test_conformance = pytest.mark.long(conformance(LearnDirections(**QUICK), toy))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    operator = LearnDirections(
        count=4, reach=2.0, steps=200, batch_size=16, rate=0.03, held_out="200000-200059", seed=1
    )
    return run_operator(operator, tmp_path_factory.mktemp("found"), generator=Bars())


@pytest.mark.long
def test_the_axes_that_draw_something_are_found(found):
    """Which rotation of them is not; four of ten axes drawn at random would hold 1.2 of the three."""
    visible = torch.stack([d.vector[list(VISIBLE)] for d in found.values()])
    assert float(visible.square().sum()) > 2.5
    assert min(d.notes["accuracy"] for d in found.values()) > 0.8


def test_they_are_orthonormal_and_in_order(found):
    rows = torch.stack([d.vector for d in found.values()])
    assert torch.allclose(rows @ rows.T, torch.eye(4, dtype=torch.float64), atol=1e-5)
    accuracies = [d.notes["accuracy"] for d in found.values()]
    assert accuracies == sorted(accuracies, reverse=True)


def test_the_report_warns_of_its_own_figure(found):
    report = found.summary()
    assert "it may read artifacts" in report.notes[1]
    assert [row[0] for row in report.tables[0].rows] == ["0", "1", "2", "3"]
    assert [strip.pictures[0].file for strip in report.strips] == ["curves.png"]


def test_the_rotation_starts_and_stays_orthonormal():
    model = Model(12, 5, 16, seed=3)
    model.rotation.lower.data = seeded_normal([1], (12, 12))[0]
    rows = model.rotation()
    assert torch.allclose(rows @ rows.T, torch.eye(5), atol=1e-5)
    assert not torch.allclose(rows, Model(12, 5, 16, seed=3).rotation(), atol=0.1)


def test_another_seed_starts_elsewhere():
    one, other = (Model(12, 5, 16, seed=seed) for seed in (3, 4))
    assert not torch.allclose(one.rotation(), other.rotation(), atol=0.1)
    assert not torch.equal(one.reconstructor.which.weight, other.reconstructor.which.weight)


@pytest.mark.parametrize(("size", "layers"), [((8, 8), 1), ((64, 64), 4), ((20, 50), 3)])
def test_the_reconstructor_is_as_deep_as_pictures_need(size, layers):
    net = Reconstructor(7, min(size))
    assert sum(isinstance(m, nn.Conv2d) for m in net.modules()) == layers
    pictures = torch.rand(3, 3, *size, generator=torch.Generator().manual_seed(0))
    which, far = net(pictures, pictures.flip(0))
    assert which.shape == (3, 7) and far.shape == (3,)
    alone, _ = net(pictures[1:2], pictures[1:2])
    assert torch.allclose(alone, net(pictures[:2], pictures[:2])[0][1:], atol=1e-5)


def test_nothing_learnt_is_said(tmp_path):
    class Blank(Bars):
        def forward(self, batch):
            return 0 * super().forward(batch)

    operator = LearnDirections(**QUICK | {"held_out": "200-203"})
    with pytest.warns(Remark, match="nothing was learnt"):
        run_operator(operator, tmp_path, generator=Blank())


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr("interpgan_core.operators.minimising._SAVE_SECONDS", 0.0)
    operator = LearnDirections(**QUICK)
    whole = run_operator(operator, tmp_path / "whole", generator=Bars())
    with pytest.raises(Stopped):
        run_operator(operator, tmp_path / "parts", stop_after(2, "learning"), generator=Bars())
    parts = run_operator(operator, tmp_path / "parts", generator=Bars())
    assert all(torch.equal(whole[n].vector, parts[n].vector) for n in whole)
    assert whole.summary() == parts.summary()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"least": 7.0}, "give a smaller 'least'"),
        ({"count": 1}, "greater than or equal to 2"),
        ({"held_out": "200000-200009"}, "give 32 at least"),
        ({"held_out": "0-99"}, "learnt from"),
    ],
)
def test_what_is_refused_at_once(parameters, said):
    with pytest.raises(ValidationError, match=said):
        LearnDirections(**parameters)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"count": 17}, "give a 'count' of 16 at most"),
        ({"count": 4, "space": "w+"}, "one vector a layer"),
        ({"count": 4, "layers": "0-9"}, "layers 0 to 5"),
        ({"count": 4, "classes": (1,)}, "no classes"),
    ],
)
def test_what_the_check_refuses(parameters, said):
    with pytest.raises(InterpganError, match=said):
        LearnDirections(**parameters).check(toy())
