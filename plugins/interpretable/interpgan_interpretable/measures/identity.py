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
    """Identity after a face swap: the source's, if the features are nearer to it than to the unedited sample.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, table 3. Deviation: a network for
        recognising people decides there; here any feature net, by the cosine of its features.
    """

    before: Input[LatentBatch]
    """The samples as they were."""
    source: Input[LatentBatch]
    """The source of the face, one for each of them."""
    edits: Annotated[dict[str, Input[LatentBatch]], Field(min_length=1)]
    """The same samples after each edit, by a name for it."""
    features: Input[FeatureNet]
    """A net of identity features, or a scorer that has features, such as `avatars.scorer`."""

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
                return torch.cat([self.features.features(p) for p in generator.iter_images(batch)])

        own, source = features(self.before), features(self.source)
        rows = []
        for name, batch in progress(self.edits.items(), total=len(self.edits), what="comparing identities"):
            after = features(batch)
            near, far = (cosine_similarity(after, other) for other in (source, own))
            rows.append(
                (name, 100 * float((near > far).double().mean()), float(near.mean()), float(far.mean()))
            )
        columns = ("edit", "% the source's", "cosine with the source", "cosine with the sample")
        title = f"Identity after a swap, {len(self.before)} samples"
        return Report(tables=(Table(title, columns, tuple(rows)),))
