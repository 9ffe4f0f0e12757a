"""The operator, on generators of every shape."""

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import write_tiny
from pydantic import ValidationError

from interpgan_core import Generator, InterpganError, LatentSpace, load_generator, quiet, seeded_normal
from interpgan_core.testing import conformance, plugin_conformance, recipe_error, toy
from interpgan_ganspace.operators import BLOCK, FindComponents

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

test_plugin = plugin_conformance("ganspace")
test_of_codes = conformance(FindComponents(count=5, seeds="0-99"), toy)
test_of_activations = conformance(FindComponents(space="z", count=5, seeds="0-299"), toy)
test_of_styles = conformance(FindComponents(space="s", count=5, seeds="0-99"), toy)


def found(generator, **parameters):
    return FindComponents(**{"seeds": "0-999", "count": 5, **parameters}).run(generator, quiet)


class Planted(Generator):
    """Codes of w, stretched along known axes away from the origin; no images."""

    fingerprint = "planted"

    def __init__(self, size=12):
        self.module = torch.nn.Identity()
        self.spaces = {name: LatentSpace(name, (size,)) for name in ("z", "w")}
        self.spaces["w+"] = LatentSpace("w+", (3, size), torch.arange(3)[:, None], base="w")
        self.axes = torch.linalg.qr(seeded_normal(range(size), (size,))).Q
        self.sigmas = torch.linspace(3, 0.5, size)

    def prior(self, seeds):
        return seeded_normal(seeds, self.spaces["z"].shape)

    def map(self, codes, source, target, labels):
        return codes * self.sigmas @ self.axes + 7

    def forward(self, batch):
        raise AssertionError("components of codes need no images")


def test_planted_axes_are_found():
    planted = Planted()
    directions = found(planted, seeds="0-19999", count=12)
    for i, (name, one) in enumerate(directions.items()):
        assert name == str(i)
        assert (one.space, one.layers, one.generator) == ("w", "all", "planted")
        assert abs(float(one.vector @ planted.axes[i].double())) > 0.99
        assert one.notes["sigma"] == pytest.approx(float(planted.sigmas[i]), rel=0.03)
        assert one.vector[one.vector.abs().argmax()] > 0
    shares = [one.notes["variance_share"] for one in directions.values()]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)


def test_the_plane_passes_the_mean():
    """So that `place` counts from the mean, which in w is not 0."""
    planted = Planted()
    (one,) = found(planted, count=1).values()
    codes = torch.cat([batch.codes for batch in planted.stream(range(1000), space="w")])
    distances = one.distance(codes)
    assert float(distances.mean()) == pytest.approx(0, abs=1e-5)
    assert float(distances.std()) == pytest.approx(one.notes["sigma"], rel=1e-5)


def test_no_batch_is_larger_than_a_block():
    class Watched(Planted):
        largest = 0

        def prior(self, seeds):
            self.largest = max(self.largest, len(seeds))
            return super().prior(seeds)

    watched = Watched()
    found(watched, seeds="5-3004")
    assert watched.largest == BLOCK


def test_in_z_they_move_the_first_layer_most():
    """A unit along the first changes the first layer's map more than a unit along any other direction."""
    generator = toy()
    first = found(generator, space="z", seeds="0-3999", count=3)["0"]
    layer = generator.layers[0]
    batch = generator.sample(range(200))
    before = generator.features(batch, [layer])[layer]

    def change(vector):
        after = generator.features(replace(batch, codes=batch.codes + vector.float()), [layer])[layer]
        return float((after - before).square().mean())

    others = torch.nn.functional.normalize(seeded_normal(range(40), (16,)))
    assert change(first.vector) > max(map(change, others))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny.write(folder)
    return folder


FILES = {
    "pggan.pth": "z",
    "stylegan1.pth": "w",
    "stylegan2.pth": "w",
    "stylegan3.pkl": "w",
    "biggan.pth": "z",
    "biggan-deep": "z",
    "dcgan.pth": "z",
    "lucidrains.pt": "w",
    "r3gan.pkl": "z",
    "alae.pth": "w",
    "projected.pt": "z",
}


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
def test_every_family(tiny, name):
    generator = load_generator(tiny / name)
    directions = found(generator, seeds="0-299", count=3)
    assert [d.space for d in directions.values()] == 3 * [FILES[name]]
    assert all(d.generator == generator.fingerprint for d in directions.values())


def test_one_class():
    """The samples are those of that class alone."""
    generator = type(toy())(classes=2)
    batch = generator.sample(range(1000), torch.tensor([[0.0, 1.0]]).expand(1000, -1))
    codes = generator.to_space(batch, "w").codes.double()
    axes = torch.linalg.svd(codes - codes.mean(0)).Vh
    assert abs(float(found(generator, classes=(1,))["0"].vector @ axes[0])) > 1 - 1e-9
    assert abs(float(found(generator)["0"].vector @ axes[0])) < 1 - 1e-6
    with pytest.raises(InterpganError, match="this generator has no classes"):
        found(toy(), classes=(0,))
    with pytest.raises(InterpganError, match="there is no class 9; they are 0-1"):
        found(type(toy())(classes=2), classes=(9,))


def test_wrong_spaces():
    with pytest.raises(InterpganError, match=r"no space 'W'; there are: w, w\+, z"):
        found(Planted(), space="W")
    with pytest.raises(
        InterpganError, match=r"a code of w\+ is \(3, 12\), one vector a layer; .* such as w, and"
    ):
        found(Planted(), space="w+")
    with pytest.raises(InterpganError, match=r"names no layer whose activations .* choose a later space"):
        found(Planted(), space="z")


WRONG = [
    ({"count": 0}, "greater than or equal to 1"),
    ({"count": 2.0}, "valid integer"),
    ({"seeds": "9-3"}, "runs backwards"),
    ({"classes": (1, 2)}, "at most 1 item"),
    ({"components": 9}, "not permitted"),
]


@pytest.mark.parametrize(("parameters", "message"), WRONG, ids=[next(iter(p)) for p, _ in WRONG])
def test_wrong_parameters(parameters, message):
    with pytest.raises((ValidationError, InterpganError), match=message):
        FindComponents(**parameters)


def test_a_wrong_parameter_in_a_recipe(tmp_path):
    text = "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: ganspace, cuont: 5}\n"
    assert "recipe.yaml:4:21: ganspace has no parameter 'cuont'; did you mean 'count'?" in recipe_error(
        text, tmp_path
    )


@pytest.mark.long
def test_the_recipe_of_the_readme(tmp_path):
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    (tmp_path / "recipe.yaml").write_text(text)
    command = [Path(sys.executable).parent / "interpgan-run", "recipe.yaml", "--device", "cpu"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert "variance_share" in (tmp_path / "out/recipe/report.html").read_text()
