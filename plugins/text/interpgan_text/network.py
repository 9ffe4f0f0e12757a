"""CLIP's network: a vision transformer and a text transformer. Letters in shapes: n items, t tokens, c channels.

Source: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021.
Parameters bear the names of OpenAI's files.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Tower:
    """The size of a transformer.

    Args:
        width: channels.
        heads: of its attention.
        layers: how many.
        hidden: channels inside its perceptrons.
    """

    width: int
    heads: int
    layers: int
    hidden: int


@dataclass(frozen=True)
class Sizes:
    """The sizes of a CLIP.

    Args:
        vision, text: its towers.
        patch: side of a patch, in pixels.
        side: of the picture, in pixels.
        context: tokens of a text, at most.
        vocabulary: how many tokens there are.
        embedding: numbers of an embedding.
        quick: is the activation x * sigmoid(1.702 x), rather than GELU?
    """

    vision: Tower
    text: Tower
    patch: int
    side: int
    context: int
    vocabulary: int
    embedding: int
    quick: bool


class ClipNetwork(nn.Module):
    """Pictures and tokens to embeddings."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.text.width
        self.visual = _Vision(sizes)
        self.token_embedding = nn.Embedding(sizes.vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(sizes.context, width))
        self.transformer = _Transformer(sizes.text, sizes.quick)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, sizes.embedding))
        self.logit_scale = nn.Parameter(torch.empty(()))

    def of_pictures(self, pictures: Tensor) -> Tensor:
        """Args: pictures: (n, 3, side, side), normalised; Returns: (n, embedding)."""
        found: Tensor = self.visual(pictures)
        return found

    def of_tokens(self, tokens: Tensor) -> Tensor:
        """Args: tokens: (n, t) int64; the end of a text is its highest number; Returns: (n, embedding)."""
        t = tokens.shape[1]
        x = self.token_embedding(tokens) + self.positional_embedding[:t]
        x = self.ln_final(self.transformer(x, causal=True))
        ends: Tensor = x[torch.arange(len(x)), tokens.argmax(1)]
        return ends @ self.text_projection


class _Vision(nn.Module):
    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.vision.width
        self.conv1 = nn.Conv2d(3, width, sizes.patch, sizes.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty((sizes.side // sizes.patch) ** 2 + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = _Transformer(sizes.vision, sizes.quick)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, sizes.embedding))

    def forward(self, pictures: Tensor) -> Tensor:
        """Args: pictures: (n, 3, side, side); Returns: (n, embedding)."""
        patches = self.conv1(pictures).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(patches), 1, -1)
        x = self.ln_pre(torch.cat([first, patches], 1) + self.positional_embedding)
        x = self.ln_post(self.transformer(x)[:, 0])
        return torch.as_tensor(x) @ self.proj


class _Transformer(nn.Module):
    def __init__(self, tower: Tower, quick: bool) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(_Block(tower, quick) for _ in range(tower.layers))

    def forward(self, x: Tensor, causal: bool = False) -> Tensor:
        """Args: x: (n, t, c); causal: does a token see the earlier ones alone? Returns: (n, t, c)."""
        for block in self.resblocks:
            x = block(x, causal)
        return x


class _Block(nn.Module):
    def __init__(self, tower: Tower, quick: bool) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(tower.width), nn.LayerNorm(tower.width)
        self.attn = _Attention(tower.width, tower.heads)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(tower.width, tower.hidden), "c_proj": nn.Linear(tower.hidden, tower.width)}
        )
        self.quick = quick

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        """Args: x: (n, t, c); Returns: (n, t, c)."""
        x = x + self.attn(self.ln_1(x), causal)
        inside = self.mlp["c_fc"](self.ln_2(x))
        active = inside * torch.sigmoid(1.702 * inside) if self.quick else functional.gelu(inside)
        return x + torch.as_tensor(self.mlp["c_proj"](active))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        """Args: x: (n, t, c); Returns: (n, t, c)."""
        n, t, _ = x.shape
        projected = functional.linear(x, self.in_proj_weight, self.in_proj_bias)
        q, k, v = projected.view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return torch.as_tensor(self.out_proj(attended.transpose(1, 2).reshape(n, t, -1)))
