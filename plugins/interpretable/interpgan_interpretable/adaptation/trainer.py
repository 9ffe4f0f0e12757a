"""Training of a bank of filters on the maps of a frozen layer.

Shape symbols: n samples, c channels, m filters, g groups, h w positions.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import InterpganError, Progress
from interpgan_core.plugin import placing
from interpgan_interpretable.adaptation.filters import FilterBank
from interpgan_interpretable.training.energy import group_maps, group_members

KEPT_EVERY = 30.0  # seconds between states on the disk
HELD_OUT = 0.1  # share of the samples that nothing is fitted to
STATE = "adapting.pt"


def held_out(samples: int) -> int:
    """How many of some samples nothing is fitted to."""
    return max(round(HELD_OUT * samples), 1)


@dataclass(frozen=True)
class Weights:
    """Of the parts of the loss, beside that of the maps, which is 1.

    Args:
        gates: cross entropy of the groups of positions.
        agreement: one less the cosine of a filter's map with its group's.
    """

    gates: float
    agreement: float


@dataclass(frozen=True, eq=False)
class Layer:
    """What a bank is trained on.

    Args:
        maps: (n, c, h, w), float16 to save memory; the last ones are held out.
        labels: (n, h, w) uint8, groups of positions.
    """

    maps: Tensor
    labels: Tensor

    @property
    def trained(self) -> int:
        """How many samples are trained on."""
        return len(self.maps) - held_out(len(self.maps))

    def held_out(self) -> Layer:
        """The samples that nothing is fitted to."""
        return Layer(self.maps[self.trained :], self.labels[self.trained :])

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Some samples: maps (n, c, h, w) float32, and labels (n, h, w) int64."""
        return self.maps[rows].float(), self.labels[rows].long()


