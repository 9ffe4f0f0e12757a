"""Attribute scores: measured on the pictures, or read from a table."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core.engines import ChosenEngine, Local
from interpgan_core.errors import InterpganError
from interpgan_core.generator import Generator
from interpgan_core.operators import Input, InputFile, Operator, Progress, Scorer, Scores
from interpgan_core.ranges import MAX_SEED, Ranges, Seeds

if TYPE_CHECKING:
    from torch import Tensor

_BATCHES = 8  # that are worked on, and kept, together: what a kill can cost


class Score(Operator):
    """Render samples and score them; seeds and scores are kept, codes are not.

    Samples are scored in parts of whole batches, in constant memory. A run that was stopped goes on with the parts
    that it has not finished, and ends in the very same scores.
    """

    seeds: Seeds
    scorer: Input[Scorer]
    batch_size: Annotated[int, Field(ge=1, strict=True)] = 16
    engine: ChosenEngine = Field(default_factory=Local)
    """Where: `local`, in this process; `ray`, in several, with the plugin `ray`. The scores are the same."""

    def run(self, generator: Generator, progress: Progress, scratch: Path | None = None) -> Scores:
        import numpy as np
        import torch

        seeds = torch.from_numpy(np.fromiter(Ranges(self.seeds), np.int64))
        names = tuple(self.scorer.names)
        size = _BATCHES * self.batch_size
        # Clones: pickled, a part of a tensor would take all of it along.
        parts = {n: part.clone() for n, part in enumerate(torch.split(seeds, size))}
        # Written into, for small tensors kept among those that a batch needs would hold the memory of these.
        values = torch.full((len(seeds), len(names)), torch.nan)
        places = dict(enumerate(torch.split(values, size)))
        finished = () if scratch is None else _finished(scratch, parts, names)
        missing = dict(parts)
        for number, found in finished:
            places[number].copy_(found)
            del missing[number]
        work = _Scoring(generator, self.scorer, names, self.batch_size)

        def scored() -> Iterator[int]:
            """The seeds as they are done: a bar is to count samples, not parts."""
            for number, found in self.engine.map(work, [*missing.items()]):
                places[number].copy_(found)
                if scratch is not None:
                    Scores(parts[number], found, names).write(scratch / _name(number))
                yield from parts[number].tolist()

        count = sum(map(len, missing.values()))
        for _ in progress(scored(), total=count, what=f"scoring {count} samples"):
            pass
        return Scores(seeds, values, names)


@dataclass(frozen=True, eq=False)
class _Scoring:
    """Scores one part of the samples."""

    generator: Generator
    scorer: Scorer
    names: tuple[str, ...]
    batch_size: int

    def __call__(self, part: tuple[int, Tensor]) -> tuple[int, Tensor]:
        """(number of the part, (n,) seeds) -> (that number, (n, k) float32 scores)."""
        import torch

        number, seeds = part
        values = []
        for batch in self.generator.stream(seeds.tolist(), self.batch_size):
            with torch.no_grad():
                found = self.scorer(self.generator.images(batch, self.batch_size)).float().cpu()
            if tuple(found.shape) != (len(batch), len(self.names)):
                raise InterpganError(
                    f"the scorer has {len(self.names)} attributes and returned scores of shape "
                    f"{tuple(found.shape)} for {len(batch)} pictures; mend the scorer"
                )
            values.append(found)
        return number, torch.cat(values)


def _name(number: int) -> str:
    return f"{number:06d}.safetensors"


def _finished(
    scratch: Path, parts: dict[int, Tensor], names: tuple[str, ...]
) -> Iterator[tuple[int, Tensor]]:
    """The parts that an earlier run has finished; what is damaged, or of other samples, is not."""
    for number, seeds in parts.items():
        path = scratch / _name(number)
        if not path.exists():
            continue
        try:
            kept = Scores.load(path)
        except InterpganError:
            continue
        if kept.names == names and kept.seeds.equal(seeds):
            yield number, kept.values


class ReadScores(Operator):
    """Scores from a CSV file: one row a sample, one column of numbers an attribute; an empty cell is a missing score.

    The sample is named by a column `seed`, or by a column `file` of pictures whose names end in their seed, as those
    of the step `pictures` do: "seed85.png".
    """

    file: InputFile

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

    def _table(self) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
        """The first line, and the others that are not empty, with their numbers."""
        try:
            text = self.file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InterpganError(
                f"{self.file} is not a text file: {error}; save it as CSV in UTF-8"
            ) from error
        header, *rows = [*csv.reader(text.splitlines())] or [[]]
        return header, ((number, row) for number, row in enumerate(rows, start=2) if row)


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
