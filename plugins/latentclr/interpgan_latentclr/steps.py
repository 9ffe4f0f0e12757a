"""What moves codes while it is learned: k ways to go from a code, each of length 1.

Letters in shapes: n codes, d numbers of a code, k ways.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Kind = Literal["global", "linear", "mlp"]
DEPTH = 3  # layers of a way's network


class Steps(nn.Module):
    """k ways: vectors, linear functions of the code, or small networks of it.

    Args:
        kind: global: a vector each, the same for all codes; linear: a matrix and a vector each; mlp: a network of three
            layers each.
        count: k.
        size: d.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, kind: Kind, count: int, size: int) -> None:
        super().__init__()
        self.kind = kind
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("deviation", torch.ones(()))
        shapes = {"global": (0, 1), "linear": (1, 1), "mlp": (DEPTH, DEPTH)}[kind]
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(count, size, size) / size**0.5) for _ in range(shapes[0])
        )
        # The last bias of a network is the way that it goes from most codes, at first.
        self.biases = nn.ParameterList(
            nn.Parameter(torch.randn(count, size) if i == shapes[1] - 1 else torch.zeros(count, size))
            for i in range(shapes[1])
        )

    def forward(self, codes: Tensor) -> Tensor:
        """From codes (n, d): the ways (k, n, d), each of length 1."""
        if self.kind == "global":
            found = self.biases[0][:, None].expand(-1, len(codes), -1)
        else:
            found = self._apart(codes)[None]
            for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
                found = found @ weight + bias[:, None]
                if i < len(self.weights) - 1:
                    found = functional.leaky_relu(found, 0.2)
        return functional.normalize(found, dim=-1)

    def _apart(self, codes: Tensor) -> Tensor:
        """Codes as they lie apart from their mean, in their mean standard deviation."""
        return torch.as_tensor((codes - self.mean) / self.deviation)


def started(kind: Kind, count: int, codes: Tensor, seed: int) -> Steps:
    """Ways before training.

    Args:
        kind: of them.
        count: k.
        codes: (n, d) of many samples, for their mean and spread.
        seed: of the first weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = Steps(kind, count, codes.shape[1])
    made.mean.copy_(codes.mean(0))
    made.deviation.copy_((codes - codes.mean(0)).square().mean().sqrt())
    return made
