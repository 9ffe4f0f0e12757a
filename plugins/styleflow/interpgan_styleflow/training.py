"""The training of a flow: negative log likelihood of codes given attributes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from interpgan_core import InterpganError, Progress
from interpgan_core.plugin import placing
from interpgan_styleflow.flow import Flow, read_loss, started

_SAVE_SECONDS = 20.0
LOOKS = 20  # at the held-out codes, over a whole training
_CLIP = 10.0  # of the gradient's norm


@dataclass(frozen=True)
class Settings:
    """Of a training; see the fields of `styleflow`."""

    couplings: int
    width: int
    steps: int
    batch_size: int
    rate: float
    held_out: float
    seed: int


@dataclass(frozen=True)
class Trained:
    """What a training gives.

    Args:
        flow: as it was where held-out codes were likeliest.
        curve: (rows, 3): step, loss in training and held out.
        explained: (k,) share of each attribute's variance that the reader explains in held-out codes.
    """

    flow: Flow
    curve: Tensor
    explained: Tensor


def trained(codes: Tensor, attributes: Tensor, of: Settings, scratch: Path, progress: Progress) -> Trained:
    """Train a flow, and the reader of attributes.

    Args:
        codes: (n, d) float32.
        attributes: (n, k) float32, of mean 0 and standard deviation 1.
        of: how.
        scratch: keeps the state now and then; a training that was stopped goes on to the same bits.
        progress: shows steps, and the loss.

    Raises:
        InterpganError: if the loss is not finite.
    """
    order = torch.randperm(len(codes), generator=_drawing(of.seed, 0))
    held = max(int(of.held_out * len(codes)), 1)
    test, train = order[:held], order[held:]
    flow = started(codes[train], attributes[train], of.width, of.couplings, of.seed)
    adam = torch.optim.AdamW(flow.parameters(), of.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, of.rate, total_steps=of.steps + 1)
    parts: dict[str, Any] = {"flow": flow, "adam": adam, "schedule": schedule}
    best, curve, done = _copy(flow), list[list[float]](), 0
    file = scratch / "flow.pt"
    if file.exists():
        state = torch.load(file, map_location="cpu", weights_only=True)
        for name, part in parts.items():
            part.load_state_dict(state[name])
        best, curve, done = state["best"], state["curve"], state["done"]

    def look(step: int, last: float) -> None:
        nonlocal best
        with torch.no_grad():
            now = float(flow.loss(codes[test], attributes[test]).mean())
            read = float(read_loss(flow, codes[test], attributes[test]))
        curve.append([float(step), last, now, now + read])
        if curve[-1][3] <= min(row[3] for row in curve):
            best = _copy(flow)

    last, saved = float("nan"), time.monotonic()

    def said() -> str:
        return f"training the flow, loss {last:.3f}"

    def left() -> Iterator[int]:
        yield from range(done, of.steps)

    every = max(of.steps // LOOKS, 1)
    flow.train().requires_grad_(True)
    with torch.enable_grad():
        for step in progress(left(), total=of.steps - done, what=said):
            rows = train[torch.randint(len(train), (of.batch_size,), generator=_drawing(of.seed, step + 1))]
            likelihood = flow.loss(codes[rows], attributes[rows]).mean()
            last = float(likelihood.detach())
            if not abs(last) < float("inf"):
                raise InterpganError(f"the loss of step {step} is not finite; give a smaller 'rate'")
            if step % every == 0:
                look(step, last)
            adam.zero_grad(set_to_none=True)
            torch.autograd.backward(likelihood + read_loss(flow, codes[rows], attributes[rows]))
            torch.nn.utils.clip_grad_norm_(flow.parameters(), _CLIP)
            adam.step()
            schedule.step()
            if time.monotonic() - saved > _SAVE_SECONDS:
                with placing(file) as partial:
                    kept = {name: part.state_dict() for name, part in parts.items()}
                    torch.save({**kept, "best": best, "curve": curve, "done": step + 1}, partial)
                saved = time.monotonic()
    look(of.steps, last)
    flow.load_state_dict(best)
    flow.eval().requires_grad_(False)
    errors = (flow.read(codes[test]) - attributes[test]).square().mean(0)
    explained = 1 - errors / attributes[test].var(0, correction=0)
    return Trained(flow, torch.tensor(curve)[:, :3], explained)


def _copy(flow: Flow) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in flow.state_dict().items()}


def _drawing(seed: int, step: int) -> torch.Generator:
    """Random numbers of a step alone, so that a training that goes on draws the same."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step)
