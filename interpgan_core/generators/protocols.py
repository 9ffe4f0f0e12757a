"""What a generator may offer beside what every generator has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from interpgan_core.generators.latents import LatentBatch


@runtime_checkable
class HasStyleWeights(Protocol):
    """A generator whose layers take a code through an affine map: what SeFa factorises.

    Example:
        >>> from interpgan_core import HasStyleWeights
        >>> from interpgan_core.testing import toy
        >>> generator = toy()
        >>> isinstance(generator, HasStyleWeights), tuple(generator.style_weight("w", 0).shape)
        (True, (16, 16))
    """

    def style_weight(self, space: str, layer: int) -> Tensor:
        """A of y = A @ code + b for one synthesis layer, (o, d) float32.

        Args:
            space: the space of the code.
            layer: number of the synthesis layer, as in the space's `layer_of`.

        Returns:
            (o, d) float32; o rows, one a style.
        """


@runtime_checkable
class HasEncoder(Protocol):
    """An encoder-involved model (LIA, ALAE).

    Example:
        >>> from interpgan_core import HasEncoder
        >>> from interpgan_core.testing import toy
        >>> isinstance(toy(), HasEncoder)
        False
    """

    def encode(self, images: Tensor) -> LatentBatch:
        """Codes whose pictures are like these.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].

        Returns:
            A batch of n samples, without seeds.
        """