def allotted(labels: Tensor, count: int, filters: int) -> Tensor:
    """Which group each filter belongs to: 4 each at least, the rest by the square roots of the groups' areas.

    Args:
        labels: (n, h, w), groups.
        count: g.
        filters: m.

    Returns:
        (m,) int64, ascending.
    """
    shares = labels.flatten().long().bincount(minlength=count).cpu().double().sqrt()
    least = min(4, filters // count)
    wanted = least + (filters - least * count) * shares / shares.sum()
    numbers = wanted.floor().long()
    rest = (wanted - numbers).argsort(descending=True, stable=True)[: filters - int(numbers.sum())]
    numbers[rest] += 1
    return torch.arange(count).repeat_interleave(numbers)


def train(
    layer: Layer,
    groups: Tensor,
    hidden: int,
    steps: int,
    batch_size: int,
    rate: float,
    weights: Weights,
    seed: int,
    scratch: Path,
    progress: Progress,
) -> FilterBank:
    """Train a bank to give maps back while the filters of each group are silent outside of it.

    The state is kept in `scratch`: where it was stopped it goes on, and on a CPU ends with the same bytes.

    Args:
        layer: the maps.
        groups: (m,) int64.
        hidden: width of the bank's hidden layer.
        steps: of Adam.
        batch_size: samples a step.
        rate: of learning, at its highest.
        weights: of the loss.
        seed: of the weights and of the batches.
        scratch: a folder.
        progress: shown while training.

    Returns:
        The bank, frozen, with filters of a root mean square of 1 where their concepts are.

    Raises:
        InterpganError: if the loss is not finite.
    """
    random = torch.Generator().manual_seed(seed)
    device = layer.maps.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        bank = FilterBank(layer.maps.shape[1], hidden, groups)
    sample = layer.maps[: layer.trained].movedim(1, -1).flatten(0, 2)
    sample = sample[:: max(len(sample) // 20_000, 1)].float()
    mean, std = sample.mean(0), sample.std(0).clamp(min=1e-6)
    bank.to(device).start(mean, std)
    # What filters give back is the difference from the mean: without its filters a place is as the layer's mean.
    offset = mean[:, None, None]
    adam = torch.optim.Adam(bank.parameters(), lr=rate, betas=(0.9, 0.99))
    first = _resumed(scratch / STATE, bank, adam, random)
    variance = float(std.square().mean())
    kept = time.monotonic()
    losses: dict[str, float] = {}

    def what() -> str:
        known = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
        return f"training {len(groups)} filters" + (f" ({known})" if known else "")

    for step in progress(range(first, steps), total=steps - first, what=what):
        share = step / steps
        for group in adam.param_groups:
            group["lr"] = (
                rate * min(1.0, 20 * (share + 1 / steps)) * (0.02 + 0.49 * (1 + math.cos(math.pi * share)))
            )
        rows = torch.randint(layer.trained, (batch_size,), generator=random)
        maps, labels = layer.batch(rows.to(device))
        parts = _losses(bank, offset, maps, labels, variance)
        total = parts["maps"] + weights.gates * parts["gates"] + weights.agreement * parts["agreement"]
        if not bool(total.isfinite()):
            raise InterpganError(f"the loss is no longer finite; lower the rate, which is {rate}")
        adam.zero_grad()
        torch.autograd.backward(total)
        adam.step()
        losses.update({name: float(part.detach()) for name, part in parts.items()})
        if time.monotonic() - kept > KEPT_EVERY:
            _keep(scratch / STATE, bank, adam, random, step + 1)
            kept = time.monotonic()
    bank.eval().requires_grad_(False)
    bank.scale(root_mean_square(bank, layer))  # now groups of all sizes compare
    return bank


def _losses(
    bank: FilterBank, offset: Tensor, maps: Tensor, labels: Tensor, variance: float
) -> dict[str, Tensor]:
    filters, logits = bank.respond(maps)
    given_back = bank.decoder(filters) + offset
    # Cosines of filters' maps with their groups': a few products, where torch's own makes copies of all maps.
    flat = filters.flatten(2)
    means = group_maps(flat, group_members(bank.groups, logits.shape[1]))
    dots = torch.einsum("nmk,ngk,mg->nm", flat, means, bank.members)
    squares = flat.square().sum(2) * (means.square().sum(2) @ bank.members.T)
    active = squares.detach() > 1e-12
    cosine = dots / torch.where(active, squares, 1.0).sqrt()  # whose gradient at 0 is infinite
    return {
        "maps": (given_back - maps).square().mean() / variance,
        "gates": functional.cross_entropy(logits, labels),
        "agreement": ((1 - cosine) * active).sum() / active.sum().clamp(min=1),
    }


def root_mean_square(bank: FilterBank, layer: Layer) -> Tensor:
    """(m,) of each filter, where its group is, over all samples."""
    device = layer.maps.device
    squares = torch.zeros(len(bank.groups), dtype=torch.float64, device=device)
    areas = torch.zeros(int(bank.groups.max()) + 1, dtype=torch.float64, device=device)
    for one, labels in zip(layer.maps.split(1), layer.labels.split(1), strict=True):
        squares += bank.respond(one.float())[0].double().square().sum((0, 2, 3))
        areas += labels.flatten().long().bincount(minlength=len(areas))
    return (squares / areas[bank.groups].clamp(min=1)).sqrt().float()


@torch.no_grad()
def figures(bank: FilterBank, layer: Layer) -> dict[str, Any]:
    """How good a bank is, on samples that it was not trained on.

    Args:
        bank: trained.
        layer: the held-out samples.

    Returns:
        "unexplained": % of the maps' variance that filters do not give back, apart from the mean; "right": %
        of positions whose group is the most probable one; "outside": % of the filters' squares where another group
        is; "silent": number of filters that are never active; "areas": % of the positions of each group.
    """
    count = int(bank.groups.max()) + 1
    error = spread = outside = everything = right = torch.zeros((), dtype=torch.float64)
    areas = torch.zeros(count, dtype=torch.float64)
    peaks = torch.zeros(len(bank.groups))
    flat = layer.maps.float().movedim(1, -1).flatten(0, 2)
    centre = flat.mean(0)[:, None, None]
    found = []
    for one, label in zip(layer.maps.split(1), layer.labels.split(1), strict=True):
        maps = one.float()
        filters, logits = bank.respond(maps)
        found.append(maps - bank.decoder(filters))
        squares = filters.double().square()
        home = bank.groups[:, None, None] == label[:, None]
        everything = everything + squares.sum().cpu()
        outside = outside + (squares * ~home).sum().cpu()
        spread = spread + (maps - centre).double().square().sum().cpu()
        best = logits.argmax(1)
        right = right + (best == label).double().mean().cpu()
        areas += best.flatten().bincount(minlength=count).double().cpu() / best.numel()
        peaks = torch.maximum(peaks, filters.amax((0, 2, 3)).cpu())
    left = torch.cat(found)
    error = (left - left.mean((0, 2, 3), keepdim=True)).double().square().sum().cpu()
    n = len(layer.maps)
    return {
        "unexplained": 100 * float(error / spread),
        "right": 100 * float(right) / n,
        "outside": 100 * float(outside / everything.clamp(min=1e-12)),
        "silent": int((peaks == 0).sum()),
        "areas": [100 * float(area) / n for area in areas],
    }


def _keep(path: Path, bank: FilterBank, adam: torch.optim.Adam, random: torch.Generator, step: int) -> None:
    state = {
        "bank": bank.state_dict(),
        "adam": adam.state_dict(),
        "random": random.get_state(),
        "step": step,
    }
    with placing(path) as temporary:
        torch.save(state, temporary)


def _resumed(path: Path, bank: FilterBank, adam: torch.optim.Adam, random: torch.Generator) -> int:
    """The step to go on from, with the state of then; 0 if none was kept."""
    if not path.exists():
        return 0
    state: Mapping[str, Any] = torch.load(path, weights_only=True)
    bank.load_state_dict(state["bank"])
    adam.load_state_dict(state["adam"])
    random.set_state(state["random"])
    return int(state["step"])
