"""The training of `text.mapper`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import Generator, Progress, Ranges
from interpgan_text.mapper import Mapper
from interpgan_text.mapper_network import MapperNet
from interpgan_text.net import TextImageNet, probe
from interpgan_text.pairs import Pairs, sampled
from interpgan_text.relevance import entries_of
from interpgan_text.work import train

SPREAD = Ranges("0-1023")
"""Samples whose standard deviations are taken."""
_HELD_OUT = 10  # one in so many samples tests it, but no more than the next
_TESTED = 200


@dataclass(frozen=True)
class Settings:
    """Of a training; see the fields of `text.mapper`."""

    samples: int
    steps: int
    batch_size: int
    rate: float
    width: int
    seed: int


def trained(
    net: TextImageNet, generator: Generator, space: str, of: Settings, scratch: Path, progress: Progress
) -> Mapper:
    """Draw samples, train, and test on others.

    Args:
        net: that looks.
        generator: that draws.
        space: of the codes.
        of: how to train.
        scratch: for what is kept on the way.
        progress: shows how far it is.
    """
    spread = entries_of(generator, space, SPREAD, progress)
    pairs = sampled(generator, net, space, of.samples, scratch, progress)
    tested = min(_TESTED, of.samples // _HELD_OUT)
    seen, unseen = pairs.part(slice(0, -tested)), pairs.part(slice(-tested, None))
    kept, device = probe(net), generator.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(of.seed)
        network = MapperNet(generator.spaces[space].shape[0], len(kept), of.width).to(device)
    covariance = seen.spread()
    # Two independent samples are so far apart, by the root of the mean square.
    apart = float((2 * covariance.trace()) ** 0.5)
    mean, deviation = (t.float().to(device) for t in (spread.mean, spread.deviation))
    shape = root(covariance).float().to(device)
    mapper = Mapper(network, space, mean, deviation, shape, generator.fingerprint, kept, net.name)

    def guessed(pairs: Pairs, step: int, count: int) -> tuple[Tensor, Tensor]:
        """The change of codes of some pairs in deviations, by the network and in truth."""
        first, here, second, there = (t.to(device) for t in pairs.drawn(step, count, of.seed))
        at, to = mapper.apart(first), mapper.apart(second)
        return network(at, here, (there - here) / apart), to - at

    def loss(step: int) -> Tensor:
        found, true = guessed(seen, step, of.batch_size)
        # The paper's: the squared distance, and the cosine distance.
        distance: Tensor = (found - true).square().mean()
        return distance + (1 - functional.cosine_similarity(found, true)).mean()

    train(network, loss, of.steps, of.rate, scratch / "mapper.pt", "training the mapper", progress)
    with torch.no_grad():
        found, true = guessed(unseen, of.steps, 2 * tested)
    figures = {
        "cosine": float(functional.cosine_similarity(found, true).mean()),
        "explained": 1 - float((found - true).square().sum() / true.square().sum()),
    }
    return replace(mapper, figures=figures)


def root(covariance: Tensor) -> Tensor:
    """The symmetric square root of a covariance (e, e).

    A text of a contrastive net acts on pictures as a filter does: it is large where pictures hardly vary. Pictures
    differ by patterns, which are the covariance times the filter (Haufe et al., NeuroImage 2014). The whole way would
    mix in what occurs together, as beards and men do; this is half of it.
    """
    values, vectors = torch.linalg.eigh(covariance)
    return torch.as_tensor(vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T)
