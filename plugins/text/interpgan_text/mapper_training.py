"""The training of `text.mapper`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import Generator, Progress, Ranges
from interpgan_text.mapper import Mapper
from interpgan_text.mapper_network import MapperNet
from interpgan_text.net import probe
from interpgan_text.pairs import Pairs, sampled
from interpgan_text.relevance import entries_of
from interpgan_text.work import train

if TYPE_CHECKING:
    from interpgan_text.mapper import TrainMapper

SPREAD = Ranges("0-1023")
"""Samples whose standard deviations are taken."""
_HELD_OUT = 10  # one in so many samples tests it, but no more than the next
_TESTED = 200


def trained(of: TrainMapper, generator: Generator, space: str, scratch: Path, progress: Progress) -> Mapper:
    """Draw samples, train, and test on others.

    Args:
        of: the parameters.
        generator: that draws.
        space: of the codes.
        scratch: for what is kept on the way.
        progress: shows how far it is.
    """
    spread = entries_of(generator, space, SPREAD, progress)
    pairs = sampled(generator, of.net, space, of.samples, scratch, progress)
    tested = min(_TESTED, of.samples // _HELD_OUT)
    seen, unseen = pairs.part(slice(0, -tested)), pairs.part(slice(-tested, None))
    kept, device = probe(of.net), generator.device
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(of.seed)
        net = MapperNet(generator.spaces[space].shape[0], len(kept), of.width).to(device)
    covariance = seen.spread()
    # Two independent samples are so far apart, by the root of the mean square.
    apart = float((2 * covariance.trace()) ** 0.5)
    mean, deviation = (t.float().to(device) for t in (spread.mean, spread.deviation))
    shape = root(covariance).float().to(device)
    mapper = Mapper(net, space, mean, deviation, shape, generator.fingerprint, kept, of.net.name)

    def guessed(pairs: Pairs, step: int, count: int) -> tuple[Tensor, Tensor]:
        """The change of codes of some pairs in deviations, by the network and in truth."""
        first, here, second, there = (t.to(device) for t in pairs.drawn(step, count, of.seed))
        at, to = mapper.apart(first), mapper.apart(second)
        return net(at, here, (there - here) / apart), to - at

    def loss(step: int) -> Tensor:
        found, true = guessed(seen, step, of.batch_size)
        # Equation 5: the squared distance and the cosine's.
        return (found - true).square().mean() + (1 - functional.cosine_similarity(found, true)).mean()

    train(net, loss, of.steps, of.rate, scratch / "mapper.pt", "training the mapper", progress)
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
    differ by patterns, which are the covariance times the filter (Haufe et al., NeuroImage 2014). Half of that way
    keeps others' attributes apart, which the whole one mixes in as they occur together.
    """
    values, vectors = torch.linalg.eigh(covariance)
    return vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
