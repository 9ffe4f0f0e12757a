"""The step `scores`: scores from a table."""

from __future__ import annotations

import csv
import math
import re

from interpgan_core.errors import InterpganError
from interpgan_core.generators.ranges import MAX_SEED
from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import InputFile
from interpgan_core.operators.scores import Scores


class ReadScores(Operator):
    """Scores from a CSV file: one row a sample, one column of numbers an attribute; an empty cell is a missing score.

    The sample is named by a column `seed`, or by a column `file` of pictures whose names end in their seed, as those
    of the step `pictures` do: "seed85.png".

    Example:
        >>> from pathlib import Path
        >>> from interpgan_core import ReadScores
        >>> _ = Path("smile.csv").write_text("seed,smile\\n7,0.5\\n8,\\n")
        >>> ReadScores(file="smile.csv").run()["smile"].tolist()
        [0.5, nan]
    """

    file: InputFile

    def check(self) -> Scores:
        return self.run()

    def run(self) -> Scores:
        """Read them.

        Raises:
            InterpganError: if it is no such table; the message names the line.
        """
        import torch

        header, rows = self._table()
        keys = [name for name in ("seed", "file") if name in header]
        if not keys:
            raise InterpganError(
                f"{self.file} has no column 'seed' or 'file' in its first line; add the one that says whose "
                "scores a row holds"
            )
        if len(keys) > 1:
            raise InterpganError(f"{self.file} has both columns 'seed' and 'file'; keep one of them")
        if not header[0] and all(row[0].strip() == str(n) for n, (_, row) in enumerate(rows)):
            header, rows = (
                header[1:],
                [(number, row[1:]) for number, row in rows],
            )  # row numbers, as pandas writes them
        if "" in header:
            raise InterpganError(
                f"{self.file}: column {header.index('') + 1} has no name in the first line; name it"
            )
        at = header.index(keys[0])
        names = tuple(name for name in header if name != keys[0])
        if not names or len(set(header)) != len(header):
            raise InterpganError(f"{self.file} needs one column of scores at least, each name once")
        found: dict[int, list[float]] = {}
        for number, row in rows:
            where = f"{self.file}:{number}"
            if len(row) != len(header):
                raise InterpganError(
                    f"{where}: {len(row)} cells, but {len(header)} columns; a row has a cell for each"
                )
            seed = _seed(row.pop(at), keys[0], where)
            if seed in found:
                raise InterpganError(f"{where}: seed {seed} stands in a row above; keep one row a seed")
            found[seed] = [_score(cell, name, where) for cell, name in zip(row, names, strict=True)]
        if not found:
            raise InterpganError(f"{self.file} has no rows; it needs one for each sample")
        return Scores(
            torch.tensor(list(found)), torch.tensor(list(found.values()), dtype=torch.float32), names
        )

    def _table(self) -> tuple[list[str], list[tuple[int, list[str]]]]:
        """The first line, and the others that are not empty, with their numbers."""
        try:
            text = self.file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InterpganError(
                f"{self.file} is not a text file: {error}; save it as CSV in UTF-8"
            ) from error
        lines = text.splitlines()
        for sign, name in ((";", "semicolons"), ("\t", "tabs")):
            if lines and "," not in lines[0] and sign in lines[0]:
                raise InterpganError(f"the columns of {self.file} are divided by {name}; save it with commas")
        header, *rows = [*csv.reader(lines)] or [[]]
        names = [re.sub(r"^Unnamed: \d+$", "", name.strip()) for name in header]
        return names, [(number, row) for number, row in enumerate(rows, start=2) if row]


def _seed(cell: str, column: str, where: str) -> int:
    if column == "file":
        match = re.search(r"seed-?([0-9]+)\.\w+$", cell.strip())
        if not match:
            raise InterpganError(
                f"{where}: the name '{cell}' does not end in a seed, as seed85.png does; "
                "render the pictures by the step pictures, or write a column 'seed'"
            )
        cell = match[1]
    if not re.fullmatch(r"\s*[0-9]{1,10}\s*", cell) or int(cell) > MAX_SEED:
        raise InterpganError(f"{where}: '{cell}' is no seed; a seed is a whole number from 0 to {MAX_SEED}")
    return int(cell)


def _score(cell: str, name: str, where: str) -> float:
    try:
        return float(cell) if cell.strip() else math.nan
    except ValueError:
        raise InterpganError(
            f"{where}: the score '{cell}' of '{name}' is not a number; leave the cell empty where there is none"
        ) from None
