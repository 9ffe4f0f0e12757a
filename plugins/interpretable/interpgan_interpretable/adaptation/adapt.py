"""The operator `interpretable.adapt`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, model_validator

from interpgan_core import (
    AddedLayer,
    Generator,
    InterpganError,
    Operator,
    Progress,
    Ranges,
    Seeds,
)
from interpgan_core.plugin import remark

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_interpretable.adaptation.filters import FilterBank
    from interpgan_interpretable.adaptation.trainer import Layer

LEAST = 0.02  # % of the positions of held-out samples: a concept below has died
HIDDEN = 256  # width of the filters' hidden layer, at most
ENDING = ".filters"

Count = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]


class AdaptLayer(Operator):
    """Put filters, each of which draws one concept, behind a layer of a generator that stays as it is.

    Positions of the layer's maps are sorted into clusters, without labels; each is a concept. Then filters are trained,
    a group for each concept, that give the maps back together and are silent where another concept is. It needs no
    pictures and no discriminator. What is not edited is the same to the bit: an edit f' of filters f changes maps x
    into x + D (f' - f), where D is the linear map that gives them back.

    Source: the layer of Li et al., Interpretable Generative Adversarial Networks, AAAI 2022, for a generator whose
        training is over. The clusters: Collins et al., Editing in Style, CVPR 2020. The rest is this project's own.
    """

    layer: str
    """Name of a synthesis layer; of 32 x 32 positions, as in the paper, or near it."""
    concepts: Annotated[int, Field(ge=2, le=255)] = 32
    """Number of concepts."""
    filters: Annotated[int, Field(ge=2)] | None = None
    """Number of filters; left out: 16 for each concept, or as many as the layer has channels if that is more."""
    beside: tuple[str, ...] | None = None
    """Other layers whose maps tell concepts apart, too; left out: the last one of the size before, and
    of the size after."""
    place: Weight = 0.2
    """How much it counts where in the picture a position is, when positions are sorted."""
    seeds: Seeds = "0-239"
    """The samples. Their maps of the layer stay in memory, in half precision; nothing is fitted to a tenth of them."""
    steps: Count = 600
    """Steps of training."""
    batch_size: Count = 4
    """Samples in a step."""
    rate: float = Field(default=3e-3, gt=0)
    """Learning rate."""
    gates: Weight = 0.3
    """Weight of telling the concepts of positions apart, against giving the maps back."""
    agreement: Weight = 0.1
    """Weight of filters' being active where their group is."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the clusters, and of training."""

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if len(Ranges(self.seeds)) < 2:
            raise InterpganError("it takes 2 samples at least, of which one is held out; give more seeds")
        if self.filters is not None and self.filters < 2 * self.concepts:
            raise InterpganError(
                f"{self.filters} filters cannot make {self.concepts} concepts of 2 and more; ask for "
                f"{2 * self.concepts} filters at least, or for fewer concepts"
            )
        return self

    def check(self, generator: Generator) -> None:
        """Raises: InterpganError: if layers do not exist, or there are filters behind it."""
        for name in (self.layer, *(self.beside or ())):
            generator.require_layer(name)
        if self.layer + ENDING in generator.layers:
            raise InterpganError(
                f"behind {self.layer} there are filters already; take the generator without them, or another layer"
            )

    def run(self, generator: Generator, scratch: Path, progress: Progress) -> Generator:
        """Adapt.

        Raises:
            InterpganError: as of `check`; or if a concept dies, with advice.
        """
        from interpgan_interpretable.adaptation import trainer

        self.check(generator)
        layer = self._collected(generator, progress)
        filters = self.filters or max(16 * self.concepts, layer.maps.shape[1])
        bank = trainer.train(
            layer,
            trainer.allotted(layer.labels[: layer.trained], self.concepts, filters),
            hidden=max(64, min(HIDDEN, layer.maps.shape[1])),
            steps=self.steps,
            batch_size=self.batch_size,
            rate=self.rate,
            weights=trainer.Weights(self.gates, self.agreement),
            seed=self.seed,
            scratch=scratch,
            progress=progress,
        )
        figures = trainer.figures(bank, layer.held_out())
        self._refuse_dead(figures)
        made = generator.with_layer(AddedLayer(self.layer + ENDING, self.layer, bank, "interpretable.adapt"))
        made.notes = {**made.notes, "adapted": {"layer": self.layer, **figures}}
        remark(
            f"{filters} filters in {self.concepts} concepts behind {self.layer}; on held-out samples they leave "
            f"{figures['unexplained']:.1f} % of the maps' variance unexplained, and {figures['outside']:.1f} % of "
            f"their own is outside of their concepts; {figures['silent']} are never active"
        )
        return made.with_concepts(
            {
                str(c): (self.layer + ENDING, tuple((bank.groups == c).nonzero().flatten().tolist()))
                for c in range(self.concepts)
            }
        )

    @staticmethod
    def module_of(settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> FilterBank:
        """The module of an added layer that this step made, from a file.

        Args:
            settings: none are needed.
            tensors: its state dict.
        """
        from interpgan_interpretable.adaptation.filters import FilterBank

        return FilterBank.of(tensors)

    def _collected(self, generator: Generator, progress: Progress) -> Layer:
        """The maps of the layer, and the cluster of each position."""
        import torch

        from interpgan_interpretable.adaptation.clusters import FITTED, find_clusters, some_positions, stacked
        from interpgan_interpretable.adaptation.trainer import Layer, held_out

        names = list(dict.fromkeys((self.layer, *self._beside(generator))))
        seeds = list(Ranges(self.seeds))
        fitted = len(seeds) - held_out(len(seeds))

        def each(what: str) -> Iterator[tuple[Tensor, Tensor]]:
            """The maps of the layer (1, c, h, w), and those of all layers (1, d, h, w), sample by sample."""
            streamed = generator.stream(seeds, 1)
            for batch in progress(streamed, total=len(seeds), what=f"{what}, {len(seeds)} samples"):
                maps = generator.features(batch, names)
                own = maps[self.layer]
                yield own, stacked([maps[name] for name in names], own.shape[2:])

        random = torch.Generator().manual_seed(self.seed)
        rows, places, own, labels = [], [], [], []
        with torch.no_grad():
            for i, (_, every) in enumerate(each(f"looking at {', '.join(names)}")):
                if i < fitted:
                    found = some_positions(every, FITTED // fitted, random)
                    rows.append(found[0])
                    places.append(found[1])
            clusters = find_clusters(torch.cat(rows), torch.cat(places), self.concepts, self.place, self.seed)
            clusters = clusters.to(generator.device)
            for maps, every in each(f"maps of {self.layer}"):
                own.append(maps.half())
                labels.append(clusters.labels(every).byte())
        return Layer(torch.cat(own), torch.cat(labels))

    def _beside(self, generator: Generator) -> tuple[str, ...]:
        """The layers named, or the last one of the size before, and of the size after."""
        if self.beside is not None:
            return self.beside
        shapes = generator.layer_shapes()
        own = {name: shapes[name][1] for name in generator.own_layers}
        smaller = [name for name, height in own.items() if height < own[self.layer]]
        larger = [height for height in own.values() if height > own[self.layer]]
        after = [name for name, height in own.items() if larger and height == min(larger)]
        return (*smaller[-1:], *after[-1:])

    def _refuse_dead(self, figures: Mapping[str, Any]) -> None:
        dead = [str(c) for c, area in enumerate(figures["areas"]) if area < LEAST]
        if dead:
            raise InterpganError(
                f"of {self.concepts} concepts {len(dead)} died: {', '.join(dead)} are hardly anywhere in held-out "
                f"samples; ask for {self.concepts - len(dead)} concepts, give more samples or steps, or raise 'gates'"
            )
