"""Training of the scorer and the segmenter on drawn avatars, and their figures on held-out ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_avatars.drawing import PARTS
from interpgan_avatars.networks import GROUPS, ScorerNet, SegmenterNet
from interpgan_avatars.person import ATTRIBUTES, Person
from interpgan_core import ImageSet
from interpgan_core.plugin import channels_last

BATCH = 64
N = TypeVar("N", bound=nn.Module)


def labels_of(people: list[Person]) -> dict[str, Tensor]:
    """True labels: "attributes" (n, 6) float32, and (n,) int64 by group."""
    return {
        "attributes": torch.tensor([person.attributes for person in people]),
        "hair": torch.tensor([person.hair_colour for person in people]),
        "skin": torch.tensor([person.skin for person in people]),
        "style": torch.tensor([person.style for person in people]),
    }


def train_scorer(
    images: Callable[[Any], Tensor], truth: dict[str, Tensor], steps: Iterable[int]
) -> ScorerNet:
    """Train the scorer.

    Args:
        images: positions -> (m, 3, 64, 64) in [-1, 1].
        truth: from `labels_of`.
        steps: numbers of the steps.
    """

    def loss(net: ScorerNet, rows: np.ndarray, random: torch.Generator) -> Tensor:
        found = net(degraded(images(rows), random))
        want = truth["attributes"][rows]
        total = functional.mse_loss(found["attributes"][:, 0], want[:, 0]) * 4
        total = (
            total + functional.binary_cross_entropy_with_logits(found["attributes"][:, 1:], want[:, 1:]) * 5
        )
        return total + sum(functional.cross_entropy(found[name], truth[name][rows]) for name in GROUPS)

    return _fit(ScorerNet, loss, len(truth["skin"]), steps)


def train_segmenter(images: Callable[[Any], Tensor], maps: np.ndarray, steps: Iterable[int]) -> SegmenterNet:
    """Train the segmenter.

    Args:
        images: positions -> (m, 3, 64, 64) in [-1, 1].
        maps: (n, 64, 64) uint8, positions in `PARTS`.
        steps: numbers of the steps.
    """

    def loss(net: SegmenterNet, rows: np.ndarray, random: torch.Generator) -> Tensor:
        return functional.cross_entropy(
            net(degraded(images(rows), random)), torch.from_numpy(maps[rows]).long()
        )

    return _fit(SegmenterNet, loss, len(maps), steps)


def _fit(
    make: type[N], loss: Callable[[N, np.ndarray, torch.Generator], Tensor], count: int, steps: Iterable[int]
) -> N:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = make()
    channels_last(net)
    order, random = np.random.RandomState(0), torch.Generator().manual_seed(0)
    numbers = list(steps)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=4e-3, total_steps=len(numbers) + 1)
    net.train()
    for _ in numbers:
        value = loss(net, order.randint(count, size=BATCH), random)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
    for parameter in net.parameters():
        parameter.data = parameter.data.contiguous()
    return net.eval().requires_grad_(False)


def degraded(images: Tensor, random: torch.Generator) -> Tensor:
    """A little blurred, shifted in tone and noisy, as images of a generator are and drawn ones are not."""
    n = len(images)
    blur = functional.avg_pool2d(functional.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(n, 1, 1, 1, generator=random) * 0.5
    tone = torch.randn(n, 3, 1, 1, generator=random) * 0.03
    noise = torch.randn(images.shape, generator=random) * torch.rand(n, 1, 1, 1, generator=random) * 0.08
    return (images.lerp(blur, share) + tone + noise).contiguous(memory_format=torch.channels_last)


def images_from(data: ImageSet, start: int) -> Callable[[slice], Tensor]:
    """The images from a position on, as a function of slices of them."""
    return lambda rows: data.images(slice(start + rows.start, start + rows.stop))


def scorer_figures(
    net: ScorerNet, images: Callable[[Any], Tensor], truth: dict[str, Tensor]
) -> dict[str, float]:
    """Held-out figures: correlation of the pose, accuracy of everything else."""
    found: dict[str, list[Tensor]] = {}
    count = len(truth["skin"])
    with torch.no_grad():
        for start in range(0, count, 256):
            for name, logits in net(images(slice(start, min(start + 256, count)))).items():
                found.setdefault(name, []).append(logits)
    all_ = {name: torch.cat(parts) for name, parts in found.items()}
    pose = torch.stack([all_["attributes"][:, 0], truth["attributes"][:, 0]])
    figures = {"pose": float(torch.corrcoef(pose)[0, 1])}
    right = (all_["attributes"] > 0) == (truth["attributes"] > 0.5)
    figures |= {name: float(right[:, k].float().mean()) for k, name in enumerate(ATTRIBUTES) if k}
    return figures | {name: float((all_[name].argmax(1) == truth[name]).float().mean()) for name in GROUPS}


def segmenter_figures(
    net: SegmenterNet, images: Callable[[Any], Tensor], maps: np.ndarray
) -> dict[str, float]:
    """Held-out intersection over union of every part, over all pixels."""
    both, either = torch.zeros(len(PARTS)), torch.zeros(len(PARTS))
    with torch.no_grad():
        for start in range(0, len(maps), 128):
            rows = slice(start, min(start + 128, len(maps)))
            found, want = net(images(rows)).argmax(1), torch.from_numpy(maps[rows]).long()
            for k in range(len(PARTS)):
                both[k] += ((found == k) & (want == k)).sum()
                either[k] += ((found == k) | (want == k)).sum()
    return dict(zip(PARTS, (both / either).tolist(), strict=True))
