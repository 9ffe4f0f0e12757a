"""The steps together: what the README says, and edits of pictures beside the originals."""

import json
import re
from pathlib import Path

import pytest
import torch

from interpgan_core import ImageSet, InterpganError, LatentBatch, make_plan, run
from interpgan_core.testing import conformance, plugin_conformance, toy
from interpgan_inversion.compare import Compare
from interpgan_inversion.editability import Editability
from interpgan_inversion.indomain import InvertInDomain
from interpgan_inversion.invert import Invert
from interpgan_inversion.pivotal import Tune
from interpgan_inversion.train_encoder import TrainEncoder

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def two():
    pixels = torch.zeros(2, 3, 32, 32, dtype=torch.uint8).numpy()
    return ImageSet(pixels)


class Brightness:
    names = ("bright",)

    def __call__(self, images):
        return images.mean((1, 2, 3))[:, None]


test_compare = conformance(Compare(pictures=two(), batches={"drawn": toy().sample([1, 2])}), toy)


def test_edits_stand_beside_the_originals(kit, tmp_path):
    pictures, batch = kit.drawn(toy(), [1, 2]), toy().sample([1, 2])
    step = Compare(pictures=pictures, batches={"same": batch, "others": toy().sample([3, 4])})
    report, _ = kit.run(step, tmp_path)
    assert [p.caption for p in report.strips[1].pictures] == ["original", "same", "others"]
    (table,) = report.tables
    assert [row[0] for row in table.rows][:2] == ["picture 0, same", "picture 0, others"]
    assert table.rows[0][1] == pytest.approx(100) and table.rows[1][1] < 30
    step = Compare(pictures=pictures, batches={"same": batch}, scorer=Brightness())
    (table,) = kit.run(step, tmp_path)[0].tables
    means = [float(image.mean()) for image in toy().images(batch)]
    assert table.columns[-1] == "bright"
    assert [row[-1] for row in table.rows][:2] == pytest.approx(means, abs=0.01)
    with pytest.raises(
        InterpganError, match="'one' has 1 codes, and there are 2 pictures; compare batches of one"
    ):
        kit.run(Compare(pictures=pictures, batches={"one": batch[0]}), tmp_path)


@pytest.mark.long
def test_a_recipe_from_pictures_to_edits(kit, tmp_path):
    """Inverted codes go where sampled ones go; cached, they are not sought again."""
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for i, pixels in enumerate(kit.drawn(toy(), [100, 101]).pixels):
        Image.fromarray(pixels.transpose(1, 2, 0)).save(tmp_path / f"photos/{i}.png")
    (tmp_path / "recipe.yaml").write_text(
        """
interpgan: 1
title: Everything composes
steps:
  - {use: generator, weights: toy}
  - {use: inversion.encoder, id: encoder, space: w, steps: 30, width: 8}
  - {use: inversion.encode, id: near, pictures: photos, encoder: $encoder}
  - {use: inversion, id: me, pictures: photos, start: $near, space: w, steps: 20}
  - {use: sefa, id: semantics}
  - {use: shift, id: moved, direction: $semantics.0, strength: 1, layers: 0-2}
  - {use: inversion.compare, pictures: photos, batches: {inverted: $me, moved: $near}}
  - {use: sample, id: others, seeds: 1-2}
  - {use: mix, batch: $me, source: $others, layers: 3-5}
  - {use: render}
"""
    )
    for status in ("ran", "cached"):
        run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu")
        steps = {s["id"]: s for s in json.loads((tmp_path / "out/run.json").read_text())["steps"]}
        assert steps["me"]["status"] == status
    folder = tmp_path / "out" / steps["me"]["folder"]
    assert len(LatentBatch.load(folder, toy())) == 2
    assert "Codes of w, 20 steps." in (tmp_path / "out/report.html").read_text()


@pytest.mark.parametrize(
    ("use", "operator"),
    [
        ("inversion", Invert),
        ("inversion.pivotal", Tune),
        ("inversion.encoder", TrainEncoder),
        ("inversion.indomain", InvertInDomain),
        ("inversion.editability", Editability),
    ],
)
def test_every_parameter_stands_in_the_readme(use, operator):
    section = README.partition(f"### `{use}`")[2].partition("\n###")[0]
    rows = "\n".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))
    shared = {
        "pictures",
        "fit",
        "unreadable",
        "perceptual",
        "perceptual_weight",
        "identity",
        "identity_weight",
    }
    said, known = re.findall(r"`(\w+)`", rows), operator.model_fields
    assert [name for name in said if name not in shared] == [name for name in known if name not in shared]


test_plugin = plugin_conformance("inversion")
