"""Adapting a generator to a text, step by step."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import (
    Generator,
    InterpganError,
    Picture,
    Progress,
    Report,
    Strip,
    Table,
    seeded_normal,
    to_uint8,
)
from interpgan_core.plugin import placing
from interpgan_text.net import TextImageNet, of_images

FIRST_SEED = 2**31  # of the samples to learn from: none that recipes use
FIXED = 16  # samples whose pictures are compared again and again
CHOICE_STEPS = 5  # from one choice of layers to the next
LOOK_STEPS = 10  # from one look at the diversity to the next
SAVE_SECONDS = 25.0  # a kill costs half a minute at most
SHOWN = 8  # samples in the report
_JUDGES = 8  # samples that choose the layers
_SOFT = 0.05  # length of a change of embeddings below which its direction counts less


@dataclass(frozen=True, eq=False)
class Goal:
    """Where pictures are to go.

    Args:
        net: whose space.
        way: (d,) of length 1, from the text of what there is to that of what there shall be.
        text: (d,) of length 1, of what there shall be.
    """

    net: TextImageNet
    way: Tensor
    text: Tensor

    def loss(self, before: Tensor, now: Tensor, seed: int) -> Tensor:
        """How far pictures have gone another way than the texts.

        The net sees both a few pixels aside, each time others: what pleases it in one place alone is noise. A change
        shorter than 0.05 counts by its length: at the first step there is none, and it has no direction.

        Args:
            before: (n, 3, h, w), the parent's.
            now: (n, 3, h, w) of the same codes.
            seed: of the shift.

        Returns:
            Mean of 1 - cosine between the change and the way, 0 to 2.
        """
        change = of_images(self.net, moved(now, seed)) - of_images(self.net, moved(before, seed))
        length = (change.square().sum(1) + _SOFT**2).sqrt()
        return (1 - change @ self.way.to(change.device) / length).mean()

    def distance(self, images: Tensor) -> Tensor:
        """1 - cosine of each picture to the text, summed."""
        return (1 - of_images(self.net, images) @ self.text.to(images.device)).sum()


class Adapting:
    """The work in progress.

    Args:
        parent: the generator; a copy of it is adapted.
        goal: where its pictures are to go.
        rate: of Adam.
        batch_size: samples a step.
        count: how many layers are trained in a step.
        scratch: for the copy's file: what is adapted is read from a file, as the result will be.

    Source:
        Gal et al., StyleGAN-NADA, TOG 2022, equations 2 to 4 and section 4.2.
    """

    def __init__(
        self, parent: Generator, goal: Goal, rate: float, batch_size: int, count: int, scratch: Path
    ) -> None:
        self.parent, self.goal, self.size, self.count, self.step = parent, goal, batch_size, count, 0
        self.generator = again(parent, scratch / "parent", parent)
        with torch.no_grad():  # weights find their order in memory at the first use, and sums round by it
            self.generator.images(self.generator.sample([FIRST_SEED]))
        self.weights = weights_of_layers(self.generator)
        self.chosen: dict[str, int] = dict.fromkeys(self.weights, 0)
        self.adam = torch.optim.Adam(
            [p for own in self.weights.values() for p in own], rate, betas=(0.0, 0.99**0.8)
        )
        self.names: list[str] = []
        self.seen: list[list[float]] = []
        self._spread = spread(parent)

    def advance(self) -> float:
        """One step; returns the loss before it."""
        with torch.enable_grad():
            if self.step % CHOICE_STEPS == 0:
                self.names = self.choice()
            names = self.names
            first = FIRST_SEED + FIXED + self.step * self.size
            batch = self.parent.sample(range(first, first + self.size))
            with torch.no_grad():
                before = self.parent.images(batch, self.size)
            trained = [p for name in names for p in self.weights[name]]
            loss = self.goal.loss(before, self.generator.images(batch, self.size), self.step)
            gradients = torch.autograd.grad(loss, trained)
        self.adam.zero_grad(set_to_none=True)
        for parameter, gradient in zip(trained, gradients, strict=True):
            parameter.grad = gradient
        self.adam.step()
        self.step += 1
        for name in names:
            self.chosen[name] += 1
        return float(loss.detach())

    def choice(self) -> list[str]:
        """The layers that matter most to the text just now."""
        if self.count >= len(self.weights):
            return list(self.weights)
        matter = importance(self.generator, self.goal, self.weights)
        order = sorted(matter, key=lambda name: -matter[name])  # stable: the earlier of equals
        return [name for name in self.weights if name in order[: self.count]]

    def look(self, loss: float, least: float, steps: int) -> None:
        """Note the loss and the diversity: how far samples lie from each other, as a share of the parent's.

        Args:
            loss: of the last step.
            least: diversity.
            steps: in all, for the message.

        Raises:
            InterpganError: if there is less, or a weight is not finite.
        """
        diversity = spread(self.generator) / self._spread
        enough = [int(step) for step, _, _ in self.seen]
        self.seen.append([self.step, loss, diversity])
        if not diversity >= least:
            advice = f"give steps: {enough[-1]}, " if enough else "give "
            raise InterpganError(
                f"samples became alike: after {self.step} of {steps} steps their diversity is {diversity:.2f} of what "
                f"it was, and the bound 'least_diversity' {least:g}; {advice}a smaller 'rate', or fewer 'layers'"
            )

    def state(self) -> dict[str, Any]:
        """Everything that changes, for `torch.save`."""
        weights = self.generator.module.state_dict()
        return {
            "step": self.step,
            "weights": weights,
            "adam": self.adam.state_dict(),
            "names": self.names,
            "chosen": self.chosen,
            "seen": self.seen,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was."""
        self.step, self.names, self.chosen, self.seen = (
            state[k] for k in ("step", "names", "chosen", "seen")
        )
        self.generator.module.load_state_dict(state["weights"])
        self.adam.load_state_dict(state["adam"])


