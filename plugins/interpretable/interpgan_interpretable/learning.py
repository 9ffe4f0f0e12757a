"""The training of an interpretable layer: steps of a GAN, and now and then one of the energy model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from interpgan_core import Generator, InterpganError, LatentBatch
from interpgan_interpretable import energy
from interpgan_interpretable.grouping import regrouped
from interpgan_interpretable.layer import Trade, diagnosis, maps_at
from interpgan_interpretable.model import EnergyModel, loudness
from interpgan_training.random_numbers import rng_for
from interpgan_training.trainer import CONTRAST, Trainer

BETAS = (0.9, 0.99)  # of the Adam that takes the layer's steps: they are few, and far between
LOOKS = 2**30  # draws of these steps are from seeds of their own, above those of the GAN's steps
REMEMBERED = 0.98  # of the mean distance of logits, a step
APART = 40.0  # of mean logits of real and generated pictures: there is nothing left to learn from


@dataclass(frozen=True)
class Plan:
    """How a layer is made interpretable.

    Args:
        concepts: C, how many there may be.
        interval: T, steps of the GAN for one of the layer.
        rate: learning rate of the generator in that step.
        fade: share of the training, at its end, in which that falls to 0.
        pictures: that the whole training shows.
        realism: does the generator take part in it? Otherwise W learns alone.
        exchange: are every other step's pictures held near what an exchange of a concept is to make of the parent's?
        pull, last_pull: λ_3, how strongly W is drawn to the filter's own group: at first, and in the end.
        pull_steps: in how many steps of the layer it falls from the one to the other.
        others: λ_1, how strongly W is pushed away from other groups, as a share of that.
        weight_rate: learning rate of W.
        rounds: of Langevin sampling; 0: the model is not asked what it would draw.
        stride: δ, of a round.
        regroup: in how many steps of the layer the groups are found again.
        looks: samples they are found from.
    """

    concepts: int = 24
    interval: int = 50
    rate: float = 3e-4
    fade: float = 0.0
    pictures: int = 0
    realism: bool = True
    exchange: bool = False
    pull: float = 3e-2
    last_pull: float = 3e-6
    pull_steps: int = 500
    others: float = 2 / 3
    weight_rate: float = 10.0
    rounds: int = 4
    stride: float = 0.1
    regroup: int = 20
    looks: int = 256

    def rate_at(self, seen: int) -> float:
        """Learning rate of the generator in a step of the layer after so many pictures."""
        left = (self.pictures - seen) / max(self.fade * self.pictures, 1)
        return self.rate * min(max(left, 0.0), 1.0) if self.fade else self.rate

    def pull_at(self, step: int) -> float:
        """λ_3 at a step of the layer."""
        if not self.pull:
            return 0.0
        return float(self.pull * (self.last_pull / self.pull) ** min(step / self.pull_steps, 1.0))


@dataclass
class LayerTrainer(Trainer):
    """A trainer that makes the one rectified layer of its family interpretable.

    It goes on with the groups and the weights of a generator that was trained so before, where these are of the same
    shape.

    Args:
        given: fields of the `Plan`.

    Source:
        Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, equations 1, 4, 5 and 7 to 9. Deviations:
        the generator's step has an Adam of its own, for its gradients are of another size, so that λ_0 and λ_2 would
        cancel and the rate stands in their place; maps are brought to the same loudness, that of the batch where the
        generator learns, so that g cannot grow by loudness; the groups keep their numbers when they are found again;
        where the family's settings have a weight of `reconstruction`, pictures are held near the parent's of the same
        codes, in place of an encoder's; and those of an exchange near what it is to make of two pictures of the parent.
    """

    given: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.plan = Plan(**self.given)
        (self.layer,) = self.family.rectified
        sides = self._maps(*self._codes(1, rng_for(0, LOOKS)), rng_for(0, LOOKS)).shape
        self.model = EnergyModel(sides[1], self.plan.concepts, sides[2] * sides[3])
        known = None if self.start is None else EnergyModel.left_in(self.start)
        if known is not None and known.weights.shape == self.model.weights.shape:
            self.model.load_state_dict(known.state_dict())
        self.model.to(self.device)
        self.optimisers = (
            *self.optimisers,
            torch.optim.Adam(self.generator.parameters(), self.plan.rate, betas=BETAS, fused=True),
            torch.optim.SGD(self.model.parameters(), self.plan.weight_rate),
        )

    @property
    def turns(self) -> int:
        """Steps of the layer so far."""
        return self.step // self.plan.interval

    def advance(self) -> dict[str, float]:
        """One step of the GAN, and where its turn has come one of the layer.

        Raises:
            InterpganError: if the discriminator has won, filters fall silent, or all are in one group.
        """
        metrics = super().advance()
        self._see_that_both_learn(metrics)
        if self.step % self.plan.interval == 0:
            metrics |= self._turn(self.turns - 1)
        return metrics

    def finish(self) -> Generator:
        """The generator of averaged weights, with concepts "0", "1", …, the largest first, and the energy model."""
        made = super().finish()
        with torch.no_grad():
            blocks = [
                made.features(b, [self.layer])[self.layer] for b in made.stream(range(self.plan.looks), 16)
            ]
        model = EnergyModel(*self.model.weights.shape)
        model.load_state_dict({name: tensor.cpu() for name, tensor in self.model.state_dict().items()})
        model.groups = regrouped(blocks, self.plan.concepts, model.groups, self.settings.seed)
        model.loudness = loudness(torch.cat(blocks).flatten(2))
        model.attach(made)
        units = [tuple((model.groups == c).nonzero().flatten().tolist()) for c in range(model.concepts)]
        ordered = sorted(filter(None, units), key=len, reverse=True)
        made.concepts = {str(i): (self.layer, own) for i, own in enumerate(ordered)}
        return made

    def _reconstruction(self, stage: Any, random: torch.Generator, metrics: dict[str, float]) -> Tensor:
        """How far pictures are from the parent's of the same codes; it takes the place of an autoencoder's loss.

        Where concepts are exchanged, it is every other step from what an exchange is to make of the parent's.
        """
        assert self.start is not None
        z, labels = self._codes(self.settings.batch_size // self.process_group.size, random)
        first = next(iter(self.start.spaces.values()))
        with torch.no_grad():
            wanted = self.start.forward(LatentBatch(z, first, labels)).float()
        counts = torch.ones_like(wanted[:, :1])
        trade = None
        if self.plan.exchange and self.step % 2 and bool(self.model.belongs.any()):
            trade = Trade.drawn(self.model, len(z), random)
        traded = nullcontext() if trade is None else trade.at(self.generator.get_submodule(self.layer))
        with self._mixed(), traded:
            found = self.family.paint(self.generator, z, labels, stage, random).float()
        if trade is not None:
            wanted, counts = trade.wanted(wanted)
        apart = (found - wanted).abs() * counts
        share = counts.float().mean()
        metrics["from the parent" if trade is None else "from the exchange"] = float(
            apart.detach().mean() / share
        )
        return (apart + CONTRAST * apart.square()).mean() / share

    def _turn(self, turn: int) -> dict[str, float]:
        """One step on W, and one on the generator."""
        plan, metrics = self.plan, dict[str, float]()
        random = rng_for(self.settings.seed + LOOKS, self.step, self.process_group.rank)
        size = self.settings.batch_size // self.process_group.size
        if turn % plan.regroup == 0:
            self._regroup(metrics)
        metrics |= self._learn_weights(turn, self._codes(size, random), random)
        if plan.realism:
            maps = self._maps(*self._codes(size, random), random).flatten(2)
            scaled = maps / (loudness(maps)[:, None] * maps.shape[2] ** 0.5)
            for group in self.optimisers[3].param_groups:
                group["lr"] = plan.rate_at(self.seen)
            self._descend(
                energy.realism_loss(scaled, self.model.weights, self.model.belongs), 3, self.generator
            )
            metrics |= diagnosis(scaled.detach(), self.model)
        return metrics

    def _learn_weights(
        self, turn: int, codes: tuple[Tensor, Tensor | None], random: torch.Generator
    ) -> dict[str, float]:
        model, plan, (z, labels) = self.model, self.plan, codes
        pull = plan.pull_at(turn)
        maps = self._maps(z, labels, random).detach()
        model.loudness.copy_(loudness(maps.flatten(2)))
        metrics = {"pull": pull, "g plain": float(model.goodness(maps).mean())}
        gradient = torch.zeros_like(model.weights)
        if plan.rounds:
            noise = (torch.randn(z.shape, generator=random).to(z) for _ in range(plan.rounds))
            moved = energy.langevin(
                z, lambda codes: model.goodness(self._maps(codes, labels, random)), noise, plan.stride
            )
            drawn = self._maps(moved, labels, random).detach()
            metrics["g langevin"] = float(model.goodness(drawn).mean())
            gradient = energy.weight_gradient(model.scaled(maps), model.scaled(drawn), model.belongs)
        drawn_in = energy.interpretability_loss(model.weights, model.belongs, plan.others)
        self._descend((gradient * model.weights).sum() + pull * drawn_in, 4, model)
        return metrics

    def _regroup(self, metrics: dict[str, float]) -> None:
        """Find the groups anew; every process finds the same ones."""
        random = rng_for(self.settings.seed + LOOKS, self.step)
        count, size = self.plan.looks, 32

        def blocks() -> Iterator[Tensor]:
            for _ in range(-(-count // size)):
                yield self._maps(*self._codes(size, random), random).detach()

        new = regrouped(blocks(), self.plan.concepts, self.model.groups, self.settings.seed)
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

    def _descend(self, loss: Tensor, number: int, network: nn.Module) -> None:
        """One step of an optimiser of this trainer's own."""
        optimiser = self.optimisers[number]
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.process_group.average_gradients(network)
        optimiser.step()

    def _codes(self, count: int, random: torch.Generator) -> tuple[Tensor, Tensor | None]:
        labels = self._drawn(count, random)
        return torch.randn(count, self.family.entries, generator=random).to(self.device), labels

    def _maps(self, z: Tensor, labels: Tensor | None, random: torch.Generator) -> Tensor:
        """(n, m, h, w) float32 of the layer; the network stops there.

        Never without gradients: networks would take what they keep of a weight, and fused optimisers change weights
        without a trace.
        """
        with self._mixed():
            return maps_at(
                self.generator.get_submodule(self.layer),
                lambda: self.family.paint(self.generator, z, labels, self.family.stage(self.seen), random),
            ).float()

    def _see_that_both_learn(self, metrics: dict[str, float]) -> None:
        if "real" not in metrics:
            return
        apart = abs(metrics["real"] - metrics["fake"])
        self.memory["apart"] = REMEMBERED * self.memory.get("apart", 0.0) + (1 - REMEMBERED) * apart
        if self.memory["apart"] > APART:
            raise InterpganError(
                f"the discriminator has won: after {self.seen} pictures its mean logits of real and generated ones "
                f"are {self.memory['apart']:.0f} apart; try a lower rate, a longer interval, or a larger r1"
            )

    def _networks(self) -> tuple[nn.Module, ...]:
        return (*super()._networks(), self.model)
