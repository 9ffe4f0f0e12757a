"""The contrast of feature differences, and the training by it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import Generator, InterpganError, Progress, Ranges
from interpgan_core.plugin import placing
from interpgan_latentclr.steps import Kind, Steps, started

_SAVE_SECONDS = 20.0
SPREAD = Ranges("0-1023")
"""Samples whose spread is measured."""
LINES = 12  # of the curve
SAME = 0.99  # absolute cosine of two ways that are one
_WEIGHT_DECAY = 1e-3


@dataclass(frozen=True)
class Settings:
    """Of a training; see the fields of `latentclr`."""

    kind: Kind
    count: int
    layer: str
    alpha: float
    temperature: float
    steps: int
    batch_size: int
    rate: float
    seed: int


@dataclass(frozen=True)
class Found:
    """What a training gives.

    Args:
        steps: the ways, the most even first.
        curve: rows of step, loss, and mean absolute cosine of the effects of one way and of two.
        agreement: (k,) mean absolute cosine of a way's effects on two samples.
        overlap: (k,) of its effects and those of other ways.
        sigma: (k,) spread of the codes along it.
    """

    steps: Steps
    curve: list[list[float]]
    agreement: Tensor
    overlap: Tensor
    sigma: Tensor


def similarities(effects: Tensor) -> Tensor:
    """Absolute cosines of effects (k, n, p), each with each: (k n, k n)."""
    flat = functional.normalize(effects.flatten(0, 1), dim=1)
    return (flat @ flat.T).abs()


def contrast(effects: Tensor, temperature: float) -> Tensor:
    """The loss: the effects of one way are alike on all samples, and unlike those of other ways.

    Args:
        effects: (k, n, p) differences of feature maps.
        temperature: of the exponentials.

    Returns:
        A number; the mean over ways and samples of equation 2, whose sums leave a sample's effect itself out.
    """
    count, samples = effects.shape[:2]
    near = (similarities(effects) / temperature).exp()
    way = torch.arange(count).repeat_interleave(samples).to(near.device)
    same = way[:, None] == way
    other = same & ~torch.eye(len(way), dtype=torch.bool, device=near.device)
    alike, unlike = (near * other).sum(1) / (samples - 1), (near * ~same).sum(1) / ((count - 1) * samples)
    return -(alike / unlike).log().mean()


def effects_of(
    generator: Generator, steps: Steps, space: str, seeds: list[int], of: Settings
) -> tuple[Tensor, Tensor]:
    """What the ways do to the feature maps of some samples.

    Args:
        generator: that draws.
        steps: the ways.
        space: of the codes.
        seeds: n samples.
        of: which layer, and how far.

    Returns:
        (k, n, p) differences of maps, and the ways (k, n, d).
    """
    batch = generator.to_space(generator.sample(seeds), space)
    ways = steps(batch.codes)
    codes = (batch.codes + of.alpha * ways).flatten(0, 1)
    every = list(range(len(batch))) * of.count
    moved = replace(batch[every], codes=codes)
    with torch.no_grad():
        before = generator.features(batch, [of.layer])[of.layer].flatten(1)
    after = generator.features(moved, [of.layer])[of.layer].flatten(1)
    return after.view(of.count, len(batch), -1) - before, ways


def trained(generator: Generator, space: str, of: Settings, scratch: Path, progress: Progress) -> Found:
    """Train k ways.

    Args:
        generator: frozen.
        space: of the codes, single vectors.
        of: how.
        scratch: keeps the state now and then; a training that was stopped goes on to the same bits.
        progress: shows steps, and the loss.

    Raises:
        InterpganError: if the loss is not finite, or two ways become one.
    """
    codes = torch.cat([batch.codes for batch in generator.stream(SPREAD, space=space)])
    steps = started(of.kind, of.count, codes.cpu(), of.seed).to(generator.device)
    adam = torch.optim.Adam(steps.parameters(), of.rate, weight_decay=_WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, of.rate, total_steps=of.steps + 1)
    parts: dict[str, Any] = {"steps": steps, "adam": adam, "schedule": schedule}
    curve, done, last, saved = list[list[float]](), 0, float("nan"), time.monotonic()
    file = scratch / "ways.pt"
    if file.exists():
        state = torch.load(file, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        curve, done = state["curve"], state["done"]

    def left() -> Iterator[int]:
        yield from range(done, of.steps)

    def said() -> str:
        return f"learning {of.count} ways, loss {last:.3f}"

    steps.train().requires_grad_(True)
    with torch.enable_grad():
        for step in progress(left(), total=of.steps - done, what=said):
            effects, ways = effects_of(generator, steps, space, _seeds(of, step), of)
            loss = contrast(effects, of.temperature)
            last = float(loss.detach())
            if not abs(last) < float("inf"):
                raise InterpganError(
                    f"the loss of step {step} is not finite; give a smaller 'rate', or a larger 'alpha' if it moves "
                    f"nothing in layer {of.layer}"
                )
            if step >= len(curve) * of.steps / LINES or step == of.steps - 1:
                curve.append([float(step), last, *_means(effects)])
                if 2 * step >= of.steps:
                    _check_apart(ways.detach())
            adam.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            adam.step()
            schedule.step()
            if time.monotonic() - saved > _SAVE_SECONDS:
                with placing(file) as partial:
                    kept = {name: part.state_dict() for name, part in parts.items()}
                    torch.save({**kept, "curve": curve, "done": step + 1}, partial)
                saved = time.monotonic()
    steps.eval().requires_grad_(False)
    return _measured(generator, steps, space, codes, curve, of)


def _measured(
    generator: Generator, steps: Steps, space: str, codes: Tensor, curve: list[list[float]], of: Settings
) -> Found:
    """The ways, those first whose effects are most alike from sample to sample, and their figures."""
    with torch.no_grad():
        effects, ways = effects_of(generator, steps, space, _seeds(of, of.steps), of)
        _check_apart(ways)
        near = similarities(effects).view(of.count, effects.shape[1], of.count, effects.shape[1]).cpu()
        at = torch.arange(of.count)
        samples = effects.shape[1]
        agreement = (near[at, :, at].sum((1, 2)) - samples) / (samples * (samples - 1))
        each = near.mean((1, 3))
        overlap = (each.sum(1) - each.diagonal()) / (of.count - 1)
        order = agreement.argsort(descending=True, stable=True)
        for parameter in steps.parameters():
            parameter.copy_(parameter[order.to(parameter.device)])
        steps = steps.cpu()
        apart = codes.cpu() - codes.cpu().mean(0)
        sigma = (steps(codes.cpu()) * apart).sum(2).square().mean(1).sqrt()
    return Found(steps, curve, agreement[order], overlap[order], sigma)


def _means(effects: Tensor) -> tuple[float, float]:
    """Mean absolute cosine of the effects of one way on two samples, and of two ways."""
    count, samples = effects.shape[:2]
    with torch.no_grad():
        near = similarities(effects).view(count, samples, count, samples)
        at = torch.arange(count)
        own = near[at, :, at].sum() - count * samples
        others = near.sum() - near[at, :, at].sum()
    return (
        float(own / (count * samples * (samples - 1))),
        float(others / (count * (count - 1) * samples * samples)),
    )


def _check_apart(ways: Tensor) -> None:
    """Raises: InterpganError: if two ways (k, n, d) go one way from all samples."""
    near = torch.einsum("knd,lnd->kln", ways, ways).abs().mean(2)
    near = near.cpu() - torch.eye(len(near))
    if float(near.max()) > SAME:
        first, second = divmod(int(near.argmax()), len(near))
        raise InterpganError(
            f"two of the {len(near)} ways have become one (ways {first} and {second}): the layer does not tell so many "
            "apart; give a smaller 'count', another 'layer', or a smaller 'temperature'"
        )


def _seeds(of: Settings, step: int) -> list[int]:
    """The samples of a step, by its number alone."""
    random = torch.Generator().manual_seed(of.seed * 1_000_003 + step)
    return [int(seed) for seed in torch.randint(2**31, (of.batch_size,), generator=random)]