def moved(images: Tensor, seed: int) -> Tensor:
    """Pictures moved aside by up to a tenth of their height; what comes in is the colour of the edge.

    Args:
        images: (n, 3, h, w).
        seed: chooses how far, down and to the right.

    Returns:
        (n, 3, h, w).
    """
    import numpy as np

    height, width = images.shape[2:]
    most = height // 10
    down, right = np.random.RandomState([seed, 1]).randint(0, 2 * most + 1, 2).tolist()
    wide = functional.pad(images, (most, most, most, most), mode="replicate")
    return wide[:, :, down : down + height, right : right + width]


def again(generator: Generator, folder: Path, like: Generator) -> Generator:
    """The generator as its file makes it, so also with the fingerprint of its weights."""
    folder.mkdir(parents=True, exist_ok=True)
    generator.save(folder)
    return Generator.load(folder).to(like.device)


@torch.no_grad()
def spread(generator: Generator) -> float:
    """Mean squared distance, per value, of the pictures of two samples."""
    images = generator.images(generator.sample(range(FIRST_SEED, FIRST_SEED + FIXED)), FIXED).clamp(-1, 1)
    return 2 * float(images.double().var(0, correction=1).mean())


def weights_of_layers(generator: Generator) -> dict[str, list[nn.Parameter]]:
    """The kernels and matrices that each layer is the first to use, of its style too.

    Not those that map codes, nor those that make a picture of maps; and no biases and strengths of noise, which
    change all pictures alike.

    Args:
        generator: whose weights get gradients, and keep them.

    Returns:
        layer -> weights; layers without any are left out.
    """
    parameters = [p for p in generator.module.requires_grad_(True).parameters() if p.ndim > 1]
    batch = generator.sample([0])
    found, used = {}, set[int]()
    with torch.enable_grad():
        own = [name for name, space in generator.spaces.items() if name != "s"][-1]
        codes = generator.to_space(batch, own).codes
        if codes.requires_grad:
            used |= {i for i, _ in _reached(codes, parameters)}
        for name, maps in generator.features(batch, list(generator.layers)).items():
            new = [(i, p) for i, p in _reached(maps, parameters) if i not in used]
            used |= {i for i, _ in new}
            if new:
                found[name] = [p for _, p in new]
    return found


def _reached(output: Tensor, parameters: Sequence[nn.Parameter]) -> Iterator[tuple[int, nn.Parameter]]:
    """Those that an output depends on, with their positions."""
    # Weighed at random: the plain sum of normalised maps depends on nothing.
    weighed = (output * seeded_normal([0], output.shape[1:]).to(output)).sum()
    gradients = torch.autograd.grad(weighed, parameters, retain_graph=True, allow_unused=True)
    for i, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
        # Styles of all layers may be made as one tensor: those of later ones have gradients of 0.
        if gradient is not None and gradient.any():
            yield i, parameter


