"""The operator `text.rank`: the samples that a text describes best."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Operator,
    Progress,
    Ranges,
    Sample,
    Seeds,
    check_batch_size,
)
from interpgan_text.net import Text, TextImageNet, of_images, of_texts

if TYPE_CHECKING:
    from torch import Tensor


class RankSamples(Operator):
    """Choose, of many samples, those that a text describes best; the best comes first.

    The samples are drawn in a stream; only their similarities are kept.
    """

    net: Input[TextImageNet]
    text: Text
    """Such as "a smiling old man with glasses"."""
    seeds: Seeds = "0-499"
    """To choose among."""
    keep_best: Annotated[int, Field(ge=1)] = 8
    """How many."""
    batch_size: Annotated[int, Field(ge=1)] = 16
    """Samples at once."""

    def check(self, generator: Generator) -> LatentBatch:
        seeds = self._seeds()
        check_batch_size(generator, self.batch_size, len(seeds))
        of_texts(self.net, [self.text])
        return generator.sample(seeds[:1])

    def run(self, generator: Generator, progress: Progress) -> LatentBatch:
        seeds = self._seeds()
        close = self.similarities(generator, seeds, progress)
        best = close.argsort(descending=True, stable=True)[: self.keep_best]
        return Sample(seeds=",".join(str(seeds[k]) for k in best.tolist())).run(generator)

    def similarities(self, generator: Generator, seeds: Ranges, progress: Progress) -> Tensor:
        """(n,) float32 cosines of the text with each sample, on the CPU."""
        import torch

        text = of_texts(self.net, [self.text])[0]
        total, found = -(-len(seeds) // self.batch_size), []
        batches = generator.stream(seeds, self.batch_size)
        for batch in progress(batches, total=total, what=f"looking at {len(seeds)} samples"):
            with torch.no_grad():
                seen = of_images(self.net, generator.images(batch, self.batch_size))
            found.append((seen @ text.to(seen.device)).float().cpu())
        return torch.cat(found)

    def _seeds(self) -> Ranges:
        seeds = Ranges(self.seeds)
        if len(seeds) < self.keep_best:
            raise InterpganError(
                f"the best {self.keep_best} of {len(seeds)} samples are to be kept; give more seeds, or keep fewer"
            )
        return seeds
