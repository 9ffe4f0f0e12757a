"""The operator `interpretable.realism`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from interpgan_core import Generator, Input, InterpganError, LatentBatch, Operator, Progress, Report, Table


class MeasureRealism(Operator):
    """The logits of the generator's own discriminator: before and after an edit, or refined."""

    batches: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]
    """Samples, by a name for them."""

    def check(self, generator: Generator) -> None:
        if generator.discriminator is None:
            raise InterpganError("this generator has no discriminator; load one that comes with its own")

    def run(self, generator: Generator, progress: Progress) -> Report:
        """Measure.

        Raises:
            InterpganError: if the generator has no discriminator.
        """
        import torch

        self.check(generator)
        assert generator.discriminator is not None
        rows = []
        for name, batch in progress(self.batches.items(), total=len(self.batches), what="measuring realism"):
            logits = []
            with torch.no_grad():
                for one in batch.split(1):
                    logits.append(generator.discriminator(generator.images(one), one.labels).flatten()[:1])
            found = torch.cat(logits).double()
            error = float(found.std()) / len(found) ** 0.5 if len(found) > 1 else None
            rows.append((name, len(found), float(found.mean()), error))
        columns = ("pictures", "number", "mean logit", "± error")
        note = "Mean logit of the discriminator, with its standard error: the higher, the more real."
        return Report(tables=(Table("Realism", columns, tuple(rows), note),))
