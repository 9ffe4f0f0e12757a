"""The network of `avatars.text`. Letters in shapes: n pictures, m texts, t words."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_avatars.captions import LONGEST, VOCABULARY
from interpgan_avatars.networks import _conv, resized

SIZE = 64
"""Numbers of an embedding."""
_WIDTH, _HEADS, _BLOCKS = 64, 4, 2


class TextNet(nn.Module):
    """Two towers into one space: convolutions over pictures, a small transformer over words."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 96, 128)
        self.pictures = nn.Sequential(
            *(_conv(a, b, stride=2) for a, b in pairwise(widths)),
            nn.Flatten(),
            nn.Linear(16 * widths[-1], 192),
            nn.ReLU(),
            nn.Linear(192, SIZE),
        )
        self.words = nn.Embedding(len(VOCABULARY), _WIDTH)
        self.positions = nn.Parameter(torch.randn(LONGEST, _WIDTH) * 0.1)
        self.blocks = nn.ModuleList(_Block() for _ in range(_BLOCKS))
        self.texts = nn.Sequential(nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, SIZE))
        self.log_scale = nn.Parameter(torch.tensor(14.0).log())

    def of_images(self, images: Tensor) -> Tensor:
        """Args: images: (n, 3, h, w) in [-1, 1]; Returns: (n, 64) of length 1."""
        return functional.normalize(self.pictures(resized(images)), dim=1)

    def of_texts(self, numbers: Tensor) -> Tensor:
        """Args: numbers: (m, t) int64 of words, 0 after the last; Returns: (m, 64) of length 1."""
        there = numbers > 0
        x = self.words(numbers) + self.positions[: numbers.shape[1]]
        for block in self.blocks:
            x = block(x, there)
        shares = there[..., None] / there.sum(1)[:, None, None]
        return functional.normalize(self.texts((x * shares).sum(1)), dim=1)


class _Block(nn.Module):
    """Attention and a perceptron, each behind a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.queries = nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, 3 * _WIDTH)
        self.out = nn.Linear(_WIDTH, _WIDTH)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(_WIDTH), nn.Linear(_WIDTH, 2 * _WIDTH), nn.GELU(), nn.Linear(2 * _WIDTH, _WIDTH)
        )

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """Args: x: (m, t, 64); there: (m, t) bool; Returns: (m, t, 64)."""
        m, t, _ = x.shape
        q, k, v = self.queries(self.norm(x)).view(m, t, 3, _HEADS, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=there[:, None, None])
        x = x + self.out(attended.transpose(1, 2).reshape(m, t, -1))
        return x + torch.as_tensor(self.perceptron(x))
