"""The operator `interpretable.identity`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    FeatureNet,
    Generator,
    Input,
    LatentBatch,
    Operator,
    Progress,
    Report,
    Table,
    check_equal_lengths,
)

if TYPE_CHECKING:
    from torch import Tensor


class MeasureIdentity(Operator):
    """How often a swapped face is the source's: its features are nearer to the source's than to the sample's own.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, table 3. Deviation: it decides by a
        face recognition network; here any feature net will do, by the cosine of features.
    """

    before: Input[LatentBatch]
    """The samples as they were."""
    source: Input[LatentBatch]
    """The source of the face of each of them."""
    edits: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]
    """The same samples after each edit, by a name for it."""
    features: Input[FeatureNet]

    def run(self, generator: Generator, progress: Progress) -> Report:
        """Measure.

        Raises:
            InterpganError: if batches differ in size.
        """
        import torch
        from torch.nn.functional import cosine_similarity

        check_equal_lengths({"before": self.before, "source": self.source, **self.edits})

        def features(batch: LatentBatch) -> Tensor:
            with torch.no_grad():
                return torch.cat([self.features.features(image) for image in generator.iter_images(batch)])

        own, source = features(self.before), features(self.source)
        rows = []
        for name, batch in progress(self.edits.items(), total=len(self.edits), what="recognising faces"):
            after = features(batch)
            to_source, to_own = (cosine_similarity(after, face) for face in (source, own))
            share = 100 * float((to_source > to_own).double().mean())
            rows.append((name, share, float(to_source.mean()), float(to_own.mean())))
        columns = ("edit", "% the source's", "cosine with the source", "cosine with the sample")
        title = f"Identity after a swap, {len(self.before)} samples"
        return Report(tables=(Table(title, columns, tuple(rows)),))
