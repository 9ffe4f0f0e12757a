"""Filters in groups beside the maps of a layer: what an edit of them changes is added to the maps.

Shape symbols: n samples, c channels of the layer, m filters, g groups, h w positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of the leaky ReLU
CONTEXT = 5  # positions, the side of what the gates see
QUIET = 0.1  # probability of a group up to which its filters are silent


class FilterBank(nn.Module):
    """Filters f of maps x, and what their edits f' do: x + D (f' - f), the very bytes of x where f' is f.

    The filters of a group are responses to x times the group's gate: how far the probability of the group at that
    position, of all groups, is above `QUIET`. So a filter is 0 outside of its concept, not only small.

    Args:
        channels: c.
        hidden: width of the hidden layer.
        groups: (m,) int64, of each filter, from 0 to g - 1.
    """

    groups: Tensor

    def __init__(self, channels: int, hidden: int, groups: Tensor) -> None:
        super().__init__()
        self.register_buffer("groups", groups)
        count = int(groups.max()) + 1
        self.trunk = nn.Conv2d(channels, hidden, 1)
        self.context = nn.Conv2d(
            hidden, hidden, CONTEXT, padding=CONTEXT // 2, groups=hidden, padding_mode="replicate"
        )
        self.gate = nn.Conv2d(hidden, count, 1)
        self.response = nn.Conv2d(hidden, len(groups), 1)
        self.decoder = nn.Conv2d(len(groups), channels, 1, bias=False)
        self.maps = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Args: x: (n, c, h, w) of any precision. Returns: the same; x itself unless a hook changes `maps`."""
        filters, _ = self.respond(x.float())
        edited = self.maps(filters)
        return x if edited is filters else x + self.decoder(edited - filters).to(x.dtype)

    def respond(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the filters answer.

        Args:
            x: (n, c, h, w) float32.

        Returns:
            Filters (n, m, h, w), none below 0; and logits of the groups, (n, g, h, w).
        """
        hidden = functional.leaky_relu(self.trunk(x), SLOPE)
        logits = self.gate(functional.leaky_relu(hidden + self.context(hidden), SLOPE))
        gates = (logits.softmax(1) - QUIET).clamp(min=0) / (1 - QUIET)
        return self.response(hidden).relu() * torch.einsum("nghw,mg->nmhw", gates, self.members), logits

    @property
    def members(self) -> Tensor:
        """(m, g) float32; 1 where a filter is of a group: a product with it is quicker than an index."""
        return functional.one_hot(self.groups, self.gate.out_channels).to(self.gate.weight)

    @torch.no_grad()
    def start(self, mean: Tensor, std: Tensor) -> None:
        """See standardised maps.

        Args:
            mean, std: (c,) of the maps.
        """
        self.trunk.weight /= std[:, None, None]
        _bias_of(self.trunk).sub_(self.trunk.weight[..., 0, 0] @ mean)

    @torch.no_grad()
    def scale(self, rms: Tensor) -> None:
        """Divide every filter; what edits do stays.

        Args:
            rms: (m,); a filter of 0 stays.
        """
        rms = torch.where(rms > 0, rms, 1.0)
        self.response.weight /= rms[:, None, None, None]
        _bias_of(self.response).div_(rms)
        self.decoder.weight *= rms[:, None, None]

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Make it again, frozen.

        Args:
            tensors: its state dict.
        """
        hidden, channels = tensors["trunk.weight"].shape[:2]
        made = cls(channels, hidden, tensors["groups"])
        made.load_state_dict(dict(tensors))
        return made.eval().requires_grad_(False)


def _bias_of(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
