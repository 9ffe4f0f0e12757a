"""The step `score`: samples rendered and scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core.errors import InterpganError
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.memory import check_batch_size
from interpgan_core.generators.ranges import Ranges, Seeds
from interpgan_core.operators.base import Operator
from interpgan_core.operators.engines import ChosenEngine, Local
from interpgan_core.operators.fields import Input
from interpgan_core.operators.scores import Scorer, Scores, score_images
from interpgan_core.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor


_BATCHES = 8  # that are worked on, and kept, together: what a kill can cost


class Score(Operator):
    """Render samples and score them; seeds and scores are kept, codes are not.

    Samples are scored in parts of whole batches, in constant memory. A run that was stopped goes on with the parts
    that it has not finished, and ends in the very same scores.

    Example:
        >>> from interpgan_core import Score, quiet
        >>> from interpgan_core.testing import toy
        >>> class Brightness:
        ...     names = ("brightness",)
        ...     def __call__(self, images):
        ...         return images.mean((1, 2, 3))[:, None]
        >>> scores = Score(seeds="0-3", scorer=Brightness()).run(toy(), quiet)
        >>> tuple(scores["brightness"].shape)
        (4,)
    """

    seeds: Seeds
    scorer: Input[Scorer]
    batch_size: Annotated[int, Field(ge=1)] = 16
    engine: ChosenEngine = Field(default_factory=Local)
    """Where: `local`, in this process; `ray`, in several, with the plugin `ray`. The scores are the same."""

    def check(self, generator: Generator) -> Scores:
        import numpy as np
        import torch

        check_batch_size(generator, self.batch_size, len(Ranges(self.seeds)))
        seeds = torch.from_numpy(np.fromiter(Ranges(self.seeds), np.int64))
        names = tuple(self.scorer.names)
        return Scores(seeds, torch.tensor(torch.nan).expand(len(seeds), len(names)), names)

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
        work = _Scoring(generator, self.scorer, self.batch_size)

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
    batch_size: int

    def __call__(self, part: tuple[int, Tensor]) -> tuple[int, Tensor]:
        """(number of the part, (n,) seeds) -> (that number, (n, k) float32 scores)."""
        import torch

        number, seeds = part
        values = []
        for batch in self.generator.stream(seeds.tolist(), self.batch_size):
            images = self.generator.images(batch, self.batch_size)
            values.append(score_images(self.scorer, images).float())
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
