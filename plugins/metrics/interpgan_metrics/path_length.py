"""The operator `metrics.path-length`: how evenly pictures change along a path through latent space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from interpgan_core import (
    FeatureNet,
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Operator,
    Progress,
    Ranges,
    Report,
    Seeds,
    Table,
)
from interpgan_metrics.features import Count, vectors

if TYPE_CHECKING:
    from torch import Tensor

OTHER_END = 2**31  # a path leads from a seed's sample to that of the seed with this bit turned


class PathLength(Operator):
    """Perceptual path length: how much a picture changes for a small step between two samples.

    Each path comes from one seed alone. The change is the squared Euclidean distance of the extractor's
    features, scaled to length 1, over the squared step; the lowest and the highest 1 % are left out of the mean.

    Source: Karras et al., A Style-Based Generator Architecture for GANs, CVPR 2019, section 4.1, equations 2 and 3.
        Deviations: the distance is not LPIPS, so that numbers compare only within one extractor; a path
        through z takes the length of its codes from one end's to the other's, where the paper's z are on a sphere.
    """

    features: Input[FeatureNet]
    """The extractor."""
    seeds: Seeds = "0-9999"
    """The paths, one a seed."""
    space: Literal["z", "w"] = "w"
    """Where the path runs: along an arc in z, along a line in w."""
    sampling: Literal["full", "end"] = "full"
    """Where on the path the step is: anywhere, or at its beginning, where pictures are as the generator draws them."""
    epsilon: Annotated[float, Field(ge=1e-5, le=0.1)] = 1e-4
    """The step, as a part of the path; a smaller one than 1e-5 is lost in float32."""
    batch_size: Count = 16

    def check(self, generator: Generator) -> None:
        generator.vector_space(self.space)
        if any(parameter.dtype.itemsize < 4 for parameter in generator.module.parameters()):
            raise InterpganError(
                f"a step of {self.epsilon:g} is lost in half precision; load the generator with precision: float32"
            )

    def run(self, generator: Generator, progress: Progress) -> Report:
        import torch

        self.check(generator)
        seeds = Ranges(self.seeds)
        starts = range(0, len(seeds), self.batch_size)
        found = []
        # TensorFloat-32, which convolutions of a GPU take by default, rounds more than a step changes.
        own = {
            name: getattr(torch.backends.cudnn, name) for name in ("enabled", "benchmark", "deterministic")
        }
        with torch.backends.cudnn.flags(**own, allow_tf32=False):
            for start in progress(starts, total=len(starts), what=f"measuring {len(seeds)} paths"):
                found.append(self._lengths(generator, seeds[start : start + self.batch_size]))
        lengths = torch.cat(found)
        kept = trimmed(lengths)
        lines = (
            ("path length", float(kept.mean())),
            ("its standard error", float(kept.std() / len(kept) ** 0.5) if len(kept) > 1 else None),
            ("median", float(lengths.median())),
            ("paths", len(lengths)),
            ("of these in the mean", len(kept)),
            ("space", self.space),
            ("sampling", self.sampling),
            ("step", self.epsilon),
            ("extractor", self.features.name),
        )
        note = "Squared distance of the extractor's features, not LPIPS: numbers compare only within one extractor."
        return Report(tables=(Table("Perceptual path length", ("measure", "value"), lines, note),))

    def _lengths(self, generator: Generator, seeds: Sequence[int]) -> Tensor:
        """(n,) float64; of each path."""
        import numpy as np
        import torch

        first = generator.sample(seeds)
        # Both ends are of one class: where classes change is not what is measured.
        second = replace(generator.sample([seed ^ OTHER_END for seed in seeds]), labels=first.labels)
        along = arc if self.space == "z" else torch.lerp
        ends = [generator.to_space(batch, self.space) for batch in (first, second)]
        a, b = (batch.codes.double() for batch in ends)
        drawn = [np.random.RandomState([seed, OTHER_END]).rand() for seed in seeds]
        where = torch.tensor(drawn, dtype=torch.float64, device=a.device)
        where = where.mul(self.sampling == "full").view(-1, *[1] * (a.ndim - 1))
        steps = [along(a, b, where), along(a, b, where + self.epsilon)]
        before, after = (self._features(generator, replace(ends[0], codes=codes.float())) for codes in steps)
        return (after - before).square().sum(1) / self.epsilon**2

    def _features(self, generator: Generator, batch: LatentBatch) -> Tensor:
        """(n, size) float64; features of length 1, of pictures that are not rounded, or a step would vanish."""
        import torch

        (found,) = vectors(self.features, [generator.images(batch, self.batch_size)])
        return torch.nn.functional.normalize(found.double(), dim=1)


def arc(a: Tensor, b: Tensor, where: Tensor) -> Tensor:
    """Points on the great circle through two directions, their lengths between the ends' lengths.

    Args:
        a: (n, *shape) float64.
        b: (n, *shape) float64.
        where: (n, 1, …) float64; 0 is at a, 1 at b.

    Returns:
        (n, *shape) float64.

    Source:
        Shoemake, Animating Rotation with Quaternion Curves, SIGGRAPH 1985, by the part of b
        that is at right angles to a.
    """
    import torch

    dims = tuple(range(1, a.ndim))
    length, other = (torch.linalg.vector_norm(end, dim=dims, keepdim=True) for end in (a, b))
    u, v = a / length, b / other
    cosine = (u * v).sum(dims, keepdim=True)
    across = v - cosine * u
    across = across / torch.linalg.vector_norm(across, dim=dims, keepdim=True).clamp_min(1e-12)
    angle = where * cosine.clamp(-1, 1).acos()
    points: Tensor = torch.lerp(length, other, where) * (u * angle.cos() + across * angle.sin())
    return points


def trimmed(values: Tensor) -> Tensor:
    """The values from the 1st to the 99th percentile; all of them where they are fewer than 100."""
    import torch

    low = torch.quantile(values, 0.01, interpolation="lower")
    high = torch.quantile(values, 0.99, interpolation="higher")
    return values[(values >= low) & (values <= high)]
