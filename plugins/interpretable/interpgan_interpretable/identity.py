"""The operators `interpretable.identity` and `interpretable.realism`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

from pydantic import Field

from interpgan_core import Generator, Input, InterpganError, LatentBatch, Operator, Progress, Report, Table

if TYPE_CHECKING:
    from torch import Tensor

Batches = Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]


@runtime_checkable
class Extractor(Protocol):
    """Who knows pictures by their features, such as `avatars.scorer`."""

    def features(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, f) float32."""


class MeasureIdentity(Operator):
    """Whose face is it after a swap? The lender's, if its features are more like theirs than like the sample's own.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, table 3. Deviation: a network for
        recognising people decides there; here any extractor, by the cosine of what it sees.
    """

    before: Input[LatentBatch]
    """The samples as they were."""
    source: Input[LatentBatch]
    """Those that lent their face to each of them."""
    edits: Batches
    """The same samples after each edit, by a name for it."""
    features: Input[Extractor]

    def run(self, generator: Generator, progress: Progress) -> Report:
        """Measure.

        Raises:
            InterpganError: if batches differ in size.
        """
        import torch
        from torch.nn.functional import cosine_similarity

        for name, batch in {"source": self.source, **self.edits}.items():
            if len(batch) != len(self.before):
                raise InterpganError(
                    f"'{name}' has {len(batch)} samples and 'before' {len(self.before)}; measure the batch that "
                    "was edited, with one source for each sample"
                )

        def seen(batch: LatentBatch) -> Tensor:
            with torch.no_grad():
                return torch.cat([self.features.features(p) for p in generator.iter_images(batch)])

        own, lent = seen(self.before), seen(self.source)
        rows = []
        for name, batch in progress(self.edits.items(), total=len(self.edits), what="recognising faces"):
            after = seen(batch)
            near, far = (cosine_similarity(after, whose) for whose in (lent, own))
            rows.append(
                (name, 100 * float((near > far).double().mean()), float(near.mean()), float(far.mean()))
            )
        columns = ("edit", "% the lender's", "cosine with the lender", "cosine with the sample")
        title = f"Whose face it is, {len(self.before)} samples"
        return Report(tables=(Table(title, columns, tuple(rows)),))


class MeasureRealism(Operator):
    """How real the generator's own discriminator takes pictures to be: before and after an edit, or refined."""

    batches: Batches
    """Samples, by a name for them."""

    def run(self, generator: Generator, progress: Progress) -> Report:
        """Measure.

        Raises:
            InterpganError: if the generator has no discriminator.
        """
        import torch

        if generator.discriminator is None:
            raise InterpganError(
                "this generator has no discriminator to ask; load one that comes with its own"
            )
        rows = []
        for name, batch in progress(self.batches.items(), total=len(self.batches), what="asking how real"):
            logits = []
            with torch.no_grad():
                for one in batch.split(1):
                    logits.append(generator.discriminator(generator.images(one), one.labels).flatten()[:1])
            found = torch.cat(logits).double()
            error = float(found.std()) / len(found) ** 0.5 if len(found) > 1 else None
            rows.append((name, len(found), float(found.mean()), error))
        note = "Mean logit: the higher, the more real; its standard error."
        return Report(
            tables=(Table("Realism", ("pictures", "number", "mean logit", "± error"), tuple(rows), note),)
        )
