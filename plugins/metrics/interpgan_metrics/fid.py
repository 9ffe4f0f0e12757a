"""The operator `metrics.fid`: distances between the features of real and of generated pictures."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from interpgan_core import (
    FeatureNet,
    Generator,
    Input,
    InterpganError,
    Progress,
    Ranges,
    Report,
    Table,
)
from interpgan_metrics.features import (
    Comparison,
    Count,
    chosen,
    feature_count,
    generated_pictures,
    real_pictures,
    vectors,
)

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance


class FrechetDistance(Comparison):
    """Fréchet and kernel distance between real and generated pictures, in one pass over both.

    Means and covariances are added up in float64, with constant memory; the kernel distance keeps the features.
    Beside the distance stands that between two random halves of the data, and what follows from it for a
    perfect generator measured with as many pictures: FID is biased upwards, in proportion to 1 / pictures.

    Source: Heusel et al., GANs Trained by a Two Time-Scale Update Rule, NeurIPS 2017, equation 6, and
        Bińkowski et al., Demystifying MMD GANs, ICLR 2018, both as torchmetrics computes them. The bias: Chong &
        Forsyth, Effectively Unbiased FID and Inception Score and Where to Find Them, CVPR 2020, section 3.
        Deviation: the features are those of the extractor that is given.
    """

    features: Input[FeatureNet]
    """The extractor."""
    kid: bool = True
    """Measure the kernel distance too."""
    subsets: Count = 100
    """Over how many random subsets the kernel distance is averaged."""
    subset_size: Count = 1000
    """Pictures in each, of either kind."""

    def check(self, generator: Generator) -> None:
        super().check(generator)
        (found,) = vectors(self.features, [generator.images(generator.sample([0]))])
        self._few(len(Ranges(self.seeds)), min(self.real, len(self.data)), found.shape[1])

    def check_counts(self, generated: int, real: int) -> None:
        if not self.kid:
            return
        for count, what, cure in self._sides(generated, real):
            if count < self.subset_size:
                raise InterpganError(
                    f"{count} {what} make no subset of {self.subset_size} for KID; {cure}, or lower 'subset_size'"
                )

    def run(self, generator: Generator, progress: Progress) -> Report:
        seeds, rows = Ranges(self.seeds), chosen(self.data, self.real)
        size = feature_count(self.features, self.data)
        few = self._few(len(seeds), len(rows), size)
        whole, halves = _frechet(size), _frechet(size)
        kernel = self._kernel(size) if self.kid else None
        seen = 0
        for found in vectors(self.features, real_pictures(self.data, rows, self.batch_size, progress)):
            whole.update(found.double(), real=True)
            # The rows stand in random order, so every other one makes a random half.
            halves.update(found[seen % 2 :: 2].double(), real=True)
            halves.update(found[1 - seen % 2 :: 2].double(), real=False)
            seen += len(found)
            if kernel:
                kernel.update(found, real=True)
        pictures = generated_pictures(generator, seeds, self.batch_size, progress)
        for found in vectors(self.features, pictures):
            whole.update(found.double(), real=False)
            if kernel:
                kernel.update(found, real=False)
        # A covariance of fewer pictures than features says nothing, here as above.
        floor = float(halves.compute()) if len(rows) // 2 >= size else None
        # The bias is c (1 / real + 1 / generated), and so 4 c / real between two halves.
        perfect = None if floor is None else floor * (1 + len(rows) / len(seeds)) / 4
        lines: list[tuple[str, float | str | None]] = [
            ("FID", None if few else float(whole.compute())),
            ("FID between two halves of the data", floor),
            ("FID of a perfect generator, about", perfect),
        ]
        if kernel:
            mean, std = _computed(kernel)
            lines += [("KID", float(mean)), ("standard deviation of KID over the subsets", float(std))]
        lines += [
            ("real pictures", len(rows)),
            ("generated pictures", len(seeds)),
            ("extractor", self.features.name),
            ("features", size),
        ]
        note = f"{few}Numbers compare only within one extractor and equal numbers of pictures."
        return Report(tables=(Table("Distance from the data", ("measure", "value"), tuple(lines), note),))

    def _few(self, generated: int, real: int, size: int) -> str:
        """Why there is no FID, in a sentence; "" where there is one.

        Raises:
            InterpganError: if the pictures are too few for both distances, or for the subsets of the kernel distance.
        """
        few = ""
        self.check_counts(generated, real)
        for count, what, cure in self._sides(generated, real):
            if count < size and not self.kid:
                raise InterpganError(
                    f"{count} {what} are too few for the {size} features of {self.features.name}: FID needs "
                    f"at least as many; {cure}, or measure the kernel distance alone with kid: true"
                )
            if count < size:
                few = f"{count} {what} are too few for the {size} features of FID; KID needs no more than its subsets. "
        return few

    @staticmethod
    def _sides(generated: int, real: int) -> tuple[tuple[int, str, str], ...]:
        return (
            (generated, "samples", "give more seeds"),
            (real, "real pictures", "raise 'real', or take more data"),
        )

    def _kernel(self, size: int) -> KernelInceptionDistance:
        from torchmetrics.image.kid import KernelInceptionDistance

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it keeps the features
            return KernelInceptionDistance(
                feature=_identity(size), subsets=self.subsets, subset_size=self.subset_size
            )


def _frechet(size: int) -> FrechetInceptionDistance:
    from torchmetrics.image.fid import FrechetInceptionDistance

    return FrechetInceptionDistance(feature=_identity(size))


def _identity(size: int) -> nn.Module:
    """For torchmetrics, which takes a network that computes features; here they are computed before."""
    import torch

    class Identity(torch.nn.Identity):
        num_features = size

    return Identity()


def _computed(kernel: KernelInceptionDistance) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation. torchmetrics draws the subsets from torch's global random numbers."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        return kernel.compute()
