"""Scores of pictures, and the tables that keep them."""

import csv

import pytest
import torch

from interpgan_core import (
    InterpganError,
    ReadScores,
    Save,
    Score,
    Scores,
    quiet,
    score_images,
)
from interpgan_core.testing import toy

TOY = toy()


class Brightness:
    """A scorer whose answer is known: the mean of the red and of the green channel."""

    names = ("red", "green")

    def __call__(self, images):
        return images.mean((2, 3))[:, :2]


def test_scores_are_those_of_each_picture():
    found = Score(seeds="3-9", scorer=Brightness(), batch_size=2).run(TOY, quiet)
    expected = torch.cat([Brightness()(TOY.images(TOY.sample([seed]))) for seed in range(3, 10)])
    torch.testing.assert_close(found.values, expected)
    assert found.seeds.tolist() == list(range(3, 10))
    assert (found["green"] == found.values[:, 1]).all()
    with pytest.raises(InterpganError, match="there are no scores of 'gren'; did you mean 'green'"):
        found["gren"]


def test_a_scorer_that_breaks_its_word():
    class Wrong(Brightness):
        names = ("red", "green", "blue")

    with pytest.raises(InterpganError, match=r"has 3 attributes and returned scores of shape \(2, 2\) for 2"):
        Score(seeds="0-1", scorer=Wrong()).run(TOY, quiet)


def test_scores_go_to_a_table_and_back(tmp_path):
    before = Scores(torch.tensor([5, 7]), torch.tensor([[0.5, -1.0], [torch.nan, 2.0]]), ("smile", "age"))
    assert before.summary().tables[0].note == "1 of them lack some score, and are left out of its row."
    Save(file="s.csv", what=before).run(folder=tmp_path)
    with (tmp_path / "s.csv").open() as file:
        assert next(csv.reader(file)) == ["seed", "smile", "age"]
    after = ReadScores(file=tmp_path / "s.csv").run()
    assert after.names == before.names
    assert after.seeds.tolist() == [5, 7]
    torch.testing.assert_close(after.values, before.values, equal_nan=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column 'seed' or 'file' in its first line; add the one that says"),
        ("a,b\n1,2\n", "has no column 'seed' or 'file' in its first line"),
        ("seed\n1\n", "needs one column of scores at least, each name once"),
        ("seed,a,a\n1,2,3\n", "needs one column of scores at least, each name once"),
        ("seed,file,a\n1,seed1.png,2\n", "has both columns 'seed' and 'file'; keep one of them"),
        ("seed,a\n", "has no rows; it needs one for each sample"),
        ("seed,a\n1,2,3\n", r":2: 3 cells, but 2 columns; a row has a cell for each"),
        ("seed,a\n1,2\n2,x\n", r":3: the score 'x' of 'a' is not a number; leave the cell empty"),
        ("seed,a\n1.5,2\n", r":2: '1.5' is no seed; a seed is a whole number from 0 to 4294967295"),
        ("seed,a\n-1,2\n", ":2: '-1' is no seed"),
        ("seed,a\n4294967296,2\n", ":2: '4294967296' is no seed"),
        ("seed,a\n,2\n", ":2: '' is no seed"),
        ("seed,a\n1,2\n\n1,3\n", ":4: seed 1 stands in a row above; keep one row a seed"),
        ("file,a\nface.png,2\n", ":2: the name 'face.png' does not end in a seed, as seed85.png does"),
        ("file,a\nseed7.png,2\nseed07.jpg,2\n", ":3: seed 7 stands in a row above"),
    ],
)
def test_tables_that_are_no_scores(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InterpganError, match=message):
        ReadScores(file=tmp_path / "s.csv").run()


def test_a_table_that_names_pictures(tmp_path):
    """Those of the steps `pictures` and `render`, in any folder."""
    files = ("seed000085.png", "C:\\made\\seed7.jpg", "out/pictures/seed123456789.webp", "000-01_seed-8.png")
    (tmp_path / "s.csv").write_text("\n".join(["smile,file", *(f"0.5,{file}" for file in files)]))
    found = ReadScores(file=tmp_path / "s.csv").run()
    assert found.seeds.tolist() == [85, 7, 123456789, 8] and found.names == ("smile",)


def test_a_table_that_is_no_text(tmp_path):
    (tmp_path / "s.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InterpganError, match="is not a text file"):
        ReadScores(file=tmp_path / "s.csv").run()


def test_an_empty_cell_is_a_missing_score(tmp_path):
    (tmp_path / "s.csv").write_text("\ufeffsmile,seed\n,4\n0.5,6\n\n", encoding="utf-8")
    found = ReadScores(file=tmp_path / "s.csv").run()
    assert found.seeds.tolist() == [4, 6]
    assert found.values.isnan().tolist() == [[True], [False]]


def test_a_table_of_pandas_and_names_with_blanks(tmp_path):
    """DataFrame.to_csv() writes row numbers without a name; people write a blank after a comma."""
    (tmp_path / "s.csv").write_text(",seed, smile\n0,7,0.5\n1,8, 0.25\n")
    found = ReadScores(file=tmp_path / "s.csv").run()
    assert found.names == ("smile",) and found.seeds.tolist() == [7, 8]
    assert found["smile"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize("head", ["", "Unnamed: 0"])
@pytest.mark.parametrize("columns", ["seed,smile", "smile,seed"])
def test_row_numbers_wherever_the_seed_stands(tmp_path, head, columns):
    rows = ["7,0.5", "8,0.25"] if columns.startswith("seed") else ["0.5,7", "0.25,8"]
    (tmp_path / "s.csv").write_text(f"{head},{columns}\n0,{rows[0]}\n1,{rows[1]}\n")
    found = ReadScores(file=tmp_path / "s.csv").run()
    assert found.names == ("smile",) and found["smile"].tolist() == [0.5, 0.25]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed;smile\n7;0.5\n", "are divided by semicolons; save it with commas"),
        ("seed\tsmile\n7\t0.5\n", "are divided by tabs; save it with commas"),
        ("seed,smile,\n7,0.5,1\n", "column 3 has no name in the first line; name it"),
    ],
)
def test_tables_of_another_kind_are_named(tmp_path, text, message):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(InterpganError, match=message):
        ReadScores(file=tmp_path / "s.csv").run()


def test_a_scorer_of_squares_refuses_rectangles():
    class Squares:
        names = ("brightness",)
        needs_squares = True

        def __call__(self, images):
            return images.mean((1, 2, 3))[:, None]

    assert score_images(Squares(), torch.zeros(2, 3, 8, 8)).shape == (2, 1)
    with pytest.raises(InterpganError, match="takes squares, and these images are 8 x 4"):
        score_images(Squares(), torch.zeros(2, 3, 8, 4))
