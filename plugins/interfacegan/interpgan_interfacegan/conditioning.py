"""Conditional projection, with what it did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from interpgan_core import Direction, Generator, InterpganError
from interpgan_interfacegan.naming import name_of
from interpgan_interfacegan.results import Conditioned

if TYPE_CHECKING:
    from torch import Tensor


def condition(
    direction: Direction, given: Sequence[Direction], generator: Generator | None = None
) -> Conditioned:
    """`direction.without(*given)`, measured.

    Args:
        direction: the one to edit along.
        given: the conditions, one at least; they need not be orthogonal, nor differ.
        generator: of the directions; the mean of its space puts the plane right. None: the mean is 0.

    Returns:
        The direction, with the notes attribute, residual (length left of 1), degrees (angle turned) and
        conditions (name, and cosine before and after, of each). Notes of the old direction do not hold for
        it, and are dropped.

    Raises:
        InterpganError: if spaces, shapes or generators differ, or nothing is left; it names the conditions.
    """
    name = name_of(direction, "the direction")
    names = [name_of(other, f"condition {i}") for i, other in enumerate(given, start=1)]
    _check(direction, name, given, names, generator)
    before = [_cosine(direction.vector, other.vector) for other in given]
    try:
        left = direction.without(*given)
    except InterpganError as error:
        nearest = max(range(len(given)), key=lambda i: abs(before[i]))
        raise InterpganError(
            f"nothing of '{name}' is left without {_quoted(names)}: it lies in their span; leave out the one "
            f"that means the same, perhaps '{names[nearest]}' (cosine {before[nearest]:.4f})"
        ) from error
    after = [_cosine(left.vector, other.vector) for other in given]
    residual = float(left.notes["residual"])
    own, new = (v.flatten() / v.norm() for v in (direction.vector, left.vector))
    conditions = [{"name": n, "before": b, "after": a} for n, b, a in zip(names, before, after, strict=True)]
    # acos of the residual would lose half the digits of a small angle.
    turned = math.degrees(math.atan2(float((own - residual * new).norm()), residual))
    notes = {"attribute": name, "residual": residual, "degrees": turned, "conditions": conditions}
    bias = left.bias
    mean = _mean(direction, generator)
    if mean is not None:
        # The plane of the old direction, met where the conditions are as in the mean; in W that is not 0.
        bias += float(direction.distance(mean) / residual - left.distance(mean))
    placed = replace(left, bias=bias)
    return Conditioned(placed.vector, placed.space, placed.bias, placed.layers, placed.generator, notes)


def _check(
    direction: Direction,
    name: str,
    given: Sequence[Direction],
    names: Sequence[str],
    generator: Generator | None,
) -> None:
    for other, label in zip(given, names, strict=True):
        if other.space != direction.space or other.vector.shape != direction.vector.shape:
            raise InterpganError(
                f"'{name}' is a direction of {direction.space} {tuple(direction.vector.shape)}, and '{label}' of "
                f"{other.space} {tuple(other.vector.shape)}: they share nothing; find both in the same space"
            )
        if direction.generator and other.generator and direction.generator != other.generator:
            raise InterpganError(
                f"'{name}' was found on the generator {direction.generator}, and '{label}' on "
                f"{other.generator}: they share nothing; find both on the same generator"
            )
    if generator is not None and not generator.shares_codes(direction.generator):
        raise InterpganError(
            f"'{name}' was found on another generator ({direction.generator}, not {generator.fingerprint}); "
            "name its own with generator: $step"
        )


def _mean(direction: Direction, generator: Generator | None) -> Tensor | None:
    """(1, *shape) float32 on the CPU; the mean of the direction's space, where it is known and fits."""
    space = generator.spaces.get(direction.space) if generator is not None else None
    if space is None or space.mean is None or space.shape != tuple(direction.vector.shape):
        return None
    return space.mean[None].cpu()


def _cosine(a: Tensor, b: Tensor) -> float:
    return float((a.flatten() / a.norm()) @ (b.flatten() / b.norm()))


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
