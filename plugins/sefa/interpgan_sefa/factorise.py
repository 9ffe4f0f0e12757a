"""The operator `sefa`: directions from the style weights alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from torch import Tensor


class FindSemantics(Operator):
    """Find the directions that change a layer range most, from the weights alone: no samples, no labels.

    The result is named "0", "1", … in descending order of the eigenvalue; `layers` is also the default
    range of an edit along them.

    Source: Shen & Zhou, Closed-Form Factorization of Latent Semantics in GANs, CVPR 2021, section 3.
        Deviations: the eigenvectors come from a symmetric solver in float64, sorted, with the entry of
        largest magnitude positive; the published code does not sort them, and their sign is arbitrary.
    """

    layers: Layers = "all"
    """The synthesis layers whose style weights are factorised."""
    count: Annotated[int, Field(ge=1)] = 20
    """How many directions to keep."""
    normalize: bool = True
    """Give every row of the weights length 1, as the paper does; false: raw, as some implementations do."""

    def check(self, generator: Generator) -> DirectionSet:
        space = _layered_space(generator)
        space.layer_numbers(self.layers)
        names = map(str, range(min(self.count, space.shape[-1])))
        return DirectionSet.expected(names, space.base or space.name, generator, self.layers)

    def run(self, generator: Generator) -> DirectionSet:
        import torch

        space = _layered_space(generator)
        assert isinstance(generator, HasStyleWeights)
        numbers = space.layer_numbers(self.layers)
        weights = torch.cat([generator.style_weight(space.name, n) for n in numbers])
        # Of a code that is split among the layers, as BigGAN's, only the part that drives these layers has directions.
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


def _layered_space(generator: Generator) -> LatentSpace:
    """The space whose entries drive the layers one by one.

    Raises:
        InterpganError: if there is none, or no style weights.
    """
    if not isinstance(generator, HasStyleWeights):
        raise InterpganError("SeFa needs a generator with style weights, and this one offers none")
    for space in generator.spaces.values():
        if space.layer_of is not None:
            return space
    raise InterpganError("SeFa needs a space with layers, and this generator has none")


def factorise(weights: Tensor, normalize: bool = True) -> tuple[Tensor, Tensor]:
    """The unit directions n that maximise |A n|, in descending order.

    Args:
        weights: (o, d); A, the affine weights into the chosen layers, stacked by rows.
        normalize: give every row of A length 1 first.

    Returns:
        values: (d,) float64, descending; |A n|² of each direction.
        vectors: (d, d) float64; a direction a row, its entry of largest magnitude positive.

    Source:
        Shen & Zhou, CVPR 2021, equations 4 and 7: eigenvectors of AᵀA.
    """
    import torch

    a = weights.detach().cpu().double()
    if normalize:
        a = a / torch.linalg.vector_norm(a, dim=1, keepdim=True).clamp_min(1e-300)
    # AᵀA is symmetric: the solver reads its upper triangle, so only that is computed, block by block.
    gram = a.new_zeros(a.shape[1], a.shape[1])
    for block in torch.arange(a.shape[1]).chunk(4):
        first, last = int(block[0]), int(block[-1]) + 1
        torch.mm(a[:, first:last].T, a[:, first:], out=gram[first:last, first:])
    # Equation 7 of the paper: the n that maximise |A n| (equation 4) solve AᵀA n = λ n, and then λ = |A n|².
    values, columns = torch.linalg.eigh(gram, UPLO="U")
    values, vectors = values.flip(0), columns.T.flip(0)
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return values, vectors * largest.sign()
