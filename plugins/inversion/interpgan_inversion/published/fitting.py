"""Whether a published encoder fits a generator, and how its codes become the generator's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from interpgan_core import Generator, InterpganError

if TYPE_CHECKING:
    from interpgan_inversion.published.files import Found

ALIKE = 0.9  # least cosine of the mean codes of two generators with one W


def fitting(found: Found, generator: Generator) -> Tensor | None:
    """How an encoder's codes become those of a generator.

    Args:
        found: what a file holds.
        generator: any.

    Returns:
        For each code of w+ the number of the encoder's; None where it gives one code, of w.

    Raises:
        InterpganError: if the generator is of another family, has another W, or takes another number of codes; the
            message says what both are.
    """
    spaces = generator.spaces
    needed = {"w"} if found.codes == 1 else {"w+"}
    if not needed <= set(spaces) or (generator.codes_of and generator.codes_of != found.family):
        held = ", ".join(f"{name} {tuple(space.shape)}" for name, space in spaces.items())
        _refuse(found, f"for {found.family}", f"{generator.codes_of or 'of another family'}, with {held}")
    size = spaces[min(needed)].shape[-1]
    if size != found.size:
        _refuse(found, "", f"one whose codes have {size} numbers")
    _check_mean(found, generator)
    if found.codes == 1:
        return None
    wide = spaces["w+"]
    numbers = torch.arange(wide.shape[0]) if wide.layer_of is None else wide.layer_of.flatten().cpu()
    count = int(numbers.max()) + 1
    # One with a numbering of its own leaves layers of the full network out, and has others twice.
    own = len(numbers) != count
    if found.used < count or (found.used != count and not own):
        which = "" if found.used == found.codes else f"of which {found.used} are used"
        _refuse(found, which, f"one of {count} layers")
    return numbers


def _check_mean(found: Found, generator: Generator) -> None:
    """Check that the W of both is the same: the means of its codes are alike then.

    Raises:
        InterpganError: if not, or neither has a mean and the encoder needs one.
    """
    own = generator.spaces["w"].mean if "w" in generator.spaces else None
    if own is None and found.adds_mean and found.mean is None:
        _refuse(found, "which lacks its mean code", "one without a mean code either")
    if found.mean is None or own is None:
        return
    mean = found.mean if found.mean.ndim == 1 else found.mean.mean(0)
    cosine = float(cosine_similarity(mean.double(), own.cpu().double(), dim=0))
    if not cosine >= ALIKE:  # nor where it is no number
        _refuse(
            found,
            "of another W",
            f"{generator!r}: the cosine of their mean codes is {cosine:.2f}, and near 1 where W is the same",
        )


def _refuse(found: Found, encoder: str, generator: str) -> None:
    """Raises: InterpganError: always."""
    path = found.checkpoint.path
    way = "take the generator that it was trained for"
    if found.has_generator:
        way += f", which stands in the same file: {{use: generator, weights: {path.name}}}"
    raise InterpganError(
        f"{path} holds an encoder, {found.in_words}{f', {encoder}' if encoder else ''}, and this generator is "
        f"{generator}; {way}"
    )
