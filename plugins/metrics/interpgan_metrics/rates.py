"""The operator `metrics.rates`: how often each attribute is seen, in real and in generated pictures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from interpgan_core import (
    Generator,
    Input,
    InterpganError,
    Progress,
    Ranges,
    Report,
    Scorer,
    Table,
    did_you_mean,
    score_images,
)
from interpgan_core.plugin import remark
from interpgan_metrics.features import Comparison, chosen, generated_pictures, real_pictures

if TYPE_CHECKING:
    from torch import Tensor

DRAWS = 20  # random divisions of the pictures, for what chance alone makes of a distance


class AttributeRates(Comparison):
    """Attributes of real and generated pictures, as one scorer sees both: which the generator draws too rarely.

    An attribute is a yes or no, counted where its score passes the threshold, or a number, whose mean and
    standard deviation are compared. Where the data knows an attribute, its true rate shows what the scorer makes of it.

    Source: the distance is the total variation, half the sum of |p - q| over yes and no, or over all the
        combinations of answers that occur; what chance makes of it is its mean over random divisions of the
        same pictures (Fisher's permutation test).
    """

    scorer: Input[Scorer]
    threshold: float = 0.5
    """A score above it is a yes."""
    numbers: tuple[str, ...] = ()
    """Attributes that are numbers, not a yes or no."""

    def check_counts(self, generated: int, real: int) -> None:
        for name in self.numbers:
            if name not in self.scorer.names:
                raise InterpganError(
                    f"the scorer has no attribute '{name}'" + did_you_mean(name, self.scorer.names)
                )
        for count, what in ((generated, "samples"), (real, "real pictures")):
            if count < 2:
                raise InterpganError(f"{count} {what} have no rate; give at least 2")

    def run(self, generator: Generator, progress: Progress) -> Report:
        names = tuple(self.scorer.names)
        seeds, rows = Ranges(self.seeds), chosen(self.data, self.real)
        self.check_counts(len(seeds), len(rows))
        real = self._scores(real_pictures(self.data, rows, self.batch_size, progress), "real pictures")
        made = self._scores(generated_pictures(generator, seeds, self.batch_size, progress), "samples")
        tables = []
        answers = [i for i, name in enumerate(names) if name not in self.numbers]
        if answers:
            tables += self._answers(real[:, answers], made[:, answers], [names[i] for i in answers], rows)
        if self.numbers:
            tables.append(self._numbers(real, made, names, rows))
        return Report(
            tables=tuple(tables), notes=(f"{len(real)} real pictures, {len(made)} generated ones.",)
        )

    def _scores(self, pictures: Iterable[Tensor], what: str) -> Tensor:
        """(n, k) float64; scores of every attribute, of the pictures that have them all."""
        import torch

        found = []
        for images in pictures:
            scores = score_images(self.scorer, images).double()
            if scores.isinf().any():
                raise InterpganError("the scorer returned numbers that are not finite; use another one")
            found.append(scores)
        every = torch.cat(found)
        scored = every[~every.isnan().any(1)]
        left = len(every) - len(scored)
        if len(scored) < 2:
            raise InterpganError(
                f"the scorer has no scores of {left} of {len(every)} {what}; give others, or another scorer"
            )
        if left:
            remark(f"{left} of {len(every)} {what} have no scores, and are left out")
        return scored

    def _known(self, name: str, rows: list[int]) -> Tensor | None:
        """What the data says of one attribute where it says something; None where it does not know it."""
        if name not in self.data.names:
            return None
        values = self.data.attribute(name)[rows].double()
        values = values[~values.isnan()]
        return values if len(values) else None

    def _answers(self, real: Tensor, made: Tensor, names: list[str], rows: list[int]) -> list[Table]:
        import torch

        yes = [scores > self.threshold for scores in (real, made)]
        p, q = (answers.double().mean(0) for answers in yes)
        errors = (p * (1 - p) / len(real) + q * (1 - q) / len(made)).sqrt()
        lines = []
        for i, name in enumerate(names):
            known = self._known(name, rows)
            true = None if known is None else 100 * float((known > self.threshold).double().mean())
            percent = (100 * float(value) for value in (p[i], q[i], q[i] - p[i], errors[i]))
            lines.append((name, true, *percent))
        distances, chance = total_variation(*yes), [0.0, 0.0]
        pooled, random = torch.cat(yes), torch.Generator().manual_seed(0)
        for _ in range(DRAWS):
            mixed = pooled[torch.randperm(len(pooled), generator=random)]
            drawn = total_variation(mixed[: len(real)], mixed[len(real) :])
            chance = [sum(pair) for pair in zip(chance, drawn, strict=True)]
        kinds = ("an attribute alone, on average", "all attributes together")
        columns = (
            "attribute",
            "in the data, by its labels",
            "in the data",
            "generated",
            "difference",
            "its standard error",
        )
        return [
            Table(
                "Rates",
                columns,
                tuple(lines),
                f"In percent and points; a yes is a score above {self.threshold:g}.",
            ),
            Table(
                "Total variation",
                ("of", "distance", "by chance alone"),
                tuple(
                    (kind, 100 * distance, 100 * by_chance / DRAWS)
                    for kind, distance, by_chance in zip(kinds, distances, chance, strict=True)
                ),
                "In points; 0 where the generator draws each as often as the data shows it, 100 where never.",
            ),
        ]

    def _numbers(self, real: Tensor, made: Tensor, names: tuple[str, ...], rows: list[int]) -> Table:
        lines = []
        for name in self.numbers:
            known = self._known(name, rows)
            a, b = real[:, names.index(name)], made[:, names.index(name)]
            error = (a.var() / len(a) + b.var() / len(b)).sqrt()
            figures = (a.mean(), a.std(), b.mean(), b.std(), b.mean() - a.mean(), error)
            lines.append((name, None if known is None else float(known.mean()), *(float(f) for f in figures)))
        columns = (
            "attribute",
            "mean by the data's labels",
            "mean in the data",
            "standard deviation",
            "mean generated",
            "standard deviation generated",
            "difference",
            "its standard error",
        )
        return Table("Numbers", columns, tuple(lines))


def total_variation(a: Tensor, b: Tensor) -> tuple[float, float]:
    """How far apart the answers of two sets of pictures are.

    Args:
        a: (n, k) bool.
        b: (m, k) bool.

    Returns:
        The total variation of one attribute, mean over the attributes; that of all of them together.
    """
    import torch

    alone = (a.double().mean(0) - b.double().mean(0)).abs().mean()
    _, kinds = torch.unique(torch.cat([a, b]), dim=0, return_inverse=True)
    count = int(kinds.max()) + 1
    p, q = kinds[: len(a)].bincount(minlength=count), kinds[len(a) :].bincount(minlength=count)
    return float(alone), float((p.double() / len(a) - q.double() / len(b)).abs().sum() / 2)
