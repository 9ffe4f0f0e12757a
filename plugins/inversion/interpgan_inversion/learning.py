"""The encoder's network, and its training on samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from interpgan_core import Generator, ImageSet, LatentBatch, Progress
from interpgan_inversion.encoder import Encoder
from interpgan_inversion.inverting import layered
from interpgan_inversion.likeness import Likeness
from interpgan_inversion.measures import psnr
from interpgan_inversion.running import finish
from interpgan_inversion.search import Schedule
from interpgan_inversion.sources import of_size, side_of
from interpgan_inversion.starts import Scale

if TYPE_CHECKING:
    from interpgan_inversion.encoding import TrainEncoder

FIRST, TESTED = 2**31, 64  # the seeds from which samples are drawn, and how many test the encoder
HELD_OUT = 8  # one in so many of the given pictures, at most `TESTED`, tests it too


class EncoderNet(nn.Module):
    """Pictures to deviations from the mean code, and to logits of the classes where there are any.

    Args:
        side: of the pictures, in pixels.
        width: channels of the first layer.
        code: shape of a code.
        classes: 0 = none.
    """

    def __init__(self, side: int, width: int, code: Sequence[int], classes: int) -> None:
        super().__init__()
        self.shape = {"side": side, "width": width, "code": list(code), "classes": classes}
        self.code_shape = tuple(code)
        layers = max(1, (side // 4).bit_length() - 1)
        widths = [3, *(width * 2 ** min(i, 3) for i in range(layers))]
        self.body = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 4, 2, 1), nn.GroupNorm(8, b), nn.LeakyReLU(0.2))
                for a, b in pairwise(widths)
            ),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(16 * widths[-1], widths[-1]),  # few numbers, for codes of many layers have many
            nn.LeakyReLU(0.2),
        )
        self.code = nn.Linear(widths[-1], prod(code))
        self.classes = nn.Linear(widths[-1], classes) if classes else None

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Look.

        Args:
            images: (n, 3, side, side) in [-1, 1].

        Returns:
            (n, *code), and (n, classes) or None.
        """
        seen = self.body(images)
        apart = self.code(seen).view(-1, *self.code_shape)
        return apart, None if self.classes is None else self.classes(seen)


class Learning:
    """The training in progress.

    Args:
        net: whose weights are changed in place.
        generator: that draws the samples.
        scale: of the codes.
        schedule: of the learning rate.
        batch_size: samples a step, and as many of the pictures.
        likeness: of a picture and that of its code.
        picture_weight: of `likeness`; 0 = codes alone.
        pictures: that `likeness` is asked for; None = the samples.
        seed: of the order of `pictures`.
    """

    def __init__(
        self,
        net: EncoderNet,
        generator: Generator,
        scale: Scale,
        schedule: Schedule,
        batch_size: int,
        likeness: Likeness,
        picture_weight: float,
        pictures: ImageSet | None,
        seed: int,
    ) -> None:
        self.net, self.generator, self.scale, self.schedule = net, generator, scale, schedule
        self.batch_size, self.likeness, self.picture_weight = batch_size, likeness, picture_weight
        self.pictures, self.seed, self.step = pictures, seed, 0
        self.held_out = 0 if pictures is None else min(TESTED, len(pictures) // HELD_OUT)
        self.adam = torch.optim.Adam(net.parameters(), schedule.rate)

    def advance(self) -> float:
        """One step on new samples; returns the loss before it."""
        for group in self.adam.param_groups:
            group["lr"] = self.schedule.rate_at(self.step)
        batch, images = self.drawn(FIRST + TESTED + self.step * self.batch_size, self.batch_size)
        apart, logits = self.net(images)
        loss = (apart - self.scale.apart(batch.codes)).square().mean()
        if logits is not None and batch.labels is not None:
            loss = loss + functional.cross_entropy(logits, batch.labels)
        if self.picture_weight:
            labels = batch.labels
            if self.pictures is not None:
                images = self._given(self.pictures)
                apart, logits = self.net(images)
                labels = None if logits is None else logits.softmax(1)
            again = LatentBatch(self.scale.codes(apart), self.scale.space, labels)
            found = self.likeness.look(self.generator.images(again, self.batch_size))
            with torch.no_grad():
                wanted = self.likeness.look(images)
            loss = loss + self.picture_weight * self.likeness.loss(found, wanted).mean()
        self.adam.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.adam.step()
        self.step += 1
        return float(loss.detach())

    @torch.no_grad()
    def drawn(self, first: int, count: int) -> tuple[LatentBatch, Tensor]:
        """Samples from consecutive seeds: codes and pictures."""
        batch = self.generator.to_space(
            self.generator.sample(range(first, first + count)), self.scale.space.name
        )
        return batch, self.generator.images(batch, count).clamp(-1, 1)

    def _given(self, pictures: ImageSet) -> Tensor:
        """Some of the pictures, by the number of the step: (n, 3, h, w)."""
        random = np.random.RandomState([self.seed, self.step])
        rows = random.randint(len(pictures) - self.held_out, size=self.batch_size)
        return pictures.images(rows.tolist()).to(self.generator.device)

    def state(self) -> dict[str, Any]:
        """Everything that changes, for `torch.save`."""
        return {"step": self.step, "net": self.net.state_dict(), "adam": self.adam.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where `state` was."""
        self.step = state["step"]
        self.net.load_state_dict(state["net"])
        self.adam.load_state_dict(state["adam"])


def train(step: TrainEncoder, generator: Generator, scratch: Path, progress: Progress) -> Encoder:
    """What `TrainEncoder.run` does."""
    side = side_of(generator)
    pictures = None if step.pictures is None else of_size(step.pictures, side)
    scale = Scale.of(generator, step.space or layered(generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(step.seed)
        net = EncoderNet(side, step.width, scale.space.shape, generator.classes)
    net.to(generator.device)
    schedule, likeness = (
        Schedule(step.steps, step.rate),
        Likeness(step.perceptual, None, step.perceptual_weight),
    )
    learning = Learning(
        net, generator, scale, schedule, step.batch_size, likeness, step.picture_weight, pictures, step.seed
    )
    finish(learning, "training the encoder", scratch / "learning.pt", progress)
    net.half().float().eval().requires_grad_(False)  # as its file keeps it
    encoder = Encoder(net, scale, generator.fingerprint, {})
    return replace(encoder, figures=_figures(encoder, learning))


@torch.no_grad()
def _figures(encoder: Encoder, learning: Learning) -> dict[str, float]:
    """On samples, and on pictures, that the training did not draw."""
    batch, images = learning.drawn(FIRST, TESTED)
    found = encoder.encode(images)
    cosines = functional.cosine_similarity(
        encoder.scale.apart(found.codes).flatten(1), encoder.scale.apart(batch.codes).flatten(1)
    )
    figures = {
        "cosine of the codes of samples, median": float(cosines.median()),
        "PSNR of samples, dB, median": _psnr(learning.generator, found, images),
    }
    if found.labels is not None and batch.labels is not None:
        right = (found.labels.argmax(1) == batch.labels.argmax(1)).float().mean()
        figures["share of right classes of samples"] = float(right)
    if learning.pictures is not None and learning.held_out:
        rows = slice(len(learning.pictures) - learning.held_out, None)
        images = learning.pictures.images(rows).to(images.device)
        figures["PSNR of pictures, dB, median"] = _psnr(learning.generator, encoder.encode(images), images)
    return figures


def _psnr(generator: Generator, found: LatentBatch, images: Tensor) -> float:
    """The median over pictures, in dB."""
    return float(psnr(generator.images(found, 8).clamp(-1, 1), images).median())
