"""BERT in torch, as much of it as sentence encoders are made of. Letters in shapes: m texts, t pieces, d channels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import InterpganError
from interpgan_core.plugin import build

_EPS = 1e-12  # of the norms
HEAD = 32
"""Channels of a head of attention: of MiniLM's; a file does not say it."""
# Hugging Face's names to ours.
_RENAMED = (
    (r"embeddings\.word_embeddings\.", "words."),
    (r"embeddings\.position_embeddings\.", "places."),
    (r"embeddings\.token_type_embeddings\.", "kinds."),
    (r"embeddings\.LayerNorm\.", "norm."),
    (r"encoder\.layer\.(\d+)\.attention\.self\.(query|key|value)\.", r"blocks.\1.\2."),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.", r"blocks.\1.attended."),
    (r"encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.", r"blocks.\1.norm."),
    (r"encoder\.layer\.(\d+)\.intermediate\.dense\.", r"blocks.\1.wide."),
    (r"encoder\.layer\.(\d+)\.output\.dense\.", r"blocks.\1.narrow."),
    (r"encoder\.layer\.(\d+)\.output\.LayerNorm\.", r"blocks.\1.last."),
)
_LEFT_OUT = ("embeddings.position_ids", "pooler.")


@dataclass(frozen=True)
class BertSizes:
    """Args: vocabulary: pieces; places: pieces of a text, at most; width: d; hidden: of a perceptron; blocks."""

    vocabulary: int
    places: int
    width: int
    hidden: int
    blocks: int


class Bert(nn.Module):
    """Devlin et al., BERT, NAACL 2019: attention over all pieces of a text, norms behind the sums."""

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.words = nn.Embedding(sizes.vocabulary, sizes.width)
        self.places = nn.Embedding(sizes.places, sizes.width)
        self.kinds = nn.Embedding(2, sizes.width)
        self.norm = nn.LayerNorm(sizes.width, _EPS)
        self.blocks = nn.ModuleList(_Block(sizes.width, sizes.hidden) for _ in range(sizes.blocks))

    def forward(self, numbers: Tensor, there: Tensor) -> Tensor:
        """What each piece means in its text.

        Args:
            numbers: (m, t) int64 of pieces.
            there: (m, t) bool, False behind the last one.

        Returns:
            (m, t, d).
        """
        places = torch.arange(numbers.shape[1], device=numbers.device)
        x = self.norm(self.words(numbers) + self.places(places) + self.kinds.weight[0])
        for block in self.blocks:
            x = block(x, there)
        return torch.as_tensor(x)


class _Block(nn.Module):
    """Attention and a perceptron, each before a norm."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.attended, self.norm = nn.Linear(width, width), nn.LayerNorm(width, _EPS)
        self.wide, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.last = nn.LayerNorm(width, _EPS)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """Args: x: (m, t, d); there: (m, t) bool; Returns: (m, t, d)."""
        q, k, v = (
            part(x).unflatten(2, (-1, HEAD)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=there[:, None, None])
        x = self.norm(x + self.attended(seen.transpose(1, 2).flatten(2)))
        return torch.as_tensor(self.last(x + self.narrow(functional.gelu(self.wide(x)))))


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dict with Hugging Face's names in those of `Bert`; what it does not use is left out."""
    found = {}
    for name, tensor in state.items():
        if not name.startswith(_LEFT_OUT):
            for old, new in _RENAMED:
                name = re.sub(f"^{old}", new, name)
            found[name] = tensor
    return found


def sizes_of(state: Mapping[str, Tensor], name: str) -> BertSizes:
    """The sizes of a BERT, by the shapes of its weights.

    Args:
        state: from `renamed`.
        name: of the file, for messages.

    Raises:
        InterpganError: if they are those of no BERT.
    """
    for part in ("words.weight", "places.weight", "blocks.0.wide.weight"):
        if part not in state or state[part].ndim != 2:
            raise InterpganError(f"{name} is no BERT: it has no {part} of two dimensions")
    width = state["words.weight"].shape[1]
    if width % HEAD:
        raise InterpganError(f"{name} has {width} channels, which no BERT has whose heads have {HEAD}")
    blocks = {found[1] for part in state if (found := re.match(r"blocks\.(\d+)\.", part))}
    return BertSizes(
        len(state["words.weight"]),
        len(state["places.weight"]),
        width,
        len(state["blocks.0.wide.weight"]),
        len(blocks),
    )


def of_state(state: Mapping[str, Tensor], name: str) -> Bert:
    """A BERT of a state dict with Hugging Face's names, frozen.

    Args:
        state: of the file.
        name: of the file, for messages.

    Raises:
        InterpganError: if it is none, or damaged.
    """
    own = renamed(state)
    sizes = sizes_of(own, name)
    return build(lambda: Bert(sizes), own, Path(name))
