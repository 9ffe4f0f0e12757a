"""The network of a head of `text.sentences`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class HeadNet(nn.Module):
    """A perceptron of one layer between, into directions of a space.

    Args:
        sentence: numbers of a sentence.
        width: of the layer between.
        space: numbers of an embedding.
    """

    def __init__(self, sentence: int, width: int, space: int) -> None:
        super().__init__()
        self.shape = {"sentence": sentence, "width": width, "space": space}
        self.wide, self.narrow = nn.Linear(sentence, width), nn.Linear(width, space)

    def forward(self, sentences: Tensor) -> Tensor:
        """Args: sentences: (m, s) of length 1; Returns: (m, e) of length 1."""
        # Their numbers are about 1 then, as the weights of a new layer expect it.
        x = functional.gelu(self.wide(sentences * sentences.shape[1] ** 0.5))
        return torch.as_tensor(functional.normalize(self.narrow(x), dim=1))
