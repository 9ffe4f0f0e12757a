"""The training of a GAN: one step, and the state that a checkpoint holds."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from interpgan_core import Generator, ImageSet, InterpganError
from interpgan_core.plugin import placing, rectify
from interpgan_training.augment import adapt, augment
from interpgan_training.encoder import Encoder, divergence
from interpgan_training.families.base import Family
from interpgan_training.information import enlarged, information
from interpgan_training.losses import discriminator_loss, generator_loss, gradient_penalty, r1_penalty
from interpgan_training.process_group import OneProcess, ProcessGroup
from interpgan_training.random_numbers import batch_indices, rng_for
from interpgan_training.settings import FamilySettings

PENALTY = 10.0  # weight of the gradient penalty, as its paper has it
CONTRAST = 4.0  # of squares: what is small and dark, as an eye, would be left out for the sake of all else
ENCODER_RATE = 1e-3  # its learning rate
MEAN_HALF = 0.05  # the average forgets half of itself in at most this share of what was seen


def family_of(
    settings: FamilySettings, grown: bool = False, rectified: tuple[str, ...] = ()
) -> Family[Any, Any]:
    """The family that the settings are of; see `Family`."""
    module, _, name = settings.target.partition(":")
    family: Family[Any, Any] = getattr(importlib.import_module(module), name)(settings, grown, rectified)
    return family


@dataclass(frozen=True)
class Settings:
    """Settings of every training, whatever the family.

    Args:
        seed: of everything random.
        batch_size: pictures a step, of all processes together.
        ema_kimg: thousands of pictures after which half of the average of the weights is new.
        precision: of the convolutions: "float32" or "bfloat16".
        augment: adapt the augmentation to how far the discriminator has memorised the data?
    """

    seed: int = 0
    batch_size: int = 16
    ema_kimg: float = 10.0
    precision: str = "float32"
    augment: bool = False


@dataclass(frozen=True, eq=False)
class Learner:
    """A network, and the optimiser that changes its weights."""

    network: nn.Module
    optimiser: torch.optim.Optimizer


@dataclass
class Trainer:
    """Two networks, the average of one, their optimisers, and how far they are.

    Every random number of a step comes from the seed and the number of the step, and its pictures from the
    seed and the number of pictures seen: so the state is all that a resumed run needs, and it goes on as if it had
    never stopped.

    Args:
        family: of the networks.
        settings: see there.
        data: the pictures.
        device: "cpu", "cuda".
        process_group: the processes that train together.
        start: a generator with its discriminator, whose weights are taken over; None: new ones.
        new_discriminator: is the discriminator new in spite of that?

    Attributes:
        step: steps taken.
        memory: numbers kept from step to step.

    Raises:
        InterpganError: if the family does not fit the data.
    """

    family: Family[Any, Any]
    settings: Settings
    data: ImageSet
    device: str = "cpu"
    process_group: ProcessGroup = field(default_factory=OneProcess)
    start: Generator | None = None
    new_discriminator: bool = False

    def __post_init__(self) -> None:
        self.step, self.memory = 0, dict[str, float]()
        self.labels = self.data.labels if self.family.conditional else None
        self.classes = 0 if self.labels is None else self.labels.shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed)
            self.generator, self.discriminator = self.family.build(self.data.size, self.classes)
            widths = tuple(reversed(self.family.settings.widths[:-1]))
            self.encoder = Encoder(widths, self.classes, self.family.entries)
            self.reader = self._new_reader(widths)
        if self.start is not None:
            self.family.adopt(self.generator, self.start.module)
            if not self.new_discriminator:
                if self.start.discriminator is None:
                    raise InterpganError(
                        "training goes on from a generator with its discriminator, and this has none"
                    )
                self.family.adopt(self.discriminator, self.start.discriminator)
        rectify(self.generator, self.family.rectified)
        self.generator.to(self.device).requires_grad_(True)
        self.discriminator.to(self.device).requires_grad_(True)
        self.encoder.to(self.device)
        if self.reader is not None:
            self.reader.to(self.device)
        self.average = deepcopy(self.generator).requires_grad_(False)
        own = self.family.settings
        lazy = own.r1_interval / (own.r1_interval + 1) if own.r1 else 1.0
        discriminator = [
            {"params": list(self.discriminator.parameters()), "lr": own.discriminator_rate * lazy}
        ]
        self.learners = {
            "generator": Learner(
                self.generator, self._adam(self.family.groups(self.generator, own.generator_rate), 1.0)
            ),
            "discriminator": Learner(self.discriminator, self._adam(discriminator, lazy)),
            "encoder": Learner(
                self.encoder, torch.optim.Adam(self.encoder.parameters(), ENCODER_RATE, fused=True)
            ),
        }
        if self.reader is not None:
            optimiser = torch.optim.Adam(self.reader.parameters(), ENCODER_RATE, fused=True)
            self.learners["reader"] = Learner(self.reader, optimiser)

    def _new_reader(self, widths: tuple[int, ...]) -> Encoder | None:
        """The network of the information term; None without one."""
        own = self.family.settings
        if not own.information:
            return None
        if own.information_codes > self.family.entries:
            raise InterpganError(
                f"information_codes: {own.information_codes} entries are to be read, and a code has "
                f"{self.family.entries}; give fewer"
            )
        return Encoder(widths, 0, own.information_codes)

    def _adam(self, groups: list[dict[str, Any]], lazy: float) -> torch.optim.Adam:
        """Lazy terms take extra steps, for which rate and moments make up: StyleGAN 2, appendix B."""
        betas = tuple(beta**lazy for beta in self.family.settings.betas)
        return torch.optim.Adam(groups, betas=betas, eps=1e-8, fused=True)

    @property
    def seen(self) -> int:
        """Real pictures shown so far."""
        steps: int = self.family.settings.discriminator_steps
        return self.step * self.settings.batch_size * steps

    @property
    def guide(self) -> float:
        """Weight of `_guided` in the generator's loss; 0: none. Here that of the autoencoder."""
        weight: float = self.family.settings.reconstruction
        return weight

    @property
    def guide_kimg(self) -> float:
        """For this many thousands of images the generator learns from `_guided` alone."""
        kimg: float = self.family.settings.reconstruction_kimg
        return kimg

    def advance(self) -> dict[str, float]:
        """One step of both networks.

        Returns:
            Losses and mean logits, by name.
        """
        random = rng_for(self.settings.seed, self.step, self.process_group.rank)
        stage = self.family.stage(self.seen)
        own, metrics = self.family.settings, dict[str, float]()
        alone = self.seen < 1000 * self.guide_kimg
        for turn in range(0 if alone else own.discriminator_steps):
            start = self.seen + turn * self.settings.batch_size
            metrics |= self._discriminator_step(start, stage, random, penalise=turn == 0)
        metrics |= self._generator(stage, random, alone)
        self.step += 1
        self._blend()
        return metrics

    def _discriminator_step(
        self, start: int, stage: Any, random: torch.Generator, penalise: bool
    ) -> dict[str, float]:
        family, own = self.family, self.family.settings
        pictures, labels = self._real(start)
        real = self._varied(family.sized(pictures, stage), random)
        drawn = self._drawn(len(real), random)
        with self._mixed():
            fake = family.fakes(self.generator, len(real), drawn, stage, random).detach()
            fake = self._varied(fake, random)
            on_real = family.logits(self.discriminator, real, labels, stage).float()
            on_fake = family.logits(self.discriminator, fake, drawn, stage).float()
        loss = discriminator_loss(own.loss, on_real, on_fake)
        metrics = {"discriminator": loss, "real": on_real.mean(), "fake": on_fake.mean()}

        def logits(images: Tensor) -> Tensor:
            return family.logits(self.discriminator, images, labels, stage)

        if own.loss == "wasserstein":
            loss = loss + PENALTY * gradient_penalty(logits, real, fake.float(), random)
        if own.r1 and penalise and self.step % own.r1_interval == 0:
            metrics["r1"] = r1_penalty(logits, real)
            loss = loss + own.r1 * own.r1_interval * metrics["r1"]
        self._learn(loss, "discriminator")
        if self.settings.augment:
            sign = self.process_group.mean(float(on_real.detach().sign().mean()))
            self.memory["augment"] = adapt(self.memory.get("augment", 0.0), sign, self.settings.batch_size)
            metrics["augment"] = torch.tensor(self.memory["augment"])
        return {name: float(value.detach()) for name, value in metrics.items()}

    def _generator(self, stage: Any, random: torch.Generator, alone: bool) -> dict[str, float]:
        family, own = self.family, self.family.settings
        metrics, losses = dict[str, float](), list[Tensor]()
        if not alone:
            size = self.settings.batch_size // self.process_group.size
            drawn = self._drawn(size, random)
            self.discriminator.requires_grad_(False)
            with self._mixed():
                fake = self._varied(family.fakes(self.generator, size, drawn, stage, random), random)
                logits = family.logits(self.discriminator, fake, drawn, stage).float()
            losses.append(generator_loss(own.loss, logits))
            metrics["generator"] = float(losses[0].detach())
            extra = family.penalty(self.generator, size, drawn, random, self.step, self.memory)
            losses += [] if extra is None else [extra]
        if self.guide:
            losses.append(self.guide * self._guided(stage, random, metrics))
        if self.reader is not None and not alone:
            losses.append(own.information * self._uninformed(stage, random, metrics))
        beside = (*(("encoder",) if own.reconstruction else ()), *(("reader",) if self.reader else ()))
        self._learn(sum(losses[1:], losses[0]), "generator", *beside)
        self.discriminator.requires_grad_(True)
        return metrics

    def _guided(self, stage: Any, random: torch.Generator, metrics: dict[str, float]) -> Tensor:
        """The autoencoder's loss on the pictures of the step, for each number of a picture."""
        pictures, labels = self._real(self.seen)
        real = self.family.sized(pictures, stage)
        with self._mixed():
            mean, spread = self.encoder(pictures, labels)
            noise = torch.randn(mean.shape, generator=random).to(mean)
            z = mean + noise * (spread / 2).exp()
            found = self.family.paint(self.generator, z, labels, stage, random).float()
        apart, nats = (found - real).abs(), divergence(mean, spread).mean()
        difference = (apart + CONTRAST * apart.square()).mean()
        metrics |= {"difference": float(difference.detach()), "nats": float(nats.detach())}
        divergence_weight: float = self.family.settings.divergence
        return difference + divergence_weight * nats / real[0].numel()

    def _uninformed(self, stage: Any, random: torch.Generator, metrics: dict[str, float]) -> Tensor:
        """Minus the nats that pictures tell of each code that is read."""
        assert self.reader is not None
        size = self.settings.batch_size // self.process_group.size
        z = torch.randn(size, self.family.entries, generator=random).to(self.device)
        labels = self._drawn(size, random)
        with self._mixed():
            pictures = self.family.paint(self.generator, z, labels, stage, random)
            mean, spread = self.reader(enlarged(pictures, self.data.size), None)
        codes = z[:, : mean.shape[1]]
        told = information(codes, mean.float(), spread.float()).mean()
        metrics["information"] = float(told.detach())
        return -told / codes.shape[1]

    def _learn(self, loss: Tensor, *names: str) -> None:
        """One step of the learners of those names."""
        learners = [self.learners[name] for name in names]
        for learner in learners:
            learner.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        for learner in learners:
            self.process_group.average_gradients(learner.network)
            learner.optimiser.step()

    def _blend(self) -> None:
        """Move the average towards the generator; at the start faster, for it has little to remember."""
        half = min(1000 * self.settings.ema_kimg, MEAN_HALF * self.seen)
        keep = 0.5 ** (self.seen / self.step / half)
        # Not through `.data`: networks keep what they compute from a weight until its version changes.
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.generator.parameters()), 1 - keep)
        for mine, its in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            mine.copy_(its)

    def _real(self, start: int) -> tuple[Tensor, Tensor | None]:
        """This process's share of the batch that begins at a number of pictures seen, and its labels."""
        chosen = batch_indices(self.settings.seed, len(self.data), start, self.settings.batch_size)
        chosen = chosen[self.process_group.rank :: self.process_group.size]
        labels = None if self.labels is None else self.labels[chosen].to(self.device)
        pictures = torch.from_numpy(self.data.pixels[chosen]).to(self.device, torch.float32)
        return (pictures / 127.5 - 1).contiguous(memory_format=torch.channels_last), labels

    def _varied(self, images: Tensor, random: torch.Generator) -> Tensor:
        return augment(images, self.memory.get("augment", 0.0), random)

    def _drawn(self, count: int, random: torch.Generator) -> Tensor | None:
        """Labels for generated pictures, as frequent as in the data."""
        if self.labels is None:
            return None
        return self.labels[torch.randint(len(self.labels), (count,), generator=random)].to(self.device)

    @contextmanager
    def _mixed(self) -> Iterator[None]:
        kind = getattr(torch, self.settings.precision)
        with torch.autocast(torch.device(self.device).type, kind, enabled=kind != torch.float32):
            yield

    def finish(self) -> Generator:
        """The generator of averaged weights, with its discriminator."""
        made = self.family.finish(self.average, self.discriminator, self.data.size, self.classes)
        made.rectify(self.family.rectified)
        if self.data.class_names and self.classes:
            made.class_names = self.data.class_names
        return made

    def _networks(self) -> dict[str, nn.Module]:
        """What a checkpoint holds, by name."""
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "average": self.average,
            "encoder": self.encoder,
            **({} if self.reader is None else {"reader": self.reader}),
        }

    def save(self, path: Path, more: dict[str, Any]) -> None:
        """Write the state, whole or not at all, and whatever else belongs to it."""
        state = {
            "step": self.step,
            "memory": self.memory,
            "networks": {name: network.state_dict() for name, network in self._networks().items()},
            "optimisers": {name: each.optimiser.state_dict() for name, each in self.learners.items()},
            "more": more,
        }
        with placing(path) as partial:
            torch.save(state, partial)

    def restore(self, path: Path) -> dict[str, Any]:
        """Go on where `save` was; returns what else was saved."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        for name, network in self._networks().items():
            network.load_state_dict(state["networks"][name])
        for name, learner in self.learners.items():
            learner.optimiser.load_state_dict(state["optimisers"][name])
        self.step, self.memory = state["step"], state["memory"]
        more: dict[str, Any] = state["more"]
        return more
