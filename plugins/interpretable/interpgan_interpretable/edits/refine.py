"""The operator `interpretable.refine`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from interpgan_core import Generator, Input, InterpganError, LatentBatch, Operator, Progress, seeded_normal
from interpgan_interpretable.edits.exchange import ExchangeConcepts
from interpgan_interpretable.homes import shares_of, soft
from interpgan_interpretable.layers import one_layer, units_of

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_interpretable.training.energy_model import EnergyModel

NOISE_STREAM = 5  # of `seeded_normal`: independent of the codes of the same seeds


class Refine(Operator):
    """Make samples more probable under the energy model of an interpretable layer, by Langevin sampling.

    With a source, concepts are exchanged in the layer, and both codes of each pair are sampled together: the gradient
    is that of the sum over both pictures, each with the other's concepts. The result is the batch after the exchange.

    Source: Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, equation 9 and page 7.
    """

    source: Input[LatentBatch] | None = None
    """The source of the concepts, as many samples as the batch, or one; left out: the batch alone is refined."""
    concepts: tuple[str, ...] = ()
    """Which are exchanged; all when left out."""
    depth: Literal["filters", "shape"] = "filters"
    """As of `interpretable.exchange`."""
    langevin_steps: Annotated[int, Field(ge=1)] = 20
    langevin_step: float = Field(default=0.1, gt=0)
    """δ, the size of a step."""
    noise: float = Field(default=1.0, ge=0)
    """Factor of the noise of a step; 0: plain gradient ascent."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the noise, where samples have no seeds of their own."""

    def run(self, batch: LatentBatch, generator: Generator, progress: Progress) -> LatentBatch:
        """Refine.

        Raises:
            InterpganError: if the generator has no energy model, or codes are no longer in the first space.
        """
        from interpgan_interpretable.training.energy_model import EnergyModel

        model = EnergyModel.of(generator)
        source = None if self.source is None else self.source.paired_with(batch)
        first = next(iter(generator.spaces))
        for one in (batch, source):
            if one is not None and (one.space.name != first or one.edits):
                raise InterpganError(
                    f"codes are refined in {first}, before any edit; refine first, then edit, or name the source "
                    "and the concepts of an exchange here"
                )
        if not len(batch):
            return batch
        both = [batch] if source is None else [batch, source]
        pairs = list(zip(*(one.split(1) for one in both), strict=True))
        what = f"refining {len(pairs)} samples"
        moved = [
            self._refined(pair, generator, model) for pair in progress(pairs, total=len(pairs), what=what)
        ]
        results = [replace(one, codes=_stack(moved, i)) for i, one in enumerate(both)]
        if source is None:
            return results[0]
        exchange = ExchangeConcepts(source=results[1], concepts=self.concepts, depth=self.depth)
        return exchange.run(results[0], generator)

    def _refined(
        self, pair: tuple[LatentBatch, ...], generator: Generator, model: EnergyModel
    ) -> tuple[Tensor, ...]:
        """The codes of a sample, or of a sample and its source, after all Langevin steps."""
        import torch

        from interpgan_interpretable.training.langevin import langevin

        layer, _ = one_layer(generator)
        units = list(units_of(generator, self.concepts)[layer]) if len(pair) == 2 else []

        def energy(codes: Tensor) -> Tensor:
            here = [replace(one, codes=code) for one, code in zip(pair, codes[:, None], strict=True)]
            maps = torch.cat([generator.features(one, [layer])[layer].float().relu() for one in here])
            if units:
                maps = maps.lerp(maps.flip(0), self._mask(maps, units, model))
            return model.energy(maps)

        codes = torch.cat([one.codes for one in pair])
        seeds = [self.seed if one.seeds is None else int(one.seeds[0]) for one in pair]
        normal = seeded_normal(seeds, (self.langevin_steps, *codes.shape[1:]), stream=NOISE_STREAM).to(codes)
        noise = (self.noise * normal[:, i] for i in range(self.langevin_steps))
        return tuple(langevin(codes, energy, noise, self.langevin_step)[:, None])

    def _mask(self, maps: Tensor, units: list[int], model: EnergyModel) -> Tensor:
        """Where each of a pair takes maps from the other, (2 or 1, m or 1, h or 1, w or 1) from 0 to 1."""
        if self.depth == "filters":
            mask = maps.new_zeros(1, maps.shape[1], 1, 1)
            mask[:, units] = 1
            return mask
        scaled = maps.detach() / model.rms.clamp(min=1e-12)[:, None, None]
        shares = shares_of(scaled, model.groups, units)
        return soft(shares.maximum(shares.flip(0)))


def _stack(moved: list[tuple[Tensor, ...]], which: int) -> Tensor:
    import torch

    return torch.cat([codes[which] for codes in moved])
