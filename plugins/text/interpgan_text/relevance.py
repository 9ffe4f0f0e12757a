"""How much every entry of a code moves pictures toward a text: by gradients, or by moving one entry after another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from interpgan_core import Generator, LatentBatch, Progress, Ranges
from interpgan_text.net import TextImageNet, of_images

if TYPE_CHECKING:
    from torch import Tensor

_STILL = 1e-6  # a standard deviation below this share of the median: the entry is the same in all samples
_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Entries:
    """The entries of the codes of a space; float64, on the CPU.

    Args:
        mean: (d,).
        deviation: (d,), 0 where an entry is the same in all samples.
    """

    mean: Tensor
    deviation: Tensor


def entries_of(generator: Generator, space: str, seeds: Ranges, progress: Progress) -> Entries:
    """Mean and standard deviation of every entry over samples, in constant memory.

    Args:
        generator: whose codes.
        space: one of single vectors.
        seeds: two at least.
        progress: shows how far it is.
    """
    import torch

    origin, count = None, 0
    blocks = generator.stream(seeds, _AT_ONCE, space)
    total = -(-len(seeds) // _AT_ONCE)
    for batch in progress(blocks, total=total, what=f"measuring {space} over {len(seeds)} samples"):
        codes = batch.codes.cpu().double()
        if origin is None:  # near the mean, so that little cancels
            origin = codes.mean(0)
            first, second = torch.zeros_like(origin), torch.zeros_like(origin)
        first, second = first + (codes - origin).sum(0), second + (codes - origin).square().sum(0)
        count += len(codes)
    assert origin is not None
    deviation = ((second - first.square() / count).clamp_min(0) / (count - 1)).sqrt()
    return Entries(
        origin + first / count, torch.where(deviation > _STILL * deviation.median(), deviation, 0.0)
    )


def by_gradients(
    generator: Generator,
    net: TextImageNet,
    toward: Tensor,
    batches: Iterable[LatentBatch],
    deviation: Tensor,
) -> Tensor:
    """Mean change of the similarity with each text for one standard deviation of each entry, to first order.

    Args:
        generator: that draws.
        net: whose space.
        toward: (k, e) of length 1, directions of texts.
        batches: samples in a space of single vectors.
        deviation: (d,) of every entry.

    Returns:
        (k, d) float64, on the CPU.
    """
    import torch

    total = torch.zeros(len(toward), len(deviation), dtype=torch.float64)
    count = 0
    for batch in batches:
        with torch.enable_grad():
            codes = batch.codes.detach().clone().requires_grad_(True)
            seen = of_images(net, generator.images(replace(batch, codes=codes), len(codes)))
            along = seen @ toward.to(seen.device).T
            for k in range(len(toward)):
                (slope,) = torch.autograd.grad(along[:, k].sum(), codes, retain_graph=k + 1 < len(toward))
                total[k] += slope.sum(0).cpu().double()
        count += len(batch)
    return total / count * deviation


def by_differences(
    generator: Generator,
    net: TextImageNet,
    batches: Iterable[LatentBatch],
    entries: Entries,
    which: Iterable[int],
    reach: float = 5.0,
) -> Tensor:
    """Where in the net's space pictures go as one entry goes from far below its mean to far above it.

    Of every sample one entry alone is set, and it has its own value again before the next one is: published tables were
    made with codes in which all earlier entries stayed at their means.

    Args:
        generator: that draws.
        net: whose space.
        batches: samples in a space of single vectors.
        entries: of that space.
        which: m positions.
        reach: standard deviations to each side.

    Returns:
        (m, e) float64, on the CPU: the mean difference of embeddings of length 1.

    Source:
        Patashnik et al., StyleCLIP, ICCV 2021, section 6.2, without the last normalisation.
    """
    import torch

    kept, rows = list(batches), []
    for position in which:
        changes = []
        for batch in kept:
            ends = []
            for side in (reach, -reach):
                codes = batch.codes.clone()
                codes[:, position] = float(entries.mean[position] + side * entries.deviation[position])
                with torch.no_grad():
                    ends.append(of_images(net, generator.images(replace(batch, codes=codes), len(codes))))
            changes.append((ends[0] - ends[1]).cpu().double())
        rows.append(torch.cat(changes).mean(0))
    return torch.stack(rows)
