"""What the networks of StyleGAN 1, 2 and 3 have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class StyleSynthesis(nn.Module, ABC):
    """Codes to styles, and styles to images."""

    @abstractmethod
    def styles(self, codes: Tensor) -> Tensor:
        """Args: codes: (n, l, d) of w+; Returns: (n, s), the styles of all layers in the order of use."""


class StyleNetwork(nn.Module):
    """The whole generator: `mapping(z, labels)` to w, and `synthesis`."""

    mapping: nn.Module
    synthesis: StyleSynthesis
