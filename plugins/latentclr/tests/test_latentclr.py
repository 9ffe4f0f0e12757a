"""Planted axes that are found, and what people type wrongly."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import Generator, InterpganError, LatentSpace, seeded_normal
from interpgan_core.testing import Stopped, conformance, plugin_conformance, run_operator, stop_after, toy
from interpgan_latentclr.operators import FindDirections, LearnMovers

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
QUICK = {"count": 3, "steps": 3, "batch_size": 2, "layer": "layers.1"}

test_plugin = plugin_conformance("latentclr")
test_directions = conformance(FindDirections(**QUICK), toy)
test_movers = conformance(LearnMovers(**QUICK), toy)
test_networks = conformance(LearnMovers(**QUICK, kind="mlp", space="z"), toy)


class _Maps(torch.nn.Module):
    """Each axis of a code makes one channel grow, faster the larger it is."""

    def __init__(self, size):
        super().__init__()
        axes = torch.linalg.qr(seeded_normal(range(size), (size,))).Q
        self.register_buffer("axes", axes)
        self.register_buffer("patterns", seeded_normal(range(size), (4, 4), 1))
        self.layer = torch.nn.Identity()

    def forward(self, codes):
        return self.layer((codes @ self.axes.T).exp()[:, :, None, None] * self.patterns)


class Planted(Generator):
    """Codes whose axes are known, as they are all one needs to draw."""

    fingerprint = "planted0"
    layers = ("layer",)

    def __init__(self, size=4):
        self.module = _Maps(size).requires_grad_(False)
        self.spaces = {"z": LatentSpace("z", (size,))}

    def prior(self, seeds):
        return seeded_normal(seeds, self.spaces["z"].shape)

    def map(self, codes, source, target, labels):
        raise AssertionError("there is one space")

    def forward(self, batch):
        return self.module(batch.codes).sum(1, keepdim=True).expand(-1, 3, -1, -1)


def matched(axes, vectors):
    """The absolute cosine of each axis with the vector that is nearest to it, each vector once."""
    near = (torch.nn.functional.normalize(vectors.float(), dim=1) @ axes.T).abs()
    found = []
    for _ in range(len(axes)):
        row, column = divmod(int(near.argmax()), near.shape[1])
        found.append(float(near[row, column]))
        near[row], near[:, column] = -1, -1
    return found


PLANTED = {"count": 4, "steps": 200, "batch_size": 6, "rate": 0.05}


def test_planted_axes_are_found(tmp_path):
    planted = Planted()
    found = run_operator(FindDirections(**PLANTED), tmp_path, generator=planted)
    assert min(matched(planted.module.axes, torch.stack([d.vector for d in found.values()]))) > 0.99
    notes = [direction.notes for direction in found.values()]
    agreements = [each["agreement"] for each in notes]
    assert agreements == sorted(agreements, reverse=True) and min(agreements) > 0.95
    assert max(each["overlap"] for each in notes) < 0.1
    assert all(each["sigma"] == pytest.approx(1, abs=0.1) for each in notes)


def test_networks_find_them_too(tmp_path):
    """Their ways are the same from everywhere, where that is right, and each is 1 long."""
    planted = Planted()
    of = PLANTED | {"rate": 0.02, "kind": "mlp"}
    movers = run_operator(LearnMovers(**of), tmp_path, generator=planted)
    batch = planted.sample(range(32))
    ways = torch.stack(
        [m.moved(batch.codes, torch.ones(32), batch.space) - batch.codes for m in movers.values()]
    )
    torch.testing.assert_close(ways.norm(dim=2), torch.ones(4, 32))
    near = (ways @ planted.module.axes.T).abs().mean(1)
    assert sorted(near.argmax(1).tolist()) == [0, 1, 2, 3] and float(near.amax(1).min()) > 0.9


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    operator = LearnMovers(**QUICK | {"steps": 6})
    whole = run_operator(operator, tmp_path / "whole", generator=toy())
    monkeypatch.setattr("interpgan_latentclr.contrast._SAVE_SECONDS", 0.0)
    with pytest.raises(Stopped):
        run_operator(operator, tmp_path / "parts", stop_after(3), generator=toy())
    parts = run_operator(operator, tmp_path / "parts", generator=toy())
    for name, tensor in whole["0"].weights.items():
        assert torch.equal(tensor, parts["0"].weights[name]), name
    assert whole["0"].curve == parts["0"].curve


WRONG = [
    ({"count": 1}, "greater than or equal to 2"),
    ({"batch_size": 1}, "greater than or equal to 2"),
    ({"temperature": 0.0}, "greater than 0"),
    ({"alpha": -1.0}, "greater than 0"),
    ({"kind": "global"}, "linear"),
]


@pytest.mark.parametrize(("parameters", "message"), WRONG, ids=[next(iter(p)) for p, _ in WRONG])
def test_wrong_parameters(parameters, message):
    with pytest.raises((ValidationError, InterpganError), match=message):
        LearnMovers(**parameters)


def test_wrong_layers_and_spaces():
    with pytest.raises(InterpganError, match=r"no layer 'layers\.9'"):
        FindDirections(layer="layers.9").check(toy())
    with pytest.raises(InterpganError, match=r"a code of w\+ is"):
        FindDirections(space="w+").check(toy())


@pytest.mark.long
def test_the_recipe_of_the_readme(tmp_path):
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    (tmp_path / "recipe.yaml").write_text(text)
    command = [Path(sys.executable).parent / "interpgan-run", "recipe.yaml", "--device", "cpu"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert "alike: two ways" in (tmp_path / "out/recipe/report.html").read_text()
