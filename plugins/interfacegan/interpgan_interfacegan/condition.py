"""The operator `interfacegan.condition`: conditional directions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import Direction, Generator, Input, InterpganError, Operator, Report, Table

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Conditioned(Direction):
    """A direction without what it shared with others; its notes hold what was removed and what is left."""

    def summary(self) -> Report:
        """What the report shows of it: the angle turned, and the cosine with each condition, before and after."""
        conditions = self.notes["conditions"]
        rows = tuple((c["name"], c["before"], c["after"]) for c in conditions)
        title = f"{self.notes['attribute']} without {', '.join(c['name'] for c in conditions)}"
        note = (
            f"{self.notes['residual']:.4f} of its length was left, and it turned by "
            f"{self.notes['degrees']:.1f} degrees."
        )
        return Report(tables=(Table(title, ("condition", "cosine before", "cosine after"), rows, note),))


class Condition(Operator):
    """Remove from a direction what it shares with others, so that an edit along it leaves their attributes alone.

    All conditions are removed together. The result is one direction: `$smile` of the step with `id: smile`.

    Source: Shen et al., CVPR 2020, section 2.2, for any number of conditions. Deviation: where the
        generator knows the mean of the space, the plane keeps its distance from it as far as the conditions go.
    """

    direction: Input[Direction]
    """The direction to be edited along."""
    given: Annotated[tuple[Input[Direction], ...], Field(min_length=1)]
    """The directions whose attributes should not change."""

    def check(self, generator: Generator | None = None) -> Conditioned:
        check_given(self.direction, self.given, generator)
        return Conditioned.of(self.direction)

    def run(self, generator: Generator | None = None) -> Conditioned:
        return condition(self.direction, self.given, generator)


def condition(
    direction: Direction, given: Sequence[Direction], generator: Generator | None = None
) -> Conditioned:
    """`direction.without(*given)`, measured.

    Args:
        direction: the one to edit along.
        given: the conditions, one at least; they need not be orthogonal, nor differ.
        generator: of the directions; gives the mean of the space, which sets the bias. None: the mean is 0.

    Returns:
        The direction, with the notes attribute, residual (length left of 1), degrees (angle turned) and
        conditions (name, and cosine before and after, of each). Notes of the old direction do not hold for
        it, and are dropped.

    Raises:
        InterpganError: if spaces, shapes or generators differ, or nothing is left; it names the conditions.
    """
    name, names = check_given(direction, given, generator)
    before = [_cosine(direction.vector, other.vector) for other in given]
    try:
        left = direction.without(*given)
    except InterpganError as error:
        nearest = max(range(len(given)), key=lambda i: abs(before[i]))
        quoted = ", ".join(f"'{n}'" for n in names)
        raise InterpganError(
            f"nothing of '{name}' is left without {quoted}: it lies in their span; leave out the one "
            f"that means the same, perhaps '{names[nearest]}' (cosine {before[nearest]:.4f})"
        ) from error
    after = [_cosine(left.vector, other.vector) for other in given]
    residual = float(left.notes["residual"])
    old, new = (v.flatten() / v.norm() for v in (direction.vector, left.vector))
    conditions = [{"name": n, "before": b, "after": a} for n, b, a in zip(names, before, after, strict=True)]
    # acos of the residual would lose half the digits of a small angle.
    degrees = math.degrees(math.atan2(float((old - residual * new).norm()), residual))
    notes = {"attribute": name, "residual": residual, "degrees": degrees, "conditions": conditions}
    bias = left.bias
    mean = _mean(direction, generator)
    if mean is not None:
        # The plane of the old direction, met where the conditions are as in the mean; in W that is not 0.
        bias += float(direction.distance(mean) / residual - left.distance(mean))
    return Conditioned(left.vector, left.space, bias, left.layers, left.generator, notes)


def check_given(
    direction: Direction, given: Sequence[Direction], generator: Generator | None
) -> tuple[str, list[str]]:
    """What messages call the direction, and each of the others.

    Raises:
        InterpganError: if spaces, shapes or generators differ.
    """
    name = _name_of(direction, "the direction")
    names = [_name_of(other, f"condition {i}") for i, other in enumerate(given, start=1)]
    for other, other_name in zip(given, names, strict=True):
        direction.check_comparable(other, name, other_name)
    if generator is not None and not generator.shares_codes(direction.generator):
        raise InterpganError(
            f"'{name}' was found on another generator ({direction.generator}, not {generator.fingerprint}); "
            "name its own with generator: $step"
        )
    return name, names


def _name_of(direction: Direction, otherwise: str) -> str:
    """Its attribute, or the name of its file."""
    if "attribute" in direction.notes:
        return str(direction.notes["attribute"])
    return Path(str(direction.notes["file"])).stem if "file" in direction.notes else otherwise


def _mean(direction: Direction, generator: Generator | None) -> Tensor | None:
    """(1, *shape) float32 on the CPU; the mean of the direction's space, where it is known and fits."""
    space = generator.spaces.get(direction.space) if generator is not None else None
    if space is None or space.mean is None or space.shape != tuple(direction.vector.shape):
        return None
    return space.mean[None].cpu()


def _cosine(a: Tensor, b: Tensor) -> float:
    return float((a.flatten() / a.norm()) @ (b.flatten() / b.norm()))
