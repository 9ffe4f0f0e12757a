"""Attribute scores: measured on the pictures, or read from a table."""

from __future__ import annotations

import csv
from typing import Annotated

from pydantic import Field

from interpgan_core.errors import InterpganError
from interpgan_core.generator import Generator
from interpgan_core.operators import Input, InputFile, Operator, Progress, Scorer, Scores
from interpgan_core.ranges import Ranges, Seeds


class Score(Operator):
    """Render samples and score them; seeds and scores are kept, codes are not."""

    seeds: Seeds
    scorer: Input[Scorer]
    batch_size: Annotated[int, Field(ge=1, strict=True)] = 16

    def run(self, generator: Generator, progress: Progress) -> Scores:
        import torch

        seeds = Ranges(self.seeds)
        names = tuple(self.scorer.names)
        values = []
        batches = generator.stream(seeds, self.batch_size)
        parts = -(-len(seeds) // self.batch_size)
        for batch in progress(batches, total=parts, what=f"scoring {len(seeds)} samples"):
            with torch.no_grad():
                found = self.scorer(generator.images(batch, self.batch_size)).float().cpu()
            if tuple(found.shape) != (len(batch), len(names)):
                raise InterpganError(
                    f"the scorer has {len(names)} attributes and returned scores of shape "
                    f"{tuple(found.shape)} for {len(batch)} pictures"
                )
            values.append(found)
        return Scores(torch.tensor(seeds[:], dtype=torch.int64), torch.cat(values), names)


class ReadScores(Operator):
    """Scores from a CSV file with a column `seed` and one column of numbers an attribute.

    An empty cell is a missing score (NaN).
    """

    file: InputFile

    def run(self) -> Scores:
        import torch

        try:
            text = self.file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InterpganError(f"{self.file} is not a text file: {error}") from error
        table = list(csv.reader(text.splitlines()))
        if not table or "seed" not in table[0]:
            raise InterpganError(f"{self.file} has no column 'seed' in its first line")
        header = table[0]
        at = header.index("seed")
        names = tuple(name for name in header if name != "seed")
        if not names or len(set(header)) != len(header):
            raise InterpganError(f"{self.file} needs one column of scores at least, each name once")
        seeds, values = [], []
        for number, row in enumerate(table[1:], start=2):
            if not row:
                continue
            if len(row) != len(header):
                raise InterpganError(f"{self.file}:{number}: {len(row)} cells, but {len(header)} columns")
            try:
                seeds.append(int(row[at]))
                values.append([float(c) if c.strip() else float("nan") for i, c in enumerate(row) if i != at])
            except ValueError as error:
                raise InterpganError(f"{self.file}:{number}: {error}") from error
        if not seeds:
            raise InterpganError(f"{self.file} has no rows")
        if len(set(seeds)) != len(seeds):
            raise InterpganError(f"{self.file} has a seed twice; keep one row a seed")
        return Scores(torch.tensor(seeds), torch.tensor(values, dtype=torch.float32), names)
