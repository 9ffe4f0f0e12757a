"""What objects show of themselves: one short line, and in a notebook their tables and pictures."""

import numpy as np
import pytest
import torch

from interpgan_core import Direction, DirectionSet, ImageSet, Render, Report, Scores, Table, quiet, run
from interpgan_core.testing import toy

TOY = toy()
SMILE = Direction(torch.eye(16)[0], "w", layers="0-3", notes={"sigma": 1.5})
SCORES = Scores(torch.arange(3), torch.tensor([[0.5], [1.0], [0.25]]), ("smile <b>",))
PICTURES = ImageSet(np.zeros((20, 3, 16, 8), np.uint8), torch.zeros(20, dtype=torch.long), ("a",))
OBJECTS = {
    "<LatentBatch: 5 codes of z (16,): seed 0, seed 1, seed 2, seed 3, …>": TOY.sample(range(5)),
    "<LatentBatch: 1 codes of w (16,): seed 7>": TOY.to_space(TOY.sample([7]), "w"),
    f"<ToyGenerator {TOY.fingerprint}: z → w → w+ → s, 6 layers>": TOY,
    "<Direction of w, (16,), layers 0-3>": SMILE,
    "<DirectionSet: smile, age>": DirectionSet({"smile": SMILE, "age": SMILE}),
    "<Scores: 3 samples, smile <b>>": SCORES,
    "<ImageSet: 20 pictures of 16 x 8 pixels, 1 classes>": PICTURES,
    "<Report 'Means': 0 pictures, 1 tables, 0 notes>": Report("Means", tables=(Table("t", ("a",), ((1,),)),)),
}


@pytest.mark.parametrize("expected", OBJECTS)
def test_one_short_line(expected):
    assert repr(OBJECTS[expected]) == expected


def test_tables_in_a_notebook():
    html = SCORES._repr_html_()
    assert html.count("<tr>") == 2 and "smile &lt;b&gt;" in html and "<b>" not in html
    assert "<td>smile</td>" in DirectionSet({"smile": SMILE})._repr_html_()
    report = Report("A & B", tables=(Table("t", ("x",), ((None,), (0.123456,)), "note"),), notes=("<i>",))
    html = report._repr_html_()
    assert (
        "A &amp; B" in html
        and "<td>–</td>" in html
        and "<td>0.1235</td>" in html
        and "<p>&lt;i&gt;</p>" in html
    )


def test_pictures_in_a_notebook():
    html = PICTURES._repr_html_()
    assert html.startswith("<p>&lt;ImageSet: 20 pictures") and 'src="data:image/png;base64,' in html


def test_a_report_of_a_step_in_a_notebook(tmp_path):
    report = Render().run(TOY, TOY.sample([1, 2]), tmp_path, quiet)
    assert repr(report) == "<Report '': 2 pictures, 0 tables, 0 notes>"


def test_run_takes_a_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "walk.yaml").write_text(
        "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: sample, seeds: [1]}\n"
    )
    assert run("walk.yaml", device="cpu").resolve() == tmp_path / "out/walk/report.html"
    assert run(tmp_path / "walk.yaml", "elsewhere", device="cpu").is_file()
