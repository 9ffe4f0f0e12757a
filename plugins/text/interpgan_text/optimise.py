"""The operator `text.optimise`: codes that are moved until their pictures show what a text says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from interpgan_core import (
    EditOperator,
    FeatureNet,
    Generator,
    Input,
    InterpganError,
    LatentBatch,
    Layers,
    Ranges,
    quiet,
)
from interpgan_text.net import Text, TextImageNet, check_gradients, of_images, of_texts
from interpgan_text.relevance import entries_of
from interpgan_text.search import POPULATION, REACH, Loss, Method, evolved, ramp

if TYPE_CHECKING:
    from torch import Tensor

_SPREAD = "0-1023"  # seeds of the samples whose standard deviations evolution takes


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
    """The space where codes move: w+, w, s, z …; left out: w+ where there is one (evolution: w), else the last before
    s."""
    layers: Layers = "all"
    """Which layers move, in a space that has them."""
    method: Method = "gradient"
    """evolution asks for no gradient, and so follows none into pictures that please the net and nobody else; it moves
    the whole code of a space of single vectors."""
    steps: Annotated[int, Field(ge=1)] = 100
    """Steps of the gradient, or generations of 12."""
    rate: Annotated[float, Field(gt=0)] = 0.1
    """Of Adam, at its highest; evolution has none."""
    keep_code: Annotated[float, Field(ge=0)] = 0.008
    """Weight of the squared distance from the first code; more of it: less happens, and less else changes."""
    identity: Input[FeatureNet] | None = None
    """A net that knows faces, such as faces.identity."""
    keep_identity: Annotated[float, Field(ge=0)] = 0.1
    """Weight of the cosine distance of its features from those before."""

    def check(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        of_texts(self.net, [self.text])
        self._check_net()
        moved = generator.to_space(batch, self._space(batch, generator))
        moved.space.mask(self.layers)
        return moved

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        import torch

        start = generator.to_space(batch, self._space(batch, generator))
        self._check_net()
        text = of_texts(self.net, [self.text])[0]
        mask = start.space.mask(self.layers).to(start.codes.device)
        if self.method == "evolution":
            # In standard deviations of each entry, so that the reach is the same in all.
            mask = mask * entries_of(generator, start.space.name, Ranges(_SPREAD), quiet).deviation.to(
                start.codes
            )
        # One by one, so that each is edited to the bit as it is alone.
        find = self._evolved if self.method == "evolution" else self._descended
        moved = [find(self._losses(part, text, generator), mask) for part in start.split(1)]
        return replace(start, codes=start.codes + torch.cat(moved)) if moved else start

    def _check_net(self) -> None:
        if self.method == "gradient":
            check_gradients(self.net)

    def _space(self, batch: LatentBatch, generator: Generator) -> str:
        order = list(generator.spaces)
        here = order.index(batch.space.name)
        ahead = [name for name in order[here:] if name != "s"] or [batch.space.name]
        if self.method == "evolution":
            vectors = [name for name in ahead if len(generator.spaces[name].shape) == 1] or ahead
            return generator.vector_space(self.move_in or vectors[-1]).name
        return self.move_in or ("w+" if "w+" in ahead else ahead[-1])

    def _descended(self, losses: Loss, mask: Tensor) -> Tensor:
        """The offset of one code, (1, *shape)."""
        import torch

        with torch.enable_grad():
            offset = torch.zeros((1, *mask.shape), device=mask.device).requires_grad_(True)
            adam = torch.optim.Adam([offset], lr=self.rate)
            for step in range(self.steps):
                for group in adam.param_groups:
                    group["lr"] = self.rate * ramp(step / self.steps)
                (gradient,) = torch.autograd.grad(losses(offset * mask).sum(), [offset])
                if not gradient.isfinite().all():
                    raise InterpganError(
                        f"the optimisation for '{self.text}' broke down in step {step}; give a smaller 'rate'"
                    )
                offset.grad = gradient
                adam.step()
        return offset.detach() * mask

    def _evolved(self, losses: Loss, scale: Tensor) -> Tensor:
        """The offset of one code, (1, d), whose entries have a scale each."""
        import torch

        start = torch.zeros_like(scale)
        return (
            evolved(lambda moves: losses(moves * scale), start, self.steps, POPULATION, REACH)[None] * scale
        )

    def _losses(self, part: LatentBatch, text: Tensor, generator: Generator) -> Loss:
        """Losses of offsets of one sample's code: (k, *shape) -> (k,)."""
        import torch

        with torch.no_grad():
            before = self._features(generator.images(part))

        def losses(offsets: Tensor) -> Tensor:
            count = len(offsets)
            moved = part.repeat(count)
            images = generator.images(replace(moved, codes=moved.codes.detach() + offsets), count)
            loss = 1 - of_images(self.net, images) @ text.to(images.device)
            loss = loss + self.keep_code * offsets.square().flatten(1).sum(1)
            now = self._features(images)
            if before is not None and now is not None:
                loss = loss + self.keep_identity * (1 - (now * before).sum(1))
            return loss

        return losses

    def _features(self, images: Tensor) -> Tensor | None:
        """(n, d) of length 1; without a net, None."""
        from torch.nn import functional

        if self.identity is None:
            return None
        return functional.normalize(self.identity.features(images), dim=1)
