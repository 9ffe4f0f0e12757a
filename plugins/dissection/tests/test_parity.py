"""The formulas against the answers of the original code, gandissect (see README.md there)."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from interpgan_dissection.information import (
    joint,
    joint_entropy,
    mutual_information,
    quality_ratio,
    union_ratio,
)
from interpgan_dissection.tally import Scale, Tally, upsampled
from interpgan_dissection.thresholds import cut_by_information

FOLDER = Path(os.environ.get("INTERPGAN_PARITY2", Path(__file__).parents[4] / "shared" / "parity2"))
pytestmark = pytest.mark.parity


@pytest.fixture(scope="module")
def answers():
    if not (FOLDER / "gandissect_open.npz").exists():
        pytest.skip("the answers of the original code are not beside this checkout")
    facts = json.loads((FOLDER / "gandissect_open.json").read_text())["ctor"]
    with np.load(FOLDER / "gandissect_open.npz") as file:
        return facts, {name: torch.from_numpy(file[name]) for name in file.files}


def close(found, expected, tolerance=1e-12):
    assert found.shape == expected.shape
    assert float((found.double() - expected.double()).abs().max()) <= tolerance


def test_entropies_of_a_joint_distribution(answers):
    _, given = answers
    shares = given["formula/joint"]
    close(mutual_information(shares), given["formula/mi"])
    close(joint_entropy(shares), given["formula/je"])
    close(quality_ratio(shares), given["formula/iqr"])


def test_upsampling_has_the_geometry_that_was_meant(answers):
    _, given = answers
    close(upsampled(given["in/maps"][:2, :3], 32, 32), given["upsampled2"])


@pytest.mark.parametrize(
    ("level", "name"), [("level_quantile", "fixed_level"), ("level2_quantile", "fixed_level2")]
)
def test_counts_union_and_ratio_at_a_level(answers, level, name):
    """With several categories, units count only in pictures where the category occurs, for the union."""
    facts, given = answers
    on = upsampled(given["in/maps"], 32, 32) > given[level].view(1, -1, 1, 1)
    categories = [
        facts["categories"].index(category) if category != "-" else 0 for _, category in facts["labels"]
    ]
    for label, category in enumerate(categories[1:], start=1):
        seg = given["in/seg"][:, category]
        part, occurs = seg == label, (seg > 0).flatten(1).any(1)
        both = (on & part[:, None]).sum((0, 2, 3))
        assert (both == given[f"{name}/intersection_counts"][label]).all()
        counted = on[occurs].sum((0, 2, 3))
        assert (counted == given[f"{name}/category_activation_counts"][category]).all()
        close(union_ratio(both, counted, part.sum()), given[f"{name}/iou"][label])
        shares = joint(both, on.sum((0, 2, 3)), part.sum(), float(part.numel()))
        close(quality_ratio(shares), given[f"{name}/iqr"][label])


@pytest.mark.parametrize("category", [0, 1])
def test_the_highest_ratio_and_its_level(answers, category):
    """The original's is of float32 quantiles; ours of 2,048 levels, at which counts are exact."""
    facts, given = answers
    maps, seg = given["in/maps"].float(), given["in/seg"][:, category].long()
    tally = Tally(Scale.of(maps), len(facts["labels"]), 3)
    tally.add(maps, seg, torch.arange(len(maps)))
    found = cut_by_information(tally.scale, tally.reached())
    own = [i for i, (_, name) in enumerate(facts["labels"]) if name == facts["categories"][category]]
    close(found.ratio[:, own].T, given["iqr/max_iqr"][own], 2e-3)
    told = given["iqr/max_iqr"][own] > 0.01
    assert told.any()
    close(found.best_union[:, own].T[told], given["iqr/max_iqr_iou"][own][told], 0.01)


def test_the_strongest_samples(answers):
    _, given = answers
    maps = given["in/maps"].float()
    tally = Tally(Scale.of(maps), 1, 3)
    for start in range(0, len(maps), 5):
        some = maps[start : start + 5]
        tally.add(
            some, torch.zeros(len(some), 8, 8, dtype=torch.int64), torch.arange(start, start + len(some))
        )
    close(tally.top_values, given["topk_values"], 1e-6)
    assert (tally.top_seeds == given["topk_images"]).all()
