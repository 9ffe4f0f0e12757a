"""The operator `text.optimise`: codes that are moved until their pictures show what a text says."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import EditOperator, FeatureNet, Generator, Input, InterpganError, LatentBatch, Layers
from interpgan_text.net import Text, TextImageNet, check_gradients, of_images, of_texts

if TYPE_CHECKING:
    from torch import Tensor

_RISES, _FALLS = 0.05, 0.25  # shares of the steps in which the rate goes up, and down


class OptimiseForText(EditOperator):
    """Move the codes of samples until their pictures show what a text says, and stay near where they were.

    Slower than a direction, and different for every sample; each is moved without regard to the others.

    Source: Patashnik et al., StyleCLIP, ICCV 2021, section 4, equations 1 and 2: the cosine to the text, the squared
        distance from the first code, and the identity.
    """

    net: Input[TextImageNet]
    text: Text
    """Such as "a smiling old man"."""
    move_in: str | None = None
    """The space where codes move: w+, w, s, z …; left out: w+ where there is one, else the last before s."""
    layers: Layers = "all"
    """Which layers move, in a space that has them."""
    steps: Annotated[int, Field(ge=1, strict=True)] = 100
    rate: Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)] = 0.1
    """Of Adam, at its highest."""
    keep_code: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] = 0.008
    """Weight of the squared distance from the first code; more of it: less happens, and less else changes."""
    identity: Input[FeatureNet] | None = None
    """A net that knows faces, such as faces.identity."""
    keep_identity: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] = 0.1
    """Weight of the cosine distance of its features from those before."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        of_texts(self.net, [self.text])
        check_gradients(self.net)
        moved = generator.to_space(batch, self._space(batch, generator))
        moved.space.mask(self.layers)
        return moved

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        import torch

        start = generator.to_space(batch, self._space(batch, generator))
        check_gradients(self.net)
        text = of_texts(self.net, [self.text])[0]
        mask = start.space.mask(self.layers).to(start.codes.device)
        # One by one, so that each is edited to the bit as it is alone.
        moved = [self._moved(part, text, mask, generator) for part in start.split(1)]
        return replace(start, codes=torch.cat(moved)) if moved else start

    def _space(self, batch: LatentBatch, generator: Generator) -> str:
        order = list(generator.spaces)
        if self.move_in is not None:
            return self.move_in
        here = order.index(batch.space.name)
        ahead = [name for name in order[here:] if name != "s"] or [batch.space.name]
        return "w+" if "w+" in ahead else ahead[-1]

    def _moved(self, part: LatentBatch, text: Tensor, mask: Tensor, generator: Generator) -> Tensor:
        import torch

        first = part.codes.detach()
        with torch.no_grad():
            before = self._features(generator.images(part))
        with torch.enable_grad():
            offset = torch.zeros_like(first).requires_grad_(True)
            adam = torch.optim.Adam([offset], lr=self.rate)
            for step in range(self.steps):
                for group in adam.param_groups:
                    group["lr"] = self.rate * ramp(step / self.steps)
                images = generator.images(replace(part, codes=first + offset * mask))
                seen = of_images(self.net, images)
                loss = (1 - seen @ text.to(seen.device)).sum()
                loss = loss + self.keep_code * (offset * mask).square().sum()
                now = self._features(images)
                if before is not None and now is not None:
                    loss = loss + self.keep_identity * (1 - (now * before).sum(1)).sum()
                (gradient,) = torch.autograd.grad(loss, [offset])
                if not gradient.isfinite().all():
                    raise InterpganError(
                        f"the optimisation for '{self.text}' broke down in step {step}; give a smaller 'rate'"
                    )
                offset.grad = gradient
                adam.step()
        return first + offset.detach() * mask

    def _features(self, images: Tensor) -> Tensor | None:
        """(n, d) of length 1; without a net, None."""
        from torch.nn import functional

        if self.identity is None:
            return None
        return functional.normalize(self.identity.features(images), dim=1)


def ramp(share: float) -> float:
    """The share of the full rate at a share of the steps: up in a line, down along a cosine, as StyleGAN's projector.

    Args:
        share: 0 to 1.

    Returns:
        0 to 1.

    Example:
        >>> from interpgan_text.optimise import ramp
        >>> ramp(0.0), ramp(0.5), round(ramp(0.875), 3)
        (0.0, 1.0, 0.5)
    """
    falling = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - share) / _FALLS))
    return falling * min(1.0, share / _RISES)
