"""The networks: a flow between codes and normal numbers given attributes, and a reader of attributes.

Letters in shapes: n codes, d numbers of a code, k attributes in standard deviations.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_BOUND = 1.5  # of the logarithm of a coupling's scale


class Flow(nn.Module):
    """p(code | attributes) by change of variables; the way back is exact.

    A code is whitened by its principal axes, moved by a linear function of the attributes, and passed through couplings
    (Dinh et al., RealNVP, ICLR 2017) whose networks also see the attributes. All couplings begin as the identity: the
    model begins as a normal distribution whose mean depends on the attributes.

    Args:
        size: d.
        attributes: k.
        width: of the couplings' networks.
        couplings: how many.
    """

    mean: Tensor
    axes: Tensor
    scales: Tensor
    orders: Tensor

    def __init__(self, size: int, attributes: int, width: int, couplings: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("axes", torch.eye(size))  # a column each
        self.register_buffer("scales", torch.ones(size))
        self.register_buffer("orders", torch.arange(size).repeat(couplings, 1))
        self.linear = nn.Linear(attributes, size, bias=False)
        self.couplings = nn.ModuleList(Coupling(size, attributes, width) for _ in range(couplings))
        self.reader = Reader(size, attributes, width)

    def white(self, codes: Tensor) -> Tensor:
        """Codes (n, d) in standard deviations along their principal axes (n, d)."""
        return torch.as_tensor((codes - self.mean) @ self.axes / self.scales)

    def read(self, codes: Tensor) -> Tensor:
        """The attributes (n, k) that codes (n, d) are likely to have."""
        return torch.as_tensor(self.reader(self.white(codes)))

    def forward(self, codes: Tensor, attributes: Tensor) -> tuple[Tensor, Tensor]:
        """From codes to normal numbers.

        Args:
            codes: (n, d).
            attributes: (n, k).

        Returns:
            (n, d), and (n,) logarithms of the determinants, without the constant one of whitening.
        """
        x = self.white(codes) - self.linear(attributes)
        grown = x.new_zeros(len(x))
        for order, coupling in zip(self.orders, self.couplings, strict=True):
            x, more = coupling(x[:, order], attributes)
            grown = grown + more
        return x, grown

    def back(self, normal: Tensor, attributes: Tensor) -> Tensor:
        """From normal numbers (n, d) to codes (n, d), given attributes (n, k): the inverse of `forward`."""
        x = normal
        for order, coupling in zip(self.orders.flip(0), reversed(list(self.couplings)), strict=True):
            x = coupling.back(x, attributes)[:, order.argsort()]  # type: ignore[operator]
        x = x + self.linear(attributes)
        return torch.as_tensor((x * self.scales) @ self.axes.T + self.mean)

    def loss(self, codes: Tensor, attributes: Tensor) -> Tensor:
        """(n,) negative logarithm of the likelihood a number of a code, but for a constant."""
        normal, grown = self(codes, attributes)
        return torch.as_tensor((0.5 * normal.square().sum(1) - grown) / normal.shape[1])


class Coupling(nn.Module):
    """Scales and shifts the second half of x by a network of the first half and the attributes."""

    def __init__(self, size: int, attributes: int, width: int) -> None:
        super().__init__()
        self.kept = size // 2
        self.net = nn.Sequential(
            nn.Linear(self.kept + attributes, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, 2 * (size - self.kept)),
        )  # fmt: skip
        last = self.net[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def _change(self, kept: Tensor, attributes: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = self.net(torch.cat([kept, attributes], 1)).chunk(2, 1)
        return _BOUND * torch.tanh(scale / _BOUND), shift

    def forward(self, x: Tensor, attributes: Tensor) -> tuple[Tensor, Tensor]:
        """(n, d) -> (n, d), and the (n,) logarithms of the determinants."""
        kept, moved = x[:, : self.kept], x[:, self.kept :]
        scale, shift = self._change(kept, attributes)
        return torch.cat([kept, moved * scale.exp() + shift], 1), scale.sum(1)

    def back(self, x: Tensor, attributes: Tensor) -> Tensor:
        """The inverse of `forward`."""
        kept, moved = x[:, : self.kept], x[:, self.kept :]
        scale, shift = self._change(kept, attributes)
        return torch.cat([kept, (moved - shift) * (-scale).exp()], 1)


class Reader(nn.Module):
    """Attributes of a whitened code: a linear function, and what a small network adds."""

    def __init__(self, size: int, attributes: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, attributes)
        self.more = nn.Sequential(nn.Linear(size, width), nn.SiLU(), nn.Linear(width, attributes))
        last = self.more[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, white: Tensor) -> Tensor:
        """(n, d) -> (n, k)."""
        return torch.as_tensor(self.linear(white) + self.more(white))


def started(codes: Tensor, attributes: Tensor, width: int, couplings: int, seed: int) -> Flow:
    """A flow as it is before training: whitening and linear parts in closed form.

    Args:
        codes: (n, d).
        attributes: (n, k), of mean 0 and standard deviation 1.
        width: of the networks.
        couplings: how many.
        seed: of the networks' weights and the orders of numbers.
    """
    size, count = codes.shape[1], attributes.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        flow = Flow(size, count, width, couplings)
        orders = [torch.randperm(size) for _ in range(couplings)]
    wide, known = codes.double(), attributes.double()
    mean = wide.mean(0)
    values, axes = torch.linalg.eigh((wide - mean).T @ (wide - mean) / len(wide))
    # What hardly varies is not blown up to noise of variance 1.
    scales = values.clamp(min=float(values[-1]) * 1e-4).sqrt()
    white = (wide - mean) @ axes / scales
    for name, value in (("mean", mean), ("axes", axes), ("scales", scales)):
        getattr(flow, name).copy_(value)
    if couplings:
        flow.orders.copy_(torch.stack(orders))
    ridge = torch.eye(count, dtype=torch.float64) * 1e-3 * len(wide)
    flow.linear.weight.data.copy_(torch.linalg.solve(known.T @ known + ridge, known.T @ white).T)
    # So many codes that each of their numbers is known, and no more: a tenth of a code a number.
    shrink = torch.eye(size, dtype=torch.float64) * 0.1 * size
    flow.reader.linear.weight.data.copy_(torch.linalg.solve(white.T @ white + shrink, white.T @ known).T)
    flow.reader.linear.bias.data.zero_()
    return flow


def read_loss(flow: Flow, codes: Tensor, attributes: Tensor) -> Tensor:
    """The mean square error of the reader, in variances of the attributes."""
    return functional.mse_loss(flow.read(codes), attributes)
