"""The training of an encoder on samples of its generator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from interpgan_core import Generator, ImageSet, LatentBatch, Progress
from interpgan_inversion.encoder import Encoder
from interpgan_inversion.encoder_network import EncoderNet
from interpgan_inversion.loss import Likeness
from interpgan_inversion.resume import finish
from interpgan_inversion.scale import Scale
from interpgan_inversion.search import Schedule
from interpgan_inversion.similarity import psnr

FIRST, TESTED = 2**31, 64  # the seeds from which samples are drawn, and how many test the encoder
HELD_OUT = 8  # one in so many of the given pictures, at most `TESTED`, tests it too


def new_network(scale: Scale, side: int, width: int, classes: int, seed: int) -> EncoderNet:
    """A network with new weights from a seed; the global random state stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return EncoderNet(side, width, scale.space.shape, classes)


class EncoderTraining:
    """The training in progress.

    Args:
        net: whose weights are changed in place.
        generator: that draws the samples.
        scale: of the codes.
        schedule: of the training rate.
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
            found = self.likeness.features_of(self.generator.images(again, self.batch_size))
            with torch.no_grad():
                wanted = self.likeness.features_of(images)
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


def finished(training: EncoderTraining, scratch: Path, progress: Progress) -> Encoder:
    """Train to the end, going on where a stopped run was; the network is rounded as its file keeps it."""
    finish(training, "training the encoder", scratch / "learning.pt", progress)
    training.net.half().float().eval().requires_grad_(False)
    encoder = Encoder(training.net, training.scale, training.generator.fingerprint, {})
    return replace(encoder, figures=_figures(encoder, training))


@torch.no_grad()
def _figures(encoder: Encoder, training: EncoderTraining) -> dict[str, float]:
    """On samples, and on pictures, that the training did not draw."""
    batch, images = training.drawn(FIRST, TESTED)
    found = encoder.encode(images)
    cosines = functional.cosine_similarity(
        encoder.scale.apart(found.codes).flatten(1), encoder.scale.apart(batch.codes).flatten(1)
    )
    figures = {
        "cosine of the codes of samples, median": float(cosines.median()),
        "PSNR of samples, dB, median": _psnr(training.generator, found, images),
    }
    if found.labels is not None and batch.labels is not None:
        right = (found.labels.argmax(1) == batch.labels.argmax(1)).float().mean()
        figures["share of right classes of samples"] = float(right)
    if training.pictures is not None and training.held_out:
        rows = slice(len(training.pictures) - training.held_out, None)
        images = training.pictures.images(rows).to(images.device)
        figures["PSNR of pictures, dB, median"] = _psnr(training.generator, encoder.encode(images), images)
    return figures


def _psnr(generator: Generator, found: LatentBatch, images: Tensor) -> float:
    """The median over pictures, in dB."""
    return float(psnr(generator.images(found, 8).clamp(-1, 1), images).median())
