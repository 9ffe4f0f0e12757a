"""Sweeps along several directions, and the figures that show them."""

import importlib.util
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from interpgan_core import (
    Direction,
    DirectionSet,
    LatentBatch,
    Render,
    Shift,
    Sweep,
    Walk,
    quiet,
)
from interpgan_core.generators.toy import ToyGenerator
from interpgan_core.pictures.figures import save_figures
from interpgan_core.testing import conformance, toy

TOY = toy()
SWEPT = DirectionSet({"first": Direction(torch.eye(16)[0], "w"), "second": Direction(torch.eye(16)[1], "w")})
test_sweep = conformance(
    Sweep(directions=SWEPT, layers=("0-1", "2-3"), strengths=(-1, 1)), lambda: ToyGenerator(classes=3)
)


def test_a_sweep_is_a_walk_along_each_direction_in_each_range_of_layers():
    batch = TOY.sample([1, 2])
    swept = Sweep(directions=SWEPT, layers=("0-1", "2-3"), strengths="-2:2:2").run(batch, TOY)
    assert swept.grid.rows == (
        "first, layers 0-1",
        "first, layers 2-3",
        "second, layers 0-1",
        "second, layers 2-3",
    )
    assert (swept.grid.columns, swept.grid.origin, swept.seeds.tolist()) == (
        ("-2", "0", "+2"),
        1,
        [1] * 12 + [2] * 12,
    )
    for number, (name, layers) in enumerate(itertools.product(SWEPT, ("0-1", "2-3"))):
        walk = Walk(direction=SWEPT[name], layers=layers, strengths=(-2, 0, 2)).run(batch, TOY)
        for sample in range(2):
            row = (sample * 4 + number) * 3
            assert torch.equal(swept.codes[row : row + 3], walk.codes[sample * 3 : sample * 3 + 3])


def test_a_sweep_of_a_walk_has_every_pair_and_is_kept(tmp_path):
    walked = Walk(direction=SWEPT["second"], strengths=(0, 1)).run(TOY.sample([1, 2]), TOY)
    swept = Sweep(directions={"one": SWEPT["first"]}, strengths=(-1, 0, 1)).run(walked, TOY)
    twice = Walk(direction=SWEPT["first"], strengths=(-1, 0, 1)).run(walked, TOY)
    assert torch.equal(swept.codes, twice.codes) and swept.grid.columns == twice.grid.columns
    assert (swept.grid.rows, swept.grid.origin, twice.grid.origin) == (("one",), 1, 1)
    swept.save(tmp_path)
    assert LatentBatch.load(tmp_path, TOY).grid == swept.grid
    shifted = Shift(direction=SWEPT["first"], strength=1).run(swept, TOY)
    assert shifted.grid == swept.grid


def test_rows_of_a_sweep_are_named_in_the_report(tmp_path):
    swept = Sweep(directions=SWEPT, strengths=(-1, 0)).run(TOY.sample([4]), TOY)
    report = Render(figure=("png", "svg")).run(TOY, swept, tmp_path, quiet)
    assert [strip.title for strip in report.strips] == ["seed 4, first", "seed 4, second"]
    drawn = (tmp_path / "figure.svg").read_text()
    for words in (">-1<", ">0<", ">second<"):
        assert words in drawn
    assert report.notes == ("As a figure: figure.png, figure.svg.",)


@pytest.mark.long
def test_figures_have_the_right_pixels_and_the_same_bytes(tmp_path):
    """A figure's pictures stand in their places: the mean colour of each is found there again."""
    rows = [
        (
            f"seed {i}",
            [(f"{j:+d}", np.full((64, 64, 3), (40 * i, 60 * j, 200), np.uint8)) for j in range(3)],
        )
        for i in range(4)
    ]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert save_figures(rows, tmp_path / name, ("png", "pdf", "svg")) == [
            "figure.png",
            "figure.pdf",
            "figure.svg",
        ]
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name
    with Image.open(tmp_path / "a/figure.png") as image:
        assert round(image.info["dpi"][0]) == 300
        drawn = np.asarray(image.convert("RGB"))
    colours = {tuple(c) for c in drawn.reshape(-1, 3)[:: 7 * 11]}
    for i in range(4):
        for j in range(3):
            assert (40 * i, 60 * j, 200) in colours
    assert (tmp_path / "a/figure.pdf").read_bytes()[:5] == b"%PDF-"


@pytest.mark.long
def test_a_long_row_breaks_and_a_long_figure_has_pages(tmp_path):
    grey = np.full((8, 8, 3), 127, np.uint8)
    assert save_figures([("", [(f"seed {i}", grey) for i in range(20)])], tmp_path, ("png",)) == [
        "figure.png"
    ]
    with Image.open(tmp_path / "figure.png") as image:
        assert image.width > 2 * image.height
    assert save_figures([(f"seed {i}", [("0", grey)]) for i in range(17)], tmp_path, ("svg",)) == [
        "figure.svg",
        "figure-2.svg",
    ]
    assert "seed 16" in (tmp_path / "figure-2.svg").read_text()


def test_figures_without_matplotlib_are_refused_before_anything_runs(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="figures need matplotlib: pip install matplotlib"):
        Render(figure="pdf")
