"""A training in steps: its progress, its curve, and its state, from which a stopped one goes on to the same bits."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_core.errors import InterpganError
from interpgan_core.files.atomic import placing
from interpgan_core.progress import Progress

if TYPE_CHECKING:
    from torch import Tensor, nn

Curve = list[dict[str, float]]
"""Lines of a step and the means of the losses since the line before."""

LINES = 40
"""Of a curve."""
_SAVE_SECONDS = 20.0


def minimise(
    module: nn.Module,
    losses: Callable[[int], Mapping[str, Tensor]],
    steps: int,
    rate: float,
    file: Path,
    what: str,
    progress: Progress,
) -> Curve:
    """Minimise the loss of each step by Adam, whose rate falls to 0 as half a cosine.

    Args:
        module: its parameters are changed in place.
        losses: of a step, by its number alone; "loss" is minimised, all are in the curve.
        steps: how many.
        rate: of the first step.
        file: where the state is kept now and then.
        what: for the bar, such as "learning smile".
        progress: shows steps, and the loss.

    Returns:
        The curve, of `LINES` lines at most.

    Raises:
        InterpganError: if a loss is not finite.
    """
    import torch

    adam = torch.optim.Adam(module.parameters(), rate)
    done, curve, sums = 0, Curve(), dict[str, float]()
    if file.exists():
        state = torch.load(file, map_location="cpu", weights_only=True)
        module.load_state_dict(state["module"])
        adam.load_state_dict(state["adam"])
        done, curve, sums = state["done"], state["curve"], state["sums"]
    last, saved, since = float("nan"), time.monotonic(), curve[-1]["step"] if curve else 0

    def left() -> Iterator[int]:
        yield from range(done, steps)

    def said() -> str:
        return f"{what}, loss {last:.3g}"

    with torch.enable_grad():
        for step in progress(left(), total=steps - done, what=said):
            found = losses(step)
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            last = float(found["loss"].detach())
            if not math.isfinite(last):
                raise InterpganError(f"{what}: the loss of step {step} is not finite; give a smaller 'rate'")
            adam.zero_grad(set_to_none=True)
            torch.autograd.backward(found["loss"])
            for group in adam.param_groups:
                group["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
            adam.step()
            if (step + 1) * LINES // steps > step * LINES // steps:
                count = step + 1 - since
                curve.append({"step": step + 1, **{name: total / count for name, total in sums.items()}})
                since, sums = step + 1, {}
            if time.monotonic() - saved > _SAVE_SECONDS:
                with placing(file) as partial:
                    kept = {"module": module.state_dict(), "adam": adam.state_dict()}
                    torch.save({**kept, "done": step + 1, "curve": curve, "sums": sums}, partial)
                saved = time.monotonic()
    return curve
