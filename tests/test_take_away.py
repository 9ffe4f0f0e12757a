"""The four recipes of the README for figures, motion, sweeps and tables: short, and each file opened."""

import csv
import re
import zlib
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from interpgan_core import run

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("### Figures, motion, sweeps, tables")[2].partition("\n### ")[0]
RECIPES = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)


def ran(words, folder):
    """The folder of the last step of the recipe that has these words."""
    (recipe,) = [recipe for recipe in RECIPES if words in recipe]
    (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
    page = run(folder / "recipe.yaml", folder / "out", device="cpu")
    return sorted(path for path in page.parent.iterdir() if re.match(r"\d\d-", path.name))[-1]


def drawn_in(pdf):
    """How many pictures the one page of a PDF draws, and its words, which are text in it."""
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")
    assert re.findall(rb"/Count (\d+)", content) == [b"1"]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL):
        with suppress(zlib.error):
            page = zlib.decompress(stream)
            if b"BT\n" in page:
                lines = re.findall(rb"BT\n(.*?)ET\n", page, re.DOTALL)
                words = [b"".join(re.findall(rb"\((.*?)\)", line)).decode("utf-16-be") for line in lines]
                return page.count(b" Do"), words
    raise AssertionError("no page of this PDF has text")


def test_they_are_short():
    assert len(RECIPES) == 4
    assert all(len(recipe.splitlines()) <= 8 for recipe in RECIPES)


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "rows", "columns", "labels"),
    [
        ("count: 10", 10, 5, ["-3", "+1.5", *(f"direction {k}" for k in range(10))]),
        ("{hair:", 3, 2, ["-4", "+4", "layers 0-1", "layers 4-8"]),
    ],
)
def test_a_figure_has_its_rows_and_labels(tmp_path, words, rows, columns, labels):
    folder = ran(words, tmp_path)
    assert len(list(folder.glob("*_seed-2*.png"))) == rows * columns
    with Image.open(folder / "figure.png") as figure:
        assert figure.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        wide, high = (side / 300 for side in figure.size)
        assert 1.2 * columns < wide < 1.2 * columns + 1 and 1.2 * rows < high < 1.3 * rows + 0.3
    pictures, words = drawn_in(folder / "figure.pdf")
    assert pictures == rows * columns
    assert set(labels) <= set(words)


@pytest.mark.long
def test_a_walk_is_a_video(tmp_path):
    folder = ran("motion: mp4", tmp_path)
    files = sorted((folder / "motion").glob("*.mp4"))
    assert len(files) == 2
    for file in files:
        with av.open(str(file)) as video:
            frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in video.decode(video=0)]
        assert len(frames) == 2 * 4 * 6 and frames[0].shape == (64, 64, 3)
        steps = [abs(a - b).mean() for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]
        assert max(steps) < abs(frames[0] - frames[24]).mean() / 2
    assert 'src="data:video/mp4;base64,' in (folder.parent / "report.html").read_text()


@pytest.mark.slow
def test_the_tables_are_those_of_the_paper(tmp_path):
    folder = ran("interfacegan.tables", tmp_path)
    names = ["pose", "smile", "age", "gender", "eyeglasses", "beard"]
    tables = []
    for number in (1, 2, 3):
        with (folder / f"table-{number}.csv").open(newline="", encoding="utf-8") as file:
            tables.append(list(csv.DictReader(file)))
        assert [row["attribute"] for row in tables[-1]] == names
    assert list(tables[0][0]) == ["attribute", "validation", "all", "held out", "others"]
    assert all(0.6 < float(row["all"]) <= 1 for row in tables[0])
    for table in tables[1:]:
        matrix = np.array([[float(row[name]) for name in names] for row in table])
        assert (
            np.allclose(matrix, matrix.T) and np.allclose(np.diag(matrix), 1) and abs(matrix).max() < 1 + 1e-9
        )
        assert matrix[names.index("gender"), names.index("beard")] > 0.4
    assert "Saved as table-1.csv, table-2.csv, table-3.csv" in (folder / "report.json").read_text()