def importance(generator: Generator, goal: Goal, weights: Mapping[str, Sequence[Tensor]]) -> dict[str, float]:
    """How much each layer matters to the text.

    Where each layer has a code of its own (w+), how far a step down the gradient moves it, as in the paper. Elsewhere
    how much the distance to the text changes with a layer's weights, each by the same share of its size.
    """
    batch = generator.sample(range(FIRST_SEED, FIRST_SEED + _JUDGES))
    layered = [name for name, space in generator.spaces.items() if space.base is not None]
    with torch.enable_grad():
        if layered:
            codes = generator.to_space(batch, layered[-1]).codes.detach().requires_grad_(True)
            at = replace(batch, codes=codes, space=generator.spaces[layered[-1]])
            distance = goal.distance(generator.images(at, _JUDGES))
            (slope,) = torch.autograd.grad(distance, [codes])
            far = slope.abs().mean((0, 2))
            numbers = {name: generator.layer_number(name) for name in weights}
            return {name: 0.0 if k is None else float(far[k]) for name, k in numbers.items()}
        every = [p for own in weights.values() for p in own]
        distance = goal.distance(generator.images(batch, _JUDGES))
        slopes = iter(torch.autograd.grad(distance, every))
        return {
            name: sum(float((next(slopes) * p.detach()).norm()) for p in own) for name, own in weights.items()
        }


def adapted_generator(
    work: Adapting,
    steps: int,
    least_diversity: float,
    said: str,
    folder: Path,
    scratch: Path,
    progress: Progress,
) -> Generator:
    """Work to the end, going on where a stopped run was, and write the report.

    Args:
        work: in progress.
        steps: in all.
        least_diversity: where it stops.
        said: what was done, for the notes of the generator.
        folder: takes the generator's file, pictures and the report.
        scratch: holds the state.
        progress: shows steps, and the loss.

    Returns:
        The generator as its file makes it.

    Raises:
        InterpganError: if samples became alike.
    """
    file = scratch / "adapting.pt"
    if file.exists():
        work.restore(torch.load(file, map_location="cpu", weights_only=True))
    saved, last = time.monotonic(), "adapting"

    def what() -> str:
        return last

    for _ in progress(_left(work, steps), total=steps - work.step, what=what):
        loss = work.advance()
        last = f"adapting, loss {loss:.3f}"
        if work.step % LOOK_STEPS == 0 or work.step == steps:
            work.look(loss, least_diversity, steps)
        if time.monotonic() - saved > SAVE_SECONDS:
            _save(work, file)
            saved = time.monotonic()
    _save(work, file)
    parent, copy = work.parent, work.generator
    copy.module.requires_grad_(False)
    copy.notes = {
        **parent.notes,
        "parent": parent.fingerprint,
        "codes of": [parent.fingerprint, *parent.notes.get("codes of", ())],
        "adapted": said,
    }
    adapted = again(copy, folder, parent)
    _report(work, adapted, said, folder).save(folder)
    return adapted


def _left(work: Adapting, steps: int) -> Iterator[int]:
    while work.step < steps:
        yield work.step


def _save(work: Adapting, file: Path) -> None:
    with placing(file) as partial:
        torch.save(work.state(), partial)


@torch.no_grad()
def _report(work: Adapting, adapted: Generator, said: str, folder: Path) -> Report:
    """A few samples of both generators, the way there, and how often each layer was trained."""
    strips = []
    for seed in range(SHOWN):
        pictures = [
            Picture.write(
                to_uint8(generator.images(generator.sample([seed])))[0], folder, f"{seed}-{name}.png", name
            )
            for name, generator in (("parent", work.parent), ("adapted", adapted))
        ]
        strips.append(Strip(f"seed {seed}", tuple(pictures), origin=0))
    note = (
        "Loss: 1 - cosine between the change of the pictures and that of the texts, 0 to 2. Diversity: mean squared "
        "distance of the pictures of two samples, as a share of the parent's."
    )
    tables = (
        Table("On the way", ("step", "loss", "diversity"), tuple(tuple(row) for row in work.seen), note),
        Table("Layers", ("layer", "steps in which it was trained"), tuple(work.chosen.items())),
    )
    fingerprints = (
        f"The generator has the fingerprint {adapted.fingerprint}; its parent, {work.parent.fingerprint}."
    )
    return Report("", tuple(strips), tables, (f"{said}.", fingerprints))
