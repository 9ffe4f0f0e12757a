"""A planted basis that is found, the toy, and what people type wrongly."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from interpgan_core import Generator, InterpganError, LatentSpace, seeded_normal
from interpgan_core.testing import (
    Stopped,
    conformance,
    plugin_conformance,
    run_operator,
    stop_after,
    toy,
)
from interpgan_hessian.operators import LearnBasis

TURN = torch.linalg.qr(seeded_normal([5], (4, 4))[0]).Q


class Turned(Generator):
    """Four bars, each of its own curve of one entry of the turned code."""

    fingerprint = "turned"
    layers = ("0",)

    def __init__(self):
        self.module = nn.Sequential(nn.Identity()).eval()
        self.spaces = {"z": LatentSpace("z", (4,))}

    def prior(self, seeds):
        return seeded_normal(seeds, (4,))

    def map(self, codes, source, target, labels):
        return codes

    def forward(self, batch):
        turned = batch.codes @ TURN.T
        bars = torch.stack([turned[:, 0].square(), turned[:, 1].cos(), turned[:, 2].tanh(), turned[:, 3]], 1)
        bars = bars * torch.tensor([0.2, 0.5, 0.8, 0.1])
        return self.module(bars[:, None, None].expand(-1, 3, 4, -1))


QUICK = {"steps": 3, "batch_size": 2, "seeds": "0-99", "held_out": "200-201"}

test_plugin = plugin_conformance("hessian")
test_conformance = pytest.mark.long(conformance(LearnBasis(count=4, **QUICK), toy))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    operator = LearnBasis(steps=150, batch_size=8, rate=0.05, reduction="mean", held_out="20000-20015")
    return run_operator(operator, tmp_path_factory.mktemp("found"), generator=Turned())


def test_a_planted_basis_is_found(found):
    """Up to order and sense: each direction is one of the generator's own."""
    rows = torch.stack([d.vector for d in found.values()])
    cosines = (rows.float() @ TURN.T).abs()
    assert float(cosines.amax(1).min()) > 0.97
    assert sorted(cosines.argmax(1).tolist()) == [0, 1, 2, 3]


def test_the_report_says_how_far_the_penalty_fell(found):
    report = found.summary()
    (_, before, _), (_, after, share) = report.tables[0].rows
    assert after / before == share < 0.1
    changes = [row[1] for row in report.tables[1].rows]
    assert changes == sorted(changes, reverse=True)
    assert [strip.pictures[0].file for strip in report.strips] == ["curves.png"]


def test_activations_in_place_of_the_picture(tmp_path):
    picture, maps = (
        run_operator(
            LearnBasis(**QUICK, outputs=outputs), tmp_path / outputs[0], generator=Turned()
        )  # its one layer is the picture
        for outputs in (("picture",), ("0",))
    )
    assert all(torch.equal(picture[n].vector, maps[n].vector) for n in picture)


def test_what_bends_nowhere_is_refused(tmp_path):
    class Constant(Turned):
        def forward(self, batch):
            return super().forward(batch) * 0

    with pytest.raises(InterpganError, match="any basis is as good"):
        run_operator(LearnBasis(**QUICK), tmp_path, generator=Constant())


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr("interpgan_core.operators.minimising._SAVE_SECONDS", 0.0)
    operator = LearnBasis(**QUICK)
    whole = run_operator(operator, tmp_path / "whole", generator=Turned())
    with pytest.raises(Stopped):
        run_operator(operator, tmp_path / "parts", stop_after(2, "learning"), generator=Turned())
    parts = run_operator(operator, tmp_path / "parts", generator=Turned())
    assert all(torch.equal(whole[n].vector, parts[n].vector) for n in whole)
    assert whole.summary() == parts.summary()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"count": 1}, "greater than or equal to 2"),
        ({"moves": 1}, "greater than or equal to 2"),
        ({"outputs": ("picture", "picture")}, "names one twice"),
        ({"held_out": "0-9"}, "learnt from"),
    ],
)
def test_what_is_refused_at_once(parameters, said):
    with pytest.raises(ValidationError, match=said):
        LearnBasis(**parameters)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"count": 17}, "give a 'count' of 16 at most"),
        ({"outputs": ("layers.9",)}, "no layer 'layers.9'"),
        ({"space": "w+"}, "one vector a layer"),
        ({"layers": "0-9"}, "layers 0 to 5"),
        ({"classes": (1,)}, "no classes"),
    ],
)
def test_what_the_check_refuses(parameters, said):
    with pytest.raises(InterpganError, match=said):
        LearnBasis(**parameters).check(toy())
