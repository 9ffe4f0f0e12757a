"""Every operator as a step of a recipe, and every promise of an operator."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from interpgan_core import ImageSet
from interpgan_core.testing import conformance, recipe_error, toy
from interpgan_metrics.distances import FrechetDistance
from interpgan_metrics.neighbours import Neighbours, PrecisionRecall
from interpgan_metrics.path_length import PathLength
from interpgan_metrics.rates import AttributeRates

# A plugin file, as a person writes it for data and an extractor of their own.
OWN = '''
from interpgan_core import ImageSet, Operator, hookimpl

class Net:
    """Features and scores: the mean colour of each quarter, and whether the picture is bright."""
    name: str = "quarters"
    size: int = 12
    names: tuple[str, ...] = ("bright", "red")

    def features(self, images):
        import torch
        return torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)

    def __call__(self, images):
        import torch
        return torch.stack([(images.mean((1, 2, 3)) > 0).float(), images[:, 0].mean((1, 2))], 1)

class Load(Operator):
    """An extractor."""
    keep = False

    def run(self) -> Net:
        return Net()

class Data(Operator):
    """Noise."""

    def run(self) -> ImageSet:
        import numpy as np
        import torch
        pixels = np.random.RandomState(0).randint(0, 256, (60, 3, 32, 32)).astype(np.uint8)
        return ImageSet(pixels, attributes=torch.zeros(60, 1), names=("bright",))

@hookimpl
def interpgan_operators():
    return {"own.net": f"{__name__}:Load", "own.data": f"{__name__}:Data"}
'''
RECIPE = """\
interpgan: 1
title: Measure a generator
steps:
  - {use: own.data, id: data}
  - {use: own.net, id: net}
  - {use: generator, weights: toy}
  - {use: metrics.fid, data: $data, features: $net, seeds: 0-39, subsets: 4, subset_size: 20}
  - {use: metrics.coverage, data: $data, features: $net, seeds: 0-39}
  - {use: metrics.neighbours, data: $data, features: $net, seeds: 0-19, shown: 2}
  - {use: metrics.path-length, features: $net, seeds: 0-9}
  - {use: metrics.rates, data: $data, scorer: $net, seeds: 0-39, numbers: [red]}
"""


def command(folder, *arguments):
    program = Path(sys.executable).parent / "interpgan-run"
    arguments = [program, "recipe.yaml", "--plugin", "own.py", "--out", "out", "--device", "cpu", *arguments]
    return subprocess.run(arguments, cwd=folder, capture_output=True, encoding="utf-8", timeout=120)


def test_a_recipe_that_uses_them_all(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    ran = command(tmp_path)
    assert ran.returncode == 0, ran.stderr
    page = (tmp_path / "out/report.html").read_text()
    shown = (
        "FID between two halves",
        "KID",
        "recall",
        "Distance to the training pictures",
        "Total variation",
    )
    assert all(words in page for words in (*shown, "Perceptual path length"))
    assert page.count("data:image/webp") >= 8
    report = json.loads(next((tmp_path / "out").glob("*-metrics-rates/report.json")).read_text())
    name, true, *_ = report["tables"][0]["rows"][0]
    assert (name, true) == ("bright", 0)
    again = command(tmp_path)
    steps = json.loads((tmp_path / "out/run.json").read_text())["steps"]
    assert again.returncode == 0 and {s["status"] for s in steps if "metrics" in s["use"]} == {"cached"}


def test_recipe_errors_do_not_wait_for_torch():
    modules = "distances, features, inception, neighbours, path_length, rates"
    code = f"import sys; from interpgan_metrics import {modules}; print(*{{'torch', 'numpy'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            "metrics.path-length, features: $g",
            "$g is a Generator, not a FeatureNet; name a step that makes a",
        ),
        (
            "metrics.path-length, features: $g, epsilon: 0",
            "'epsilon' of metrics.path-length must be more than 0",
        ),
        ("metrics.path-length, feature: $g", "no parameter 'feature'; did you mean 'features'?"),
        ("metrics.rates, data: $g, scorer: $g", "$g is a Generator, not a ImageSet"),
        ("metrics.inception, weights: none.pth", "there is no file none.pth"),
    ],
)
def test_a_wrong_parameter(tmp_path, step, message):
    text = f"interpgan: 1\nsteps:\n  - {{use: generator, weights: toy, id: g}}\n  - {{use: {step}}}\n"
    assert message in recipe_error(text, tmp_path)


class Net:
    """Features and scores of toy pictures."""

    name, size, names = "quarters", 12, ("bright", "red")

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


DATA = ImageSet(np.random.RandomState(0).randint(0, 256, (30, 3, 32, 32)).astype(np.uint8))
BOTH = {"data": DATA, "features": Net(), "seeds": "0-14"}

test_fid = conformance(FrechetDistance(**BOTH, subsets=3, subset_size=10), toy)
test_coverage = conformance(PrecisionRecall(**BOTH), toy)
test_neighbours = conformance(Neighbours(**BOTH, shown=2), toy)
test_path_length = conformance(PathLength(features=Net(), seeds="0-4", space="z", sampling="end"), toy)
test_rates = conformance(AttributeRates(data=DATA, scorer=Net(), seeds="0-14", numbers=("red",)), toy)
