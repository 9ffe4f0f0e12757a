"""The trainer of an interpretable layer: steps of a GAN, and every `interval` one of the energy model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from interpgan_core import Generator, InterpganError, LatentBatch
from interpgan_core.plugin import outputs_of
from interpgan_interpretable.training import energy
from interpgan_interpretable.training.energy_model import EnergyModel, loudness
from interpgan_interpretable.training.exchanged_maps import ConceptExchange, diagnosis
from interpgan_interpretable.training.groups import regrouped
from interpgan_interpretable.training.parameters import LayerParameters
from interpgan_training.random_numbers import rng_for
from interpgan_training.trainer import CONTRAST, Learner, Trainer

BETAS = (0.9, 0.99)  # of the Adam that takes the layer's steps: they are few
LAYER_SEEDS = 2**30  # the steps of the layer have seeds of their own, above those of the GAN's steps
DECAY = 0.98  # of the running mean of the distance of logits
APART = 40.0  # mean logits of real and generated images: the generator has nothing left to learn from


@dataclass
class LayerTrainer(Trainer):
    """A trainer that makes the one rectified layer of its family interpretable.

    It goes on with the groups and the weights of a generator that was trained so before, where these are of the same
    shape.

    Args:
        given: fields of `LayerParameters`.
        total: real images that the whole training shows.

    Source:
        Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, equations 1, 4, 5 and 7 to 9. Deviations:
        the generator's step has an Adam of its own, for its gradients are of another size, so that λ_0 and λ_2 would
        cancel and the rate stands in their place; maps are brought to the same loudness, that of the batch where the
        generator learns, so that g cannot grow by loudness; the groups keep their numbers when they are found again;
        with an anchor, images are held near the parent's of the same codes, and those of an exchange near what it is
        to make of two images of the parent.
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    total: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parameters = LayerParameters(**self.given)
        self.layer: str = self.family.rectified[0]
        sides = self._maps(*self._codes(1, rng_for(0, LAYER_SEEDS)), rng_for(0, LAYER_SEEDS)).shape
        self.model = EnergyModel(sides[1], self.parameters.concepts, sides[2] * sides[3])
        known = None if self.start is None else EnergyModel.left_in(self.start)
        if known is not None and known.weights.shape == self.model.weights.shape:
            self.model.load_state_dict(known.state_dict())
        self.model.to(self.device)
        rate, weight_rate = self.parameters.rate, self.parameters.weight_rate
        adam = torch.optim.Adam(self.generator.parameters(), rate, betas=BETAS, fused=True)
        self.learners["layer"] = Learner(self.generator, adam)
        sgd = torch.optim.SGD(self.model.parameters(), weight_rate)
        self.learners["energy model"] = Learner(self.model, sgd)

    @property
    def guide(self) -> float:
        return self.parameters.anchor

    @property
    def guide_kimg(self) -> float:
        return self.parameters.anchor_kimg

    @property
    def turns(self) -> int:
        """Steps of the layer so far."""
        return self.step // self.parameters.interval

    def advance(self) -> dict[str, float]:
        """One step of the GAN, and where its turn has come one of the layer.

        Raises:
            InterpganError: if the discriminator has won, filters fall silent, or all are in one group.
        """
        metrics = super().advance()
        self._check_discriminator(metrics)
        if self.step % self.parameters.interval == 0:
            metrics |= self._turn(self.turns - 1)
        return metrics

    def finish(self) -> Generator:
        """The generator of averaged weights, with concepts "0", "1", …, the largest first, and the energy model."""
        made = super().finish()
        with torch.no_grad():
            blocks = [
                made.features(b, [self.layer])[self.layer]
                for b in made.stream(range(self.parameters.group_samples), 16)
            ]
        model = EnergyModel(*self.model.weights.shape)
        model.load_state_dict({name: tensor.cpu() for name, tensor in self.model.state_dict().items()})
        model.groups = regrouped(blocks, self.parameters.concepts, model.groups, self.settings.seed)
        model.loudness = loudness(torch.cat(blocks).flatten(2))
        model.attach(made)
        units = [tuple((model.groups == c).nonzero().flatten().tolist()) for c in range(model.concepts)]
        ordered = sorted(filter(None, units), key=len, reverse=True)
        made.concepts = {str(i): (self.layer, own) for i, own in enumerate(ordered)}
        return made

    def _guided(self, stage: Any, random: torch.Generator, metrics: dict[str, float]) -> Tensor:
        """The anchor: how far images are from the parent's of the same codes.

        With `exchange`, every other step compares with what an exchange is to make of the parent's images.
        """
        assert self.start is not None
        z, labels = self._codes(self.settings.batch_size // self.process_group.size, random)
        first = next(iter(self.start.spaces.values()))
        with torch.no_grad():
            wanted = self.start.forward(LatentBatch(z, first, labels)).float()
        counts = torch.ones_like(wanted[:, :1])
        exchanged = None
        if self.parameters.exchange and self.step % 2 and bool(self.model.belongs.any()):
            exchanged = ConceptExchange.random(self.model, len(z), random)
        module = self.generator.get_submodule(self.layer)
        with self._mixed(), nullcontext() if exchanged is None else exchanged.at(module):
            found = self.family.paint(self.generator, z, labels, stage, random).float()
        if exchanged is not None:
            wanted, counts = exchanged.target(wanted)
        apart = (found - wanted).abs() * counts
        share = counts.float().mean()
        metrics["from the parent" if exchanged is None else "from the exchange"] = float(
            apart.detach().mean() / share
        )
        return (apart + CONTRAST * apart.square()).mean() / share

    def _turn(self, turn: int) -> dict[str, float]:
        """One step on W, and one on the generator."""
        parameters, metrics = self.parameters, dict[str, float]()
        random = rng_for(self.settings.seed + LAYER_SEEDS, self.step, self.process_group.rank)
        size = self.settings.batch_size // self.process_group.size
        if turn % parameters.regroup == 0:
            self._regroup(metrics)
        metrics |= self._learn_weights(turn, self._codes(size, random), random)
        if parameters.realism:
            maps = self._maps(*self._codes(size, random), random).flatten(2)
            scaled = maps / (loudness(maps)[:, None] * maps.shape[2] ** 0.5)
            for group in self.learners["layer"].optimiser.param_groups:
                group["lr"] = parameters.rate_at(self.seen, self.total)
            self._learn(energy.realism_loss(scaled, self.model.weights, self.model.belongs), "layer")
            metrics |= diagnosis(scaled.detach(), self.model)
        return metrics

    def _learn_weights(
        self, turn: int, codes: tuple[Tensor, Tensor | None], random: torch.Generator
    ) -> dict[str, float]:
        model, parameters, (z, labels) = self.model, self.parameters, codes
        penalty = parameters.group_penalty_at(turn)
        maps = self._maps(z, labels, random).detach()
        model.loudness.copy_(loudness(maps.flatten(2)))
        metrics = {"group penalty": penalty, "g plain": float(model.goodness(maps).mean())}
        gradient = torch.zeros_like(model.weights)
        if parameters.langevin_steps:
            noise = (torch.randn(z.shape, generator=random).to(z) for _ in range(parameters.langevin_steps))
            moved = energy.langevin(
                z,
                lambda codes: model.goodness(self._maps(codes, labels, random)),
                noise,
                parameters.langevin_step,
            )
            drawn = self._maps(moved, labels, random).detach()
            metrics["g langevin"] = float(model.goodness(drawn).mean())
            gradient = energy.weight_gradient(model.scaled(maps), model.scaled(drawn), model.belongs)
        loss = energy.interpretability_loss(model.weights, model.belongs, parameters.other_penalty)
        self._learn((gradient * model.weights).sum() + penalty * loss, "energy model")
        return metrics

    def _regroup(self, metrics: dict[str, float]) -> None:
        """Find the groups anew; every process finds the same ones."""
        random = rng_for(self.settings.seed + LAYER_SEEDS, self.step)
        count, size = self.parameters.group_samples, 32

        def blocks() -> Iterator[Tensor]:
            for _ in range(-(-count // size)):
                yield self._maps(*self._codes(size, random), random).detach()

        new = regrouped(blocks(), self.parameters.concepts, self.model.groups, self.settings.seed)
        metrics["changed"] = float((new != self.model.groups).float().mean())
        self.model.groups.copy_(new)
        used, silent = len(set(new[new >= 0].tolist())), int((new < 0).sum())
        metrics |= {"groups": float(used), "silent": float(silent)}
        if used < 2 or 2 * silent > len(new):
            what = (
                "all filters are in one group" if used == 1 else f"{silent} of {len(new)} filters are silent"
            )
            raise InterpganError(
                f"{what} after {self.seen} pictures; try a lower rate, a longer interval, fewer concepts, or a "
                "layer with more filters"
            )

    def _codes(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor | None]:
        labels = self._drawn(count, random)
        return torch.randn(count, self.family.entries, generator=random).to(self.device), labels

    def _maps(self, z: Tensor, labels: Tensor | None, random: torch.Generator) -> Tensor:
        """(n, m, h, w) float32 of the layer; the network stops there.

        Never without gradients: networks would take what they keep of a weight, and fused optimisers change weights
        without a trace.
        """
        with self._mixed():
            found = outputs_of(
                {self.layer: self.generator.get_submodule(self.layer)},
                self.layer,
                lambda: self.family.paint(self.generator, z, labels, self.family.stage(self.seen), random),
            )
            return found[self.layer].float()

    def _check_discriminator(self, metrics: dict[str, float]) -> None:
        if "real" not in metrics:
            return
        apart = abs(metrics["real"] - metrics["fake"])
        self.memory["apart"] = DECAY * self.memory.get("apart", 0.0) + (1 - DECAY) * apart
        if self.memory["apart"] > APART:
            raise InterpganError(
                f"the discriminator has won: after {self.seen} pictures its mean logits of real and generated ones "
                f"are {self.memory['apart']:.0f} apart; try a lower rate, a longer interval, or a larger r1"
            )

    def _networks(self) -> dict[str, nn.Module]:
        return {**super()._networks(), "energy model": self.model}
