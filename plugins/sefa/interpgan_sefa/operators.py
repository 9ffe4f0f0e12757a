"""The operator `sefa`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    HasStyleWeights,
    InterpganError,
    LatentSpace,
    Layers,
    Operator,
)
from interpgan_sefa.factorise import factorise


class FindSemantics(Operator):
    """Find the directions that change a layer range most, from the weights alone: no samples, no labels.

    The result is named "0", "1", … in descending order of the eigenvalue; `layers` is also the default
    range of an edit along them.

    Source: Shen & Zhou, Closed-Form Factorization of Latent Semantics in GANs, CVPR 2021, section 3.
        Deviations: the eigenvectors come from a symmetric solver in float64, sorted, with the entry of
        largest magnitude positive; the published code sorts them not, and leaves the sign to chance.
    """

    layers: Layers = "all"
    """The synthesis layers whose style weights are factorised."""
    count: Annotated[int, Field(ge=1, strict=True)] = 20
    """How many directions to keep."""
    normalize: Annotated[bool, Field(strict=True)] = True
    """Give every row of the weights length 1, as the paper does; false: raw, as some implementations do."""

    def run(self, generator: Generator) -> DirectionSet:
        import torch

        space = _layered(generator)
        numbers = space.layer_numbers(self.layers)
        weights = torch.cat([generator.style_weight(space.name, n) for n in numbers])
        # Of a code that is split among the layers, as BigGAN's, the part that drives these alone has directions.
        driven = space.mask(self.layers).reshape(-1, weights.shape[1]).any(0)
        values, parts = factorise(weights[:, driven], self.normalize)
        vectors = parts.new_zeros(len(parts), len(driven))
        vectors[:, driven] = parts
        return DirectionSet(
            {
                str(i): Direction(
                    vectors[i],
                    space=space.base or space.name,
                    layers=self.layers,
                    generator=generator.fingerprint,
                    notes={"eigenvalue": float(values[i])},
                )
                for i in range(min(self.count, len(vectors)))
            }
        )


def _layered(generator: Generator) -> LatentSpace:
    """The space whose entries drive the layers one by one."""
    if not isinstance(generator, HasStyleWeights):
        raise InterpganError("SeFa needs a generator with style weights, and this one offers none")
    for space in generator.spaces.values():
        if space.layer_of is not None:
            return space
    raise InterpganError("SeFa needs a space with layers, and this generator has none")
