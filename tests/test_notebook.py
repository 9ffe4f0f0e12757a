"""Notebooks: the one in recipes runs, its objects show themselves, and progress is one line."""

import base64
import re
import shutil
from io import BytesIO
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

NOTEBOOK = Path(__file__).parents[1] / "recipes/notebook.ipynb"
LINES = 40  # of text that a cell may show


def outputs(code, folder):
    """What the cells show when they run one after the other: [{type: content}, …] each."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in code])
    NotebookClient(notebook, timeout=250, resources={"metadata": {"path": str(folder)}}).execute()
    assert not [o for c in notebook.cells for o in c.outputs if o.get("name") == "stderr"]
    return [[o.get("data") or {"text/plain": o["text"]} for o in cell.outputs] for cell in notebook.cells]


def pictures(html):
    """Those in it, decoded."""
    return [
        Image.open(BytesIO(base64.b64decode(data)))
        for data in re.findall(r'src="data:image/\w+;base64,([^"]+)"', html)
    ]


def test_the_notebook_is_kept_without_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


@pytest.mark.slow
def test_the_notebook_shows_pictures_and_tables(tmp_path):
    shutil.copy(NOTEBOOK, tmp_path)
    code = [c.source for c in nbformat.read(NOTEBOOK, as_version=4).cells if c.cell_type == "code"]
    shown = dict(zip(code, outputs(code, tmp_path), strict=True))
    for content in (content for cell in shown.values() for content in cell):
        assert content["text/plain"].count("\n") < LINES, content

    def html(words):
        ((*_, last),) = [cell for source, cell in shown.items() if words in source]
        return last["text/html"]

    assert html("FindSemantics(").count("<tr>") == 1 + 10
    assert len(pictures(html("Ten directions"))) == 10 * 5
    (*still, moving) = pictures(html("A walk"))
    assert (len(still), moving.n_frames) == (3, 24)
    assert len(pictures(html("Where a direction acts"))) == 3 * 2
    assert "<iframe srcdoc=" in html("page = run(")
    assert "<td>smile</td>" in html("tables[0]") and "validation" in html("tables[0]")


@pytest.mark.long
def test_progress_is_one_line_that_changes(tmp_path):
    code = """
import time
from interpgan_core.progress import bars
for part in bars(range(4), total=4, what="parts"):
    for item in bars(range(8), total=8, what=lambda: f"part {part}"):
        time.sleep(0.1)
for item in bars(range(1000), total=1000, what="fast"):
    pass
"""
    ((*lines,),) = outputs([code], tmp_path)
    assert [re.sub(r", [\d.]+/s", "", line["text/plain"]) for line in lines] == [
        "parts: 4 of 4",
        "part 3: 8 of 8",
    ]
    assert all('<progress value="' in line["text/html"] for line in lines)
