"""Trainings in steps, of which one that was stopped goes on, to the same bits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from interpgan_core import InterpganError, Progress
from interpgan_core.plugin import placing

_SAVE_SECONDS = 20.0


class Loss(Protocol):
    """The loss of a step, by its number alone."""

    def __call__(self, step: int) -> Tensor:
        """A number, with gradients."""


def train(
    net: nn.Module, loss: Loss, steps: int, rate: float, file: Path, what: str, progress: Progress
) -> None:
    """Train a network by Adam, whose rate rises and falls once.

    Args:
        net: changed in place; its weights are rounded to half precision at the end, as its file keeps them, and frozen.
        loss: of a step.
        steps: how many.
        rate: highest.
        file: where the state is kept now and then.
        what: for the bar, "training the mapper".
        progress: shows steps, and the loss.

    Raises:
        InterpganError: if a loss is not finite.
    """
    adam = torch.optim.Adam(net.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, rate, total_steps=steps + 1)
    parts: dict[str, Any] = {"net": net, "adam": adam, "schedule": schedule}
    done = 0
    if file.exists():
        state = torch.load(file, map_location="cpu", weights_only=True)
        done = state.pop("done")
        for name, part in parts.items():
            part.load_state_dict(state[name])
    last, saved = float("nan"), time.monotonic()

    def said() -> str:
        return f"{what}, loss {last:.3f}"

    def left() -> Iterator[int]:
        yield from range(done, steps)

    net.train().requires_grad_(True)
    with torch.enable_grad():
        for step in progress(left(), total=steps - done, what=said):
            value = loss(step)
            last = float(value.detach())
            if not last < float("inf"):
                raise InterpganError(f"{what}: the loss of step {step} is not finite; give a smaller 'rate'")
            adam.zero_grad(set_to_none=True)
            torch.autograd.backward(value)
            adam.step()
            schedule.step()
            if time.monotonic() - saved > _SAVE_SECONDS:
                with placing(file) as partial:
                    kept = {name: part.state_dict() for name, part in parts.items()}
                    torch.save({**kept, "done": step + 1}, partial)
                saved = time.monotonic()
    net.half().float().eval().requires_grad_(False)
