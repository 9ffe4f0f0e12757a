"""What a net of text and pictures is, and how its embeddings are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Protocol, runtime_checkable

from pydantic import AfterValidator

from interpgan_core import InterpganError, seeded_normal

if TYPE_CHECKING:
    from torch import Tensor

_PROBE = 0x7E  # seed of the picture of `probe`
_SAME = 2e-3  # numbers of probes on two machines, of a net in half precision too


@runtime_checkable
class TextImageNet(Protocol):
    """Maps pictures and texts into one space, where a picture lies near what is said of it.

    It brings pictures to its own size and device, treats each without regard to the others, and lets gradients flow.
    Any object with these names will do; it imports nothing from here.

    Example:
        >>> import torch
        >>> from interpgan_text.net import TextImageNet
        >>> class Brightness:
        ...     name, licence = "brightness", "none"
        ...     def embed_images(self, images):
        ...         mean = images.mean((1, 2, 3))
        ...         return torch.stack([mean, 1 - mean.abs()], 1)
        ...     def embed_texts(self, texts):
        ...         return torch.tensor([[1.0 if "bright" in text else -1.0, 0.1] for text in texts])
        >>> isinstance(Brightness(), TextImageNet)
        True
    """

    name: str
    """What it is, for reports: similarities compare only within one net."""
    licence: str
    """Of its weights."""

    def embed_images(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) float32 in [-1, 1]. Returns: (n, d) float32 of any length."""

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Args: texts: m of them. Returns: (m, d) float32 of any length."""


def _with_words(text: str) -> str:
    if not text.strip():
        raise InterpganError(
            "a text is empty; write what the picture shall show, such as 'a smiling old man'"
        )
    return text


Text = Annotated[str, AfterValidator(_with_words)]
"""A text that has words."""


def of_images(net: TextImageNet, images: Tensor) -> Tensor:
    """(n, d) embeddings of pictures, of length 1, on their device; gradients flow."""
    from torch.nn import functional

    return functional.normalize(net.embed_images(images).to(images.device), dim=1)


def of_texts(net: TextImageNet, texts: Sequence[str]) -> Tensor:
    """(m, d) embeddings of texts, of length 1, without gradients.

    Raises:
        InterpganError: if the net cannot read one of them.
    """
    import torch
    from torch.nn import functional

    with torch.no_grad():
        return functional.normalize(net.embed_texts(list(texts)), dim=1)


def toward(net: TextImageNet, texts: Sequence[str], neutral: str) -> Tensor:
    """Directions of the common space that lead from a neutral text to others.

    Args:
        net: whose space.
        texts: m targets.
        neutral: what is the same in all, such as "a person".

    Returns:
        (m, d) of length 1.

    Raises:
        InterpganError: if a target means the same to the net as the neutral text.

    Source:
        Patashnik et al., StyleCLIP, ICCV 2021, section 6.1, with one text in place of a set of templates.
    """
    from torch.nn import functional

    embedded = of_texts(net, [*texts, neutral])
    changes = embedded[:-1] - embedded[-1]
    for text, change in zip(texts, changes, strict=True):
        if not change.norm() > 1e-4:
            raise InterpganError(
                f"'{text}' and the neutral text '{neutral}' mean the same to {net.name}; say what shall change"
            )
    return functional.normalize(changes, dim=1)


def check_gradients(net: TextImageNet, side: int = 64) -> None:
    """Check that a net's embeddings have gradients to the picture; embeds one grey picture.

    Raises:
        InterpganError: if they have none.
    """
    import torch

    with torch.enable_grad():
        found = net.embed_images(torch.zeros(1, 3, side, side, requires_grad=True))
    if not found.requires_grad:
        raise InterpganError(
            f"the embeddings of {net.name} have no gradient to the picture; take a net that has, such as avatars.text"
        )


def probe(net: TextImageNet) -> list[float]:
    """Where a net sees one certain picture: by this, what was trained on its image tower knows it again.

    Returns:
        e numbers, of length 1, rounded to four places.
    """
    import torch

    picture = seeded_normal([_PROBE], (3, 8, 8)).clamp(-1, 1)
    picture = picture.repeat_interleave(8, 2).repeat_interleave(8, 3)
    with torch.no_grad():
        found: list[float] = of_images(net, picture)[0].double().cpu().tolist()
    return [round(number, 4) for number in found]


def check_probe(net: TextImageNet, kept: Sequence[float], what: str, advice: str) -> None:
    """Check that something was trained on a net.

    Args:
        net: in whose space it shall be used.
        kept: the `probe` of the one that it was trained on.
        what: it is, for messages: "this mapper".
        advice: what to do instead, after a semicolon.

    Raises:
        InterpganError: if the two are not the same net.
    """
    now = probe(net)
    if len(now) != len(kept):
        raise InterpganError(
            f"{what} was trained on a net whose embeddings have {len(kept)} numbers, and those of {net.name} have "
            f"{len(now)}; {advice}"
        )
    if max(abs(a - b) for a, b in zip(now, kept, strict=True)) > _SAME:
        raise InterpganError(f"{what} was trained on another net than {net.name}; {advice}")
