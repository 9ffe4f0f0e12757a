"""The step `sample`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.latents import LatentBatch
from interpgan_core.generators.ranges import Ranges, Seeds
from interpgan_core.operators.base import Operator

if TYPE_CHECKING:
    from torch import Tensor


MOST = 1_000_000  # samples in one batch


class Sample(Operator):
    """Draw samples, each from its own seed alone.

    Example:
        >>> from interpgan_core import Sample
        >>> from interpgan_core.testing import toy
        >>> Sample(seeds="7-9").run(toy()).seeds.tolist()
        [7, 8, 9]
    """

    seeds: Seeds
    """Such as 7-14 or 3,5,8."""
    classes: tuple[int | str, ...] = ()
    """Of a conditional generator: one class for all, or one for each sample; left out, each seed draws one.

    A class is a number, a name where the generator knows names, or a mixture: 0.7*tabby + 0.3*207.
    """

    def check(self, generator: Generator) -> LatentBatch:
        seeds = self._seeds()
        labels = self._labels(generator, len(seeds))
        return generator.sample(seeds[:1], None if labels is None else labels[:1])

    def run(self, generator: Generator) -> LatentBatch:
        seeds = self._seeds()
        return generator.sample(seeds, self._labels(generator, len(seeds)))

    def _seeds(self) -> Ranges:
        seeds = Ranges(self.seeds)
        if len(seeds) > MOST:
            raise InterpganError(
                f"{len(seeds)} samples would not fit into memory; draw {MOST} at most, or let 'score' stream them"
            )
        return seeds

    def _labels(self, generator: Generator, count: int) -> Tensor | None:
        import torch

        if not self.classes:
            return None
        if not generator.classes:
            raise InterpganError("this generator has no classes; leave 'classes' out")
        if len(self.classes) not in (1, count):
            raise InterpganError(f"{len(self.classes)} classes for {count} seeds; give one, or {count}")
        rows = [class_weights(generator, text) for text in self.classes]
        return torch.stack(rows).expand(count, -1)


def class_weights(generator: Generator, text: int | str) -> Tensor:
    """What a person writes for a class as class weights: 207, "tabby", "0.7*tabby + 0.3*207".

    Returns:
        (classes,) float32 that sum to 1.

    Raises:
        InterpganError: if there is no such class, or a share is not a number above 0.
    """
    import torch

    weights = torch.zeros(generator.classes)
    for part in str(text).split("+"):
        share, star, name = part.rpartition("*")
        if star and not re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*", share, re.ASCII):
            raise InterpganError(f"'{part.strip()}' has no share of a mixture; write 0.7*{name.strip()}")
        weights[_class_number(generator, name.strip())] += float(share) if star else 1.0
    if not weights.sum() > 0:
        raise InterpganError(f"the shares of '{text}' are all 0; write shares above 0")
    return weights / weights.sum()


def _class_number(generator: Generator, name: str) -> int:
    names = generator.class_names
    if name.isdecimal() and int(name) < generator.classes:
        return int(name)
    for number, known in enumerate(names):
        if known.casefold() == name.casefold():
            return number
    holding = [known for known in names if name.casefold() in known.casefold()]
    raise InterpganError(
        f"there is no class {name}; they are 0-{generator.classes - 1}" + did_you_mean(name, holding or names)
    )
