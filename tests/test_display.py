"""What objects show of themselves: one short line, and in a notebook their tables and pictures."""

import numpy as np
import pytest
import torch

from interpgan_core import (
    Direction,
    DirectionSet,
    ImageSet,
    InterpganError,
    LoadGenerator,
    Render,
    RenderSamples,
    Report,
    Save,
    Score,
    Scores,
    Table,
    Walk,
    quiet,
    run,
)
from interpgan_core.testing import toy

TOY = toy()
SMILE = Direction(torch.eye(16)[0], "w", layers="0-3", notes={"sigma": 1.5})
SCORES = Scores(torch.arange(3), torch.tensor([[0.5], [1.0], [0.25]]), ("smile <b>",))
PICTURES = ImageSet(np.zeros((20, 3, 16, 8), np.uint8), torch.zeros(20, dtype=torch.long), ("a",))


class Brightness:
    names = ("brightness",)

    def __call__(self, images):
        return images.mean((1, 2, 3))[:, None]


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
    """With its pictures; those of a step that was run without a folder are kept until the process ends."""
    report = Render().run(TOY, TOY.sample([1, 2]))
    assert repr(report) == "<Report '': 2 pictures, 0 tables, 0 notes>"
    assert report._repr_html_().count('<img src="data:image/webp;base64,') == 2
    assert report.folder and len(list(report.folder.glob("*_seed-*.png"))) == 2
    video = Walk(direction=SMILE, strengths=(0, 3)).run(TOY.sample([1]), TOY)
    assert '<video src="data:video/mp4;base64,' in Render(motion="mp4").run(TOY, video)._repr_html_()
    made = Render().run(TOY, TOY.sample([1]), tmp_path, quiet)
    made.save(tmp_path)
    loaded = Report.load(tmp_path)
    assert (loaded, loaded.folder, made.folder) == (made, tmp_path, tmp_path)
    assert (
        loaded._repr_html_() == made._repr_html_()
        and str(tmp_path) not in (tmp_path / "report.json").read_text()
    )


def test_operators_are_run_with_nothing_but_what_they_work_on():
    assert len(Score(seeds="0-3", scorer=Brightness()).run(TOY).seeds) == 4
    assert RenderSamples(seeds="1,2").run(generator=TOY).folder.is_dir()
    assert LoadGenerator(weights="toy").run().fingerprint == TOY.fingerprint
    with pytest.raises(InterpganError, match=r"into which folder\? Save\(...\).run\(Path\('results'\)\)"):
        Save(file="x.csv", what=SCORES).run()


def test_run_takes_a_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "walk.yaml").write_text(
        "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: sample, seeds: [1]}\n"
    )
    page = run("walk.yaml", device="cpu")
    assert page._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html')
    assert page.resolve() == tmp_path / "out/walk/report.html"
    assert run(tmp_path / "walk.yaml", "elsewhere", device="cpu").is_file()
