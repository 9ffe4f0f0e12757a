"""The step `reach`: as far along a direction as a scorer says."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from interpgan_core.errors import InterpganError, did_you_mean, remark
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.operators.builtin.along import Relative, Strength
from interpgan_core.operators.fields import Input
from interpgan_core.operators.scores import Finish, Scorer, score_images
from interpgan_core.pictures.report import Report, Table

_At = Callable[[LatentBatch, float], LatentBatch]  # a sample moved by a strength
MARGIN = 1.1  # a straight line from the score before to the one that reached the goal is bettered by so much
LEAST = 0.1  # of a step between two strengths


class Reach(Relative):
    """Move every sample along a direction, or by another mover, until a scorer says that the attribute is there.

    One strength does not suit all: a small step makes one person older by 30 years, and another by 5. Here a scorer
    looks at each sample at strengths that grow up to `most`, and at one more between the first that reaches the score
    and the one before it; the smallest that reached it is taken. Where none does, that which came nearest is taken, and
    a remark says so.

    Example:
        >>> import torch
        >>> from interpgan_core import Direction, Reach
        >>> from interpgan_core.testing import toy
        >>> class Brightness:
        ...     names = ("brightness",)
        ...     def __call__(self, images):
        ...         return images.mean((1, 2, 3))[:, None]
        >>> generator, first = toy(), Direction(-torch.eye(16)[0], "w")
        >>> lighter = Reach(direction=first, scorer=Brightness(), by=0.1, most=5)
        >>> before = generator.sample([7, 8])
        >>> after = lighter.run(before, generator)
        >>> bool((generator.images(after) - generator.images(before)).mean((1, 2, 3)).ge(0.1).all())
        True
    """

    version: ClassVar[int] = 2

    scorer: Input[Scorer]
    attribute: str | None = None
    """Which of the scorer's; may be left out where it has one."""
    to: Strength | None = None
    """The score to reach; samples that are beyond it move back."""
    by: Strength | None = None
    """In place of `to`: how much the score of each sample is to change."""
    most: Annotated[float, Field(gt=0)] = 5.0
    """The largest strength, forwards and backwards."""
    tries: Annotated[int, Field(ge=1)] = 4
    """How many strengths up to `most` are looked at, until one reaches the score."""
    finish: Input[Finish] | None = None
    """What becomes of the pictures before people see them, such as the step faces.pasted: the scorer sees that."""

    @model_validator(mode="after")
    def _one_goal(self) -> Self:
        if (self.to is None) == (self.by is None):
            raise InterpganError("say either 'to' which score, or 'by' how much it is to change")
        if self.by == 0:
            raise InterpganError("a change 'by' 0 is none; give the change that you want")
        return self

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        self._column()
        return self.carried(batch, generator)[0]

    def run(self, batch: LatentBatch, generator: Generator, folder: Path | None = None) -> LatentBatch:
        """Move.

        Args:
            batch: samples that the scorer has a score of.
            generator: theirs.
            folder: gets a table of strengths and of scores before and after, in `report.json`.

        Returns:
            The same samples, moved.

        Raises:
            InterpganError: if the direction does not fit, or the scorer has no score of a sample.
        """
        carried, layers = self.carried(batch, generator)
        moved, rows = self._searched(carried, layers, generator)
        if folder is not None:
            name = self.scorer.names[self._column()]
            columns = ("sample", "strength", f"{name} before", f"{name} wanted", f"{name} after")
            Report(tables=(Table("How far each sample was moved", columns, rows),)).save(folder)
        return moved

    def move(self, batch: LatentBatch, layers: str, generator: Generator) -> LatentBatch:
        return self._searched(batch, layers, generator)[0]

    def _column(self) -> int:
        names = tuple(self.scorer.names)
        if self.attribute is None:
            if len(names) != 1:
                raise InterpganError(f"the scorer has several attributes; name one: {', '.join(names)}")
            return 0
        if self.attribute not in names:
            raise InterpganError(
                f"the scorer has no attribute '{self.attribute}'" + did_you_mean(self.attribute, names)
            )
        return names.index(self.attribute)

    def _searched(
        self, batch: LatentBatch, layers: str, generator: Generator
    ) -> tuple[LatentBatch, tuple[tuple[str | float, ...], ...]]:
        """The batch moved, and for each sample a row: name, strength, score before, wanted and after."""
        import torch

        scale = self.scale(generator)

        def at(sample: LatentBatch, strength: float) -> LatentBatch:
            return self.moved(sample, layers, strength * scale)

        codes, rows, short = [], list[tuple[str | float, ...]](), []
        for i in range(len(batch)):
            sample = batch[i]
            before = self._score(sample, i, generator)
            if math.isnan(before):
                raise InterpganError(
                    f"the scorer finds nothing to score in {batch.name_of(i)}; leave it out, or use shift"
                )
            goal = before + self.by if self.by is not None else float(self.to or 0)
            strength, after = self._strength(sample, i, at, generator, before, goal)
            codes.append(at(sample, strength).codes)
            rows.append((batch.name_of(i), strength, before, goal, after))
            if not _reached(before, goal, after):
                short.append(f"{batch.name_of(i)} ({after:.3g} of {goal:.3g})")
        if short:
            name = self.scorer.names[self._column()]
            remark(f"{name} was not reached within a strength of {self.most:g}: {', '.join(short)}")
        return replace(batch, codes=torch.cat(codes) if codes else batch.codes), tuple(rows)

    def _strength(
        self, sample: LatentBatch, i: int, at: _At, generator: Generator, before: float, goal: float
    ) -> tuple[float, float]:
        """The strength of one sample, and the score that it has there."""

        def score(strength: float) -> float:
            return self._score(at(sample, strength), i, generator)

        seen = [(0.0, before)]
        way = math.copysign(self.most, goal - before)
        for strength in (way * (k + 1) / self.tries for k in range(self.tries)):
            if seen[-1][1] == goal:
                break
            found = score(strength)
            if math.isnan(found):  # the scorer finds nothing any more: too far
                break
            (least, short), enough = seen[-1], _reached(before, goal, found)
            seen.append((strength, found))
            if enough:
                share = min(max(MARGIN * (goal - short) / (found - short), LEAST), 1 - LEAST)
                between = least + share * (strength - least)
                seen.append((between, score(between)))
                break
        reached = [pair for pair in seen if _reached(before, goal, pair[1])]
        if reached:
            return min(reached, key=lambda pair: abs(pair[0]))
        return min(seen, key=lambda pair: abs(pair[1] - goal))

    def _score(self, sample: LatentBatch, i: int, generator: Generator) -> float:
        """Of one sample, the i-th."""
        import torch

        with torch.no_grad():
            images = generator.images(sample)
            if self.finish is not None:
                images = self.finish.finished(images[0], i)[None]
            return float(score_images(self.scorer, images)[0, self._column()])


def _reached(before: float, goal: float, score: float) -> bool:
    return score >= goal if goal > before else score <= goal
