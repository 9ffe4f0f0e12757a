"""The operator `text.scorer`: texts as attributes, for every operator that takes a scorer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from interpgan_core import Input, Operator
from interpgan_text.net import Text, TextImageNet, of_images, toward

if TYPE_CHECKING:
    from torch import Tensor


class TextScorer:
    """A `Scorer` whose attributes are texts; differentiable where the net is.

    Args:
        net: of text and pictures.
        texts: name -> what a picture with much of the attribute shows.
        neutral: what every picture shows.
    """

    names: tuple[str, ...]

    def __init__(self, net: TextImageNet, texts: dict[str, str], neutral: str) -> None:
        self.net, self.texts, self.neutral = net, texts, neutral
        self.names = tuple(texts)

    @cached_property
    def directions(self) -> Tensor:
        """(k, d) from the neutral text toward each text, of length 1."""
        return toward(self.net, list(self.texts.values()), self.neutral)

    def __call__(self, images: Tensor) -> Tensor:
        """Scores.

        Args:
            images: (n, 3, h, w) float32 in [-1, 1].

        Returns:
            (n, k) float32, -1 to 1: cosine of a picture's embedding with the way from the neutral text to each text.
        """
        return of_images(self.net, images) @ self.directions.to(images.device).T


class MakeScorer(Operator):
    """Make a scorer of texts: how far each picture lies on the way from a neutral text to each of them.

    For all that takes a scorer: `score`, `sefa.annotate` and `stylespace.attributes` then rank samples, directions and
    channels by words. The names are yours; scores compare pictures within one text, not one text with another.
    """

    keep: ClassVar[bool] = False

    net: Input[TextImageNet]
    texts: Annotated[dict[str, Text], Field(min_length=1)]
    """Name -> text, such as {smile: a smiling person}."""
    neutral: Text = "a person"
    """What is true of every picture."""

    def check(self) -> TextScorer:
        return self.run()

    def run(self) -> TextScorer:
        scorer = TextScorer(self.net, dict(self.texts), self.neutral)
        _ = scorer.directions  # now, so that a text that cannot be read is refused before anything is drawn
        return scorer
