"""Avatars and captions in one space: the dual encoder that comes with the package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from interpgan_avatars.captions import caption, facts_of, part_of, tokens
from interpgan_avatars.models import LICENCE, weights
from interpgan_core import Report, Table, read_safetensors, write_safetensors
from interpgan_core.plugin import build

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_avatars.text_networks import TextNet


_FIRST = 30_000
"""Seed of the first person of `captions`."""


class AvatarText:
    """A `TextImageNet` of `interpgan-text`: pictures and texts of avatars as directions of one space of 64 numbers.

    Args:
        net: trained.
        figures: held-out figures by attribute.
    """

    name = "avatars.text"
    licence = LICENCE

    def __init__(self, net: TextNet, figures: Mapping[str, float] = MappingProxyType({})) -> None:
        self.net, self.figures = net, figures

    def embed_images(self, images: Tensor) -> Tensor:
        """Where pictures lie.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1]; they are brought to 64 pixels.

        Returns:
            (n, 64) float32 of length 1; gradients flow.
        """
        return self.net.of_images(images)

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Where texts lie.

        Args:
            texts: m of up to 40 words, all of them words of avatars.

        Returns:
            (m, 64) float32 of length 1.

        Raises:
            InterpganError: if a text has no words, too many, or one that is not known.
        """
        from interpgan_avatars.text_training import padded

        numbers = padded([tokens(text) for text in texts])
        return self.net.of_texts(numbers.to(self.net.positions.device))

    def captions(self, count: int) -> list[str]:
        """Captions as of its training, of people that it was not trained on; the first of more are the same.

        Args:
            count: how many.
        """
        import numpy as np

        from interpgan_avatars.person import draw

        facts, random = (
            facts_of([draw(seed) for seed in range(_FIRST, _FIRST + count)]),
            np.random.RandomState(_FIRST),
        )
        return [caption(part_of(row, random), random) for row in facts]

    def save(self, folder: Path) -> None:
        """Write `text.safetensors`."""
        header = {"figures": dict(self.figures)}
        state = {name: t.half() if t.is_floating_point() else t for name, t in self.net.state_dict().items()}
        write_safetensors(folder / "text.safetensors", state, "avatar text", header)

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote; `folder` may be the file itself."""
        from interpgan_avatars.text_networks import TextNet

        path = folder / "text.safetensors" if folder.is_dir() else folder
        tensors, header = read_safetensors(path, "avatar text")
        return cls(build(TextNet, tensors, path), header["figures"])

    @classmethod
    def shipped(cls, device: str = "cpu") -> Self:
        """The one that comes with the package."""
        found = cls.load(weights("text"))
        found.net.to(device)
        return found

    def summary(self) -> Report:
        """Held-out figures."""
        rows = tuple(self.figures.items())
        note = (
            "Share of right answers, when each value of an attribute is a text; retrieval: how often the person's own "
            "caption is the nearest of 100."
        )
        return Report(tables=(Table("On pictures that it had not seen", ("what", "figure"), rows, note),))
