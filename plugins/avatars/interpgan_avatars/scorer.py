"""The scorer of avatars, which comes with the package: attributes, and features for metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from interpgan_avatars.models import weights
from interpgan_avatars.person import ATTRIBUTES
from interpgan_core import Report, Table, read_safetensors, write_safetensors
from interpgan_core.plugin import build

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_avatars.networks import ScorerNet


class AvatarScorer:
    """A `Scorer`, and a `FeatureNet` for distances between sets of avatars.

    Args:
        net: trained.
        scale: "probability" or "logit", of everything but the pose.
        figures: held-out figures by attribute.

    Attributes:
        names: pose, from -1 to 1; smile, age (old), gender (male), eyeglasses, beard.
        name: of the features.
    """

    names: tuple[str, ...] = ATTRIBUTES
    name = "avatars"
    needs_squares = True

    def __init__(
        self,
        net: ScorerNet,
        scale: str = "probability",
        figures: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.net, self.scale, self.figures = net, scale, figures

    def __call__(self, images: Tensor) -> Tensor:
        """Scores.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].

        Returns:
            (n, 6) float32, in the order of `names`.
        """
        found: Tensor = self.net(images)["attributes"]
        if self.scale == "probability":
            found = found.sigmoid().index_copy(1, found.new_zeros(1).long(), found[:, :1])
        return found

    def features(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]; Returns: (n, 256) float32, none below 0."""
        return self.net.features(images)

    def groups(self, images: Tensor) -> dict[str, Tensor]:
        """Which hair colour ("hair"), skin tone ("skin") and hair style ("style"): (n,) int64 each."""
        return {name: logits.argmax(1) for name, logits in self.net(images).items() if name != "attributes"}

    def save(self, folder: Path) -> None:
        """Write `scorer.safetensors`."""
        header = {"figures": dict(self.figures)}
        write_safetensors(folder / "scorer.safetensors", self.net.state_dict(), "avatar scorer", header)

    @classmethod
    def load(cls, folder: Path, generator: Any = None, scale: str = "probability") -> Self:
        """Read what `save` wrote; `folder` may be the file itself."""
        from interpgan_avatars.networks import ScorerNet

        path = folder / "scorer.safetensors" if folder.is_dir() else folder
        tensors, header = read_safetensors(path, "avatar scorer")
        return cls(build(ScorerNet, tensors, path), scale, header["figures"])

    @classmethod
    def shipped(cls, scale: str = "probability", device: str = "cpu") -> Self:
        """The one that comes with the package."""
        scorer = cls.load(weights("scorer"), scale=scale)
        scorer.net.to(device)
        return scorer

    def summary(self) -> Report:
        """Held-out figures."""
        rows = tuple(self.figures.items())
        note = "Correlation for the pose, share of right answers for everything else."
        return Report(tables=(Table("On pictures that it had not seen", ("what", "figure"), rows, note),))
