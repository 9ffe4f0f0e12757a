"""Attribute scores of samples, and what measures them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.files.atomic import placing
from interpgan_core.files.checkpoints import read_safetensors, write_safetensors
from interpgan_core.pictures.report import Report, Table

if TYPE_CHECKING:
    from torch import Tensor


@runtime_checkable
class Scorer(Protocol):
    """Maps images to attribute scores.

    One that takes squares alone has `needs_squares = True`: then no rectangle is brought into another shape unseen.

    Example:
        >>> from interpgan_core import Scorer
        >>> class Brightness:
        ...     names = ("brightness",)
        ...     def __call__(self, images):
        ...         return images.mean((1, 2, 3))[:, None]
        >>> isinstance(Brightness(), Scorer)
        True
    """

    names: tuple[str, ...]

    def __call__(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, len(names)) float32."""


@runtime_checkable
class FeatureNet(Protocol):
    """Maps images to features: of perception, of identity, of a classifier.

    It brings images to its own size and device, and treats each without regard to the others.

    Example:
        >>> from interpgan_core import FeatureNet
        >>> class Means:
        ...     name = "mean colours"
        ...     def features(self, images):
        ...         return images.mean((2, 3))
        >>> isinstance(Means(), FeatureNet)
        True
    """

    name: str
    """What it is, for reports: distances compare only within one net."""

    def features(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, d) float32."""


@runtime_checkable
class Finish(Protocol):
    """Makes of the picture of a sample what people will see of it, such as a face put back into its photograph.

    Example:
        >>> from interpgan_core import Finish
        >>> class Darker:
        ...     def finished(self, image, sample):
        ...         return image - 0.1 * (sample + 1)
        >>> isinstance(Darker(), Finish)
        True
    """

    def finished(self, image: Tensor, sample: int) -> Tensor:
        """Args: image: (3, h, w) float32 in [-1, 1]; sample: its number in the batch. Returns: (3, h', w'), alike."""


def score_images(scorer: Scorer, images: Tensor) -> Tensor:
    """The scores of some images, without gradients.

    Args:
        scorer: what scores them.
        images: (n, 3, h, w) float32 in [-1, 1].

    Returns:
        (n, len(scorer.names)) on the CPU, in the scorer's own type; NaN where there is no score.

    Raises:
        InterpganError: if the scorer returns another shape, or needs squares and these are none.
    """
    import torch

    height, width = images.shape[2:]
    if height != width and getattr(scorer, "needs_squares", False):
        raise InterpganError(
            f"this scorer takes squares, and these images are {height} x {width}; take a scorer of that shape"
        )

    with torch.no_grad():
        found = scorer(images).cpu()
    if tuple(found.shape) != (len(images), len(scorer.names)):
        raise InterpganError(
            f"the scorer has {len(scorer.names)} attributes and returned scores of shape {tuple(found.shape)} for "
            f"{len(images)} images; correct the scorer"
        )
    return found


@dataclass(frozen=True, eq=False)
class Scores:
    """Attribute scores of samples; a sample is its seed.

    Args:
        seeds: (n,) int64.
        values: (n, k) float32.
        names: k attributes.

    Example:
        >>> import torch
        >>> from interpgan_core import Scores
        >>> scores = Scores(torch.tensor([7, 8]), torch.tensor([[0.5], [1.0]]), ("smile",))
        >>> scores["smile"].tolist()
        [0.5, 1.0]
    """

    seeds: Tensor
    values: Tensor
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if tuple(self.values.shape) != (len(self.seeds), len(self.names)):
            raise InterpganError(
                f"{len(self.seeds)} seeds and {len(self.names)} attributes came with scores of shape "
                f"{tuple(self.values.shape)}"
            )

    def __repr__(self) -> str:
        return f"<Scores: {len(self.seeds)} samples, {', '.join(self.names)}>"

    def _repr_html_(self) -> str:
        """As a notebook shows them."""
        return self.summary()._repr_html_()

    def __getitem__(self, name: str) -> Tensor:
        """(n,) float32; scores of one attribute."""
        if name not in self.names:
            raise InterpganError(f"there are no scores of '{name}'" + did_you_mean(name, self.names))
        return self.values[:, self.names.index(name)]

    def save(self, folder: Path) -> None:
        """Write `scores.safetensors` into the folder."""
        self.write(folder / "scores.safetensors")

    def write(self, path: Path) -> None:
        """Write one file, whole or not at all; `load` reads it."""
        tensors = {"seeds": self.seeds, "values": self.values}
        write_safetensors(path, tensors, "scores", {"names": self.names})

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Scores:
        """Read what `save` wrote; `folder` may be the file itself."""
        path = folder / "scores.safetensors" if folder.is_dir() else folder
        tensors, header = read_safetensors(path, "scores")
        return cls(tensors["seeds"], tensors["values"], tuple(header["names"]))

    def write_csv(self, path: Path) -> None:
        """Write a table with a column `seed` and one column an attribute."""
        import csv

        with placing(path) as temporary, temporary.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(("seed", *self.names))
            for seed, row in zip(self.seeds.tolist(), self.values.tolist(), strict=True):
                table.writerow((seed, *row))

    def summary(self) -> Report:
        """What the report shows of them: mean, standard deviation and range of each attribute, and how many lack it."""
        rows = []
        for name in self.names:
            known = self[name][~self[name].isnan()].double()
            if len(known):
                sigma = float(known.std(correction=0))
                rows.append((name, float(known.mean()), sigma, float(known.min()), float(known.max())))
        columns = ("attribute", "mean", "standard deviation", "lowest", "highest")
        missing = int(self.values.isnan().any(1).sum())
        note = f"{missing} of them lack some score, and are left out of its row." if missing else ""
        return Report(tables=(Table(f"Scores of {len(self.seeds)} samples", columns, tuple(rows), note),))
