"""Every operator as a step of a recipe, and every promise of an operator."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from interpgan_core import ImageSet
from interpgan_core.testing import conformance, plugin_conformance, recipe_error, toy
from interpgan_metrics.fid import FrechetDistance
from interpgan_metrics.neighbours import Neighbours
from interpgan_metrics.path_length import PathLength
from interpgan_metrics.precision_recall import PrecisionRecall
from interpgan_metrics.rates import AttributeRates

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FEW = {
    "fid": {"seeds": "0-39", "subsets": 4, "subset_size": 20},
    "coverage": {"seeds": "0-39"},
    "paths": {"seeds": "0-9"},
    "rates": {"seeds": "0-39"},
    "copies": {"seeds": "0-19", "shown": 2},
}


def run_readme(folder):
    """The recipe of the README as it stands, with fewer samples."""
    program = Path(sys.executable).parent / "interpgan-run"
    few = [f"--set={step}.{name}={value}" for step, fields in FEW.items() for name, value in fields.items()]
    arguments = [program, "recipe.yaml", "--plugin", "own.py", "--out", "out", "--device", "cpu", *few]
    return subprocess.run(arguments, cwd=folder, capture_output=True, encoding="utf-8", timeout=120)


@pytest.mark.long
def test_the_recipe_of_the_readme(tmp_path):
    for name, text in re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", README, re.DOTALL):
        (tmp_path / name).write_text(text)
    np.save(tmp_path / "pictures.npy", noise(60))
    ran = run_readme(tmp_path)
    assert ran.returncode == 0, ran.stderr
    page = (tmp_path / "out/report.html").read_text()
    for words in ("FID between two", "KID", "recall", "path length", "Total variation", "training pictures"):
        assert words in page
    assert page.count("data:image/webp") >= 2 * 4  # two samples, each with its three nearest
    report = json.loads(next((tmp_path / "out").glob("*-rates/report.json")).read_text())
    assert report["tables"][0]["rows"][0][0] == "bright"
    assert report["tables"][2]["rows"][0][0] == "red"
    again = run_readme(tmp_path)
    steps = json.loads((tmp_path / "out/run.json").read_text())["steps"]
    assert again.returncode == 0
    assert {step["status"] for step in steps if step["use"].startswith("metrics.")} == {"cached"}


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            "metrics.path-length, features: $g",
            "$g is a Generator, not a FeatureNet; name a step that makes a",
        ),
        ("metrics.path-length, feature: $g", "no parameter 'feature'; did you mean 'features'?"),
        ("metrics.rates, data: $g, scorer: $g", "$g is a Generator, not a ImageSet"),
        ("metrics.inception, weights: none.pth", "there is no file none.pth"),
    ],
)
def test_a_wrong_parameter(tmp_path, step, message):
    text = f"interpgan: 1\nsteps:\n  - {{use: generator, weights: toy, id: g}}\n  - {{use: {step}}}\n"
    assert message in recipe_error(text, tmp_path)


def noise(count):
    return np.random.RandomState(0).randint(0, 256, (count, 3, 32, 32)).astype(np.uint8)


class Net:
    """Features and scores of toy pictures."""

    name, names = "quarters", ("bright", "red")

    def features(self, images):
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)

    def __call__(self, images):
        return torch.stack([(images.mean((1, 2, 3)) > 0).float(), images[:, 0].mean((1, 2))], 1)


@pytest.mark.parametrize(
    ("operator", "wrong"),
    [
        (FrechetDistance, {"subsets": 0}),
        (FrechetDistance, {"kid": "yes"}),
        (FrechetDistance, {"real": 0}),
        (PrecisionRecall, {"k": 1.5}),
        (Neighbours, {"shown": -1}),
        (PathLength, {"epsilon": 0}),
        (PathLength, {"space": "s"}),
        (AttributeRates, {"threshold": float("nan")}),
        (AttributeRates, {"batch_size": 0}),
    ],
)
def test_a_value_out_of_bounds(operator, wrong):
    given = {"data": DATA, "features": Net(), "scorer": Net()}
    given = {name: value for name, value in given.items() if name in operator.model_fields}
    with pytest.raises(ValidationError) as raised:
        operator(**given, **wrong)
    assert {error["loc"][0] for error in raised.value.errors()} == set(wrong)
    operator(**given)


DATA = ImageSet(noise(30))
BOTH = {"data": DATA, "features": Net(), "seeds": "0-14"}

test_plugin = plugin_conformance("metrics")
test_fid = conformance(FrechetDistance(**BOTH, subsets=3, subset_size=10), toy)
test_coverage = conformance(PrecisionRecall(**BOTH), toy)
test_neighbours = conformance(Neighbours(**BOTH, shown=2), toy)
test_path_length = conformance(PathLength(features=Net(), seeds="0-4", space="z", sampling="end"), toy)
test_rates = conformance(AttributeRates(data=DATA, scorer=Net(), seeds="0-14", numbers=("red",)), toy)
