"""The trainer of an interpretable layer: steps of a GAN, and at intervals one of the energy model."""

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
from interpgan_interpretable.training.anchor import NeighbourExchange, anchor_loss
from interpgan_interpretable.training.energy_model import EnergyModel, filter_rms, group_metrics
from interpgan_interpretable.training.langevin import langevin
from interpgan_interpretable.training.regroup import regrouped
from interpgan_interpretable.training.settings import LayerSettings
from interpgan_training.random_numbers import rng_for
from interpgan_training.trainer import Learner, Trainer

BETAS = (0.9, 0.99)  # of the Adam of the generator's steps with the energy, which are few and far between
LAYER_SEED = 2**30  # added to the seed: the layer's steps have random numbers of their own
GAP_DECAY = 0.98  # of the running mean of the distance of logits, at each step
MAX_GAP = 40.0  # of mean logits of real and generated pictures: beyond it gradients vanish


@dataclass
class LayerTrainer(Trainer):
    """A trainer that makes the one rectified layer of its family interpretable.

    It continues with the groups and weights of a generator that was trained so before, where these are of the same
    shape.

    Args:
        training: fields of `LayerSettings`.
        pictures: of the whole training.

    Source:
        Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, equations 1, 4, 5 and 7 to 9. Deviations:
        the generator's step has an Adam of its own, since its gradients are of another size; λ_0 and λ_2 would cancel
        and the rate takes their place. Maps are scaled to one root mean square, that of the batch where the generator
        is trained, so that g cannot grow by scale. The groups keep their numbers when they are found again. With an
        anchor, images are held near the parent's of the same codes, and those of an exchange near what it should make
        of two images of the parent.
    """

    training: Mapping[str, Any] = field(default_factory=dict)
    pictures: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.layer_settings = LayerSettings.model_validate(self.training)
        (self.layer,) = self.family.rectified
        shape = self._maps(*self._codes(1, rng_for(0, LAYER_SEED)), rng_for(0, LAYER_SEED)).shape
        self.model = EnergyModel(shape[1], self.layer_settings.concepts, shape[2] * shape[3])
        known = None if self.start is None else EnergyModel.attached_to(self.start)
        if known is not None and known.weights.shape == self.model.weights.shape:
            self.model.load_state_dict(known.state_dict())
        self.model.to(self.device)
        rate, weight_rate = self.layer_settings.rate, self.layer_settings.weight_rate
        adam = torch.optim.Adam(self.generator.parameters(), rate, betas=BETAS, fused=True)
        self.learners["realism"] = Learner(self.generator, adam)
        self.learners["energy model"] = Learner(
            self.model, torch.optim.SGD(self.model.parameters(), weight_rate)
        )

    @property
    def layer_steps(self) -> int:
        """Steps of the layer so far."""
        return self.step // self.layer_settings.interval

    def advance(self) -> dict[str, float]:
        """One step of the GAN, and at each interval one of the layer.

        Raises:
            InterpganError: if the discriminator has won, filters fall silent, or all are in one group.
        """
        metrics = super().advance()
        self._check_logits(metrics)
        if self.step % self.layer_settings.interval == 0:
            metrics |= self.layer_step(self.layer_steps - 1)
        return metrics

    def finish(self) -> Generator:
        """The generator of averaged weights, with concepts "0", "1", …, the largest first, and the energy model."""
        made = super().finish()
        count = self.layer_settings.regroup_samples
        with torch.no_grad():
            blocks = [made.features(b, [self.layer])[self.layer] for b in made.stream(range(count), 16)]
        model = EnergyModel(*self.model.weights.shape)
        model.load_state_dict({name: tensor.cpu() for name, tensor in self.model.state_dict().items()})
        model.groups = regrouped(blocks, self.layer_settings.concepts, model.groups, self.settings.seed)
        model.rms = filter_rms(torch.cat(blocks).flatten(2))
        model.attach(made)
        units = [tuple((model.groups == c).nonzero().flatten().tolist()) for c in range(model.concepts)]
        ordered = sorted(filter(None, units), key=len, reverse=True)
        made.concepts = {str(i): (self.layer, own) for i, own in enumerate(ordered)}
        return made

    def layer_step(self, number: int) -> dict[str, float]:
        """One step on W, and one on the generator."""
        settings, metrics = self.layer_settings, dict[str, float]()
        random = rng_for(self.settings.seed + LAYER_SEED, self.step, self.process_group.rank)
        size = self.settings.batch_size // self.process_group.size
        if number % settings.regroup_interval == 0:
            metrics |= self.regroup()
        metrics |= self._weight_step(number, self._codes(size, random), random)
        if settings.realism:
            metrics |= self._realism_step(self._codes(size, random), random)
        return metrics

    def _weight_step(
        self, number: int, codes: tuple[Tensor, Tensor | None], random: torch.Generator
    ) -> dict[str, float]:
        """W: by the likelihood (Li et al., equation 8), and tied to each filter's own group (equation 5)."""
        model, settings, (z, labels) = self.model, self.layer_settings, codes
        penalty = settings.group_penalty_at(number)
        maps = self._maps(z, labels, random).detach()
        model.rms.copy_(filter_rms(maps.flatten(2)))
        metrics = {"group penalty": penalty, "g plain": float(model.energy(maps).mean())}
        gradient = torch.zeros_like(model.weights)
        if settings.langevin_steps:
            noise = (torch.randn(z.shape, generator=random).to(z) for _ in range(settings.langevin_steps))

            def energy_of(codes: Tensor) -> Tensor:
                return model.energy(self._maps(codes, labels, random))

            # Li et al., equation 9: samples of the model, from codes of the prior.
            sampled = langevin(z, energy_of, noise, settings.langevin_step)
            drawn = self._maps(sampled, labels, random).detach()
            metrics["g langevin"] = float(model.energy(drawn).mean())
            gradient = energy.weight_gradient(model.scaled(maps), model.scaled(drawn), model.members)
        tied = energy.interpretability_loss(model.weights, model.members, settings.other_penalty)
        self._learn((gradient * model.weights).sum() + penalty * tied, "energy model")
        return metrics

    def _realism_step(self, codes: tuple[Tensor, Tensor | None], random: torch.Generator) -> dict[str, float]:
        """The generator, by L_real (Li et al., equation 7), on maps scaled by the batch's own root mean squares."""
        maps = self._maps(*codes, random).flatten(2)
        scaled = maps / (filter_rms(maps)[:, None] * maps.shape[2] ** 0.5)
        for group in self.learners["realism"].optimiser.param_groups:
            group["lr"] = self.layer_settings.rate_at(self.seen, self.pictures)
        loss = energy.realism_loss(scaled, self.model.weights, self.model.members)
        self._learn(loss, "realism")
        return group_metrics(scaled.detach(), self.model)

    def regroup(self) -> dict[str, float]:
        """Find the groups again; every process finds the same ones.

        Raises:
            InterpganError: if half of the filters are silent, or all are in one group.
        """
        random = rng_for(self.settings.seed + LAYER_SEED, self.step)
        count, size = self.layer_settings.regroup_samples, 32

        def blocks() -> Iterator[Tensor]:
            for _ in range(-(-count // size)):
                yield self._maps(*self._codes(size, random), random).detach()

        new = regrouped(blocks(), self.layer_settings.concepts, self.model.groups, self.settings.seed)
        changed = float((new != self.model.groups).float().mean())
        self.model.groups.copy_(new)
        used, silent = len(set(new[new >= 0].tolist())), int((new < 0).sum())
        if used < 2 or 2 * silent > len(new):
            what = (
                "all filters are in one group" if used == 1 else f"{silent} of {len(new)} filters are silent"
            )
            raise InterpganError(
                f"{what} after {self.seen} pictures; try a lower rate, a longer interval, fewer concepts, or a "
                "layer with more filters"
            )
        return {"changed": changed, "groups": float(used), "silent": float(silent)}

    @property
    def guide(self) -> float:
        """Weight of the anchor in the generator's loss."""
        return self.layer_settings.anchor

    @property
    def guide_kimg(self) -> float:
        """For so many thousands of pictures the generator is trained by the anchor, without the discriminator."""
        return self.layer_settings.anchor_kimg

    def _guided(self, stage: Any, random: torch.Generator, metrics: dict[str, float]) -> Tensor:
        """The anchor: the difference from the parent's images of the same codes.

        Where concepts are exchanged, every other step takes the difference from what an exchange should make of them.
        """
        assert self.start is not None
        z, labels = self._codes(self.settings.batch_size // self.process_group.size, random)
        first = next(iter(self.start.spaces.values()))
        with torch.no_grad():
            target = self.start.forward(LatentBatch(z, first, labels)).float()
        valid, exchange = torch.ones_like(target[:, :1]), None
        if self.layer_settings.exchange and self.step % 2 and bool(self.model.members.any()):
            exchange = NeighbourExchange.random(self.model, len(z), random)
        exchanging = nullcontext() if exchange is None else exchange.at(self._layer_module)
        with self._mixed(), exchanging:
            found = self.family.paint(self.generator, z, labels, stage, random).float()
        if exchange is not None:
            target, valid = exchange.target(target)
        name = "from the parent" if exchange is None else "from the exchange"
        loss, metrics[name] = anchor_loss(found, target, valid)
        return loss

    def _codes(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor | None]:
        labels = self._drawn(count, random)
        return torch.randn(count, self.family.entries, generator=random).to(self.device), labels

    @property
    def _layer_module(self) -> nn.Module:
        module: nn.Module = self.generator.get_submodule(self.layer)
        return module

    def _maps(self, z: Tensor, labels: Tensor | None, random: torch.Generator) -> Tensor:
        """(n, m, h, w) float32 of the layer; the network stops there.

        Always with gradients: without them networks would cache what they compute from a weight, and fused optimisers
        change weights without raising their version.
        """
        with self._mixed():
            return outputs_of(
                {self.layer: self._layer_module},
                self.layer,
                lambda: self.family.paint(self.generator, z, labels, self.family.stage(self.seen), random),
            )[self.layer].float()

    def _check_logits(self, metrics: dict[str, float]) -> None:
        if "real" not in metrics:
            return
        gap = abs(metrics["real"] - metrics["fake"])
        self.memory["logit gap"] = GAP_DECAY * self.memory.get("logit gap", 0.0) + (1 - GAP_DECAY) * gap
        if self.memory["logit gap"] > MAX_GAP:
            raise InterpganError(
                f"the discriminator has won: after {self.seen} pictures its mean logits of real and generated ones "
                f"are {self.memory['logit gap']:.0f} apart; try a lower rate, a longer interval, or a larger r1"
            )

    def _networks(self) -> dict[str, nn.Module]:
        return {**super()._networks(), "energy model": self.model}
