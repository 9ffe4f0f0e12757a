"""The training of a GAN: one step, and the state that a checkpoint holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from interpgan_core import placing
from interpgan_training.draws import batch_indices, generator_of
from interpgan_training.families.base import Family
from interpgan_training.losses import critic_loss, generator_loss, gradient_penalty, r1_penalty


@dataclass(frozen=True)
class Settings:
    """What is the same for every family.

    Args:
        seed: of everything random.
        batch_size: pictures a step.
        ema_kimg: thousands of pictures after which half of the average of the weights is new.
        precision: of the convolutions: float32, or bfloat16.
    """

    seed: int
    batch_size: int
    ema_kimg: float
    precision: str


@dataclass
class Trainer:
    """Two networks, the average of one, their optimisers, and how far they are.

    Every random number of a step comes from the seed and the number of the step, and its pictures from the
    seed and the number of pictures seen: so the state is all that a resumed run needs, and it goes on as if it had
    never stopped.

    Args:
        family: of the networks.
        settings: see there.
        data: (n, 3, r, r) uint8 pictures by position.
        labels: (n, classes) float32, or None.
        device: "cpu", "cuda".
    """

    family: Family
    settings: Settings
    data: Any
    labels: Tensor | None
    device: str = "cpu"
    step: int = 0
    memory: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.resolution = self.data.shape[-1]
        self.classes = 0 if self.labels is None else self.labels.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed)
            self.generator, self.discriminator = self.family.build(self.resolution, self.classes)
        self.generator.to(self.device)
        self.discriminator.to(self.device)
        self.average = deepcopy(self.generator).requires_grad_(False)
        lazy = self.family.r1_interval / (self.family.r1_interval + 1) if self.family.r1 else 1.0
        self.optimisers = (
            self._adam(self.generator, self.family.generator_rate, 1.0),
            self._adam(self.discriminator, self.family.discriminator_rate, lazy),
        )

    def _adam(self, network: nn.Module, rate: float, lazy: float) -> torch.optim.Adam:
        betas = tuple(beta**lazy for beta in self.family.betas)
        return torch.optim.Adam(self.family.groups(network), rate * lazy, betas, eps=1e-8, fused=True)

    @property
    def seen(self) -> int:
        """Real pictures shown so far."""
        return self.step * self.settings.batch_size * self.family.critic_steps

    def advance(self) -> dict[str, float]:
        """One step of both networks.

        Returns:
            Losses and mean logits, by name.
        """
        random = generator_of(self.settings.seed, self.step)
        stage = self.family.stage(self.seen)
        told = {}
        for turn in range(self.family.critic_steps):
            start = self.seen + turn * self.settings.batch_size
            told |= self._critic(start, stage, random, penalise=turn == 0)
        told |= self._generator(stage, random)
        self._blend()
        self.step += 1
        return told

    def _critic(self, start: int, stage: Any, random: torch.Generator, penalise: bool) -> dict[str, float]:
        family, size = self.family, self.settings.batch_size
        chosen = batch_indices(self.settings.seed, len(self.data), start, size)
        real = family.sized(self._pictures(chosen), stage)
        real_labels, fake_labels = self._labels(chosen), self._drawn(size, random)
        with self._mixed():
            fake = family.fakes(self.generator, size, fake_labels, stage, random).detach()
            on_real = family.judge(self.discriminator, real, real_labels, stage).float()
            on_fake = family.judge(self.discriminator, fake, fake_labels, stage).float()
        loss = critic_loss(family.loss, on_real, on_fake)
        told = {"discriminator": loss, "real": on_real.mean(), "fake": on_fake.mean()}

        def judge(images: Tensor) -> Tensor:
            return family.judge(self.discriminator, images, real_labels, stage)

        if family.loss == "wasserstein":
            loss = loss + 10 * gradient_penalty(judge, real, fake.float(), random)
        if family.r1 and penalise and self.step % family.r1_interval == 0:
            r1 = r1_penalty(judge, real)
            told["r1"] = r1
            loss = loss + family.r1 * family.r1_interval * r1
        self._learn(self.optimisers[1], loss)
        return {name: float(value.detach()) for name, value in told.items()}

    def _generator(self, stage: Any, random: torch.Generator) -> dict[str, float]:
        family, size = self.family, self.settings.batch_size
        labels = self._drawn(size, random)
        self.discriminator.requires_grad_(False)
        with self._mixed():
            fake = family.fakes(self.generator, size, labels, stage, random)
            logits = family.judge(self.discriminator, fake, labels, stage).float()
        loss = generator_loss(family.loss, logits)
        told = {"generator": float(loss.detach())}
        extra = family.penalty(self.generator, size, labels, random, self.step, self.memory)
        self._learn(self.optimisers[0], loss if extra is None else loss + extra)
        self.discriminator.requires_grad_(True)
        return told

    def _learn(self, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    def _blend(self) -> None:
        """Move the average towards the generator; at the start faster, for it has little to remember."""
        half = min(1000 * self.settings.ema_kimg, 0.05 * max(self.seen, 1))
        keep = 0.5 ** (self.settings.batch_size * self.family.critic_steps / max(half, 1e-8))
        # Not through `.data`: networks keep what they compute from a weight until its version changes.
        own, new = list(self.average.parameters()), list(self.generator.parameters())
        with torch.no_grad():
            torch._foreach_lerp_(own, new, 1 - keep)
        for mine, its in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            mine.copy_(its)

    def _pictures(self, chosen: list[int]) -> Tensor:
        pictures = torch.from_numpy(self.data[chosen]).to(self.device, torch.float32)
        return (pictures / 127.5 - 1).contiguous(memory_format=torch.channels_last)

    def _labels(self, chosen: list[int]) -> Tensor | None:
        return None if self.labels is None else self.labels[chosen].to(self.device)

    def _drawn(self, count: int, random: torch.Generator) -> Tensor | None:
        """Labels for generated pictures, as frequent as in the data."""
        if self.labels is None:
            return None
        chosen = torch.randint(len(self.labels), (count,), generator=random)
        return self.labels[chosen].to(self.device)

    @contextmanager
    def _mixed(self) -> Iterator[None]:
        kind = getattr(torch, self.settings.precision)
        with torch.autocast(self.device, kind, enabled=kind != torch.float32):
            yield

    def save(self, path: Path) -> None:
        """Write the state, whole or not at all."""
        state = {
            "step": self.step,
            "memory": self.memory,
            "networks": [n.state_dict() for n in (self.generator, self.discriminator, self.average)],
            "optimisers": [o.state_dict() for o in self.optimisers],
        }
        with placing(path) as partial:
            torch.save(state, partial)

    def restore(self, path: Path) -> None:
        """Go on where `save` was."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        for network, own in zip((self.generator, self.discriminator, self.average), state["networks"], strict=True):
            network.load_state_dict(own)
        for optimiser, own in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(own)
        self.step, self.memory = state["step"], state["memory"]
