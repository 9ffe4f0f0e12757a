"""The operator `scorer.onnx`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from interpgan_core import InputFile, InterpganError, Operator
from interpgan_scorer.network import OnnxScorer

Colours = Annotated[tuple[float, ...], Field(min_length=3, max_length=3)]
Positive = Annotated[float, Field(gt=0)]
Side = Annotated[int, Field(ge=1)]


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) != len(names):
        raise InterpganError("two names are equal; give every number a name of its own")
    return names


class LoadOnnx(Operator):
    """A classifier or regressor of pictures from an ONNX file, as a scorer.

    Pictures are brought to the size, range and layout that it was trained on; the file does not say what these are.
    """

    keep: ClassVar[bool] = False

    file: InputFile
    names: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_distinct)]
    """Names of all its outputs, in their order."""
    size: Side | Annotated[tuple[Side, ...], Field(min_length=2, max_length=2)] | None = None
    """Height and width of what it takes, or the side of a square; by default what the file says, or as rendered."""
    values: Annotated[tuple[float, ...], Field(min_length=2, max_length=2)] = (0.0, 1.0)
    """The numbers for black and for full colour: [0, 1], [-1, 1], [0, 255]."""
    mean: Colours = (0.0, 0.0, 0.0)
    """Of red, green and blue, in units of `values`; subtracted."""
    std: Annotated[tuple[Positive, ...], Field(min_length=3, max_length=3)] = (1.0, 1.0, 1.0)
    """Of red, green and blue; divided by."""
    layout: Literal["nchw", "nhwc"] = "nchw"
    """Whether colours come before the pixels, as from PyTorch, or after them, as from TensorFlow."""
    output: str | None = None
    """Which output, where there are several."""
    activation: Literal["none", "sigmoid", "softmax"] = "none"
    """What makes scores of the numbers; none: the numbers are the scores."""

    def run(self, device: str) -> OnnxScorer:
        """Read it, and run it on one picture where its size is known.

        Raises:
            InterpganError: if it is no ONNX model, or takes or gives something else than the parameters say.
        """
        size = (self.size, self.size) if isinstance(self.size, int) else self.size
        scorer = OnnxScorer(
            self.file.read_bytes(),
            self.file.name,
            self.names,
            size=size,
            values=self.values,
            mean=self.mean,
            std=self.std,
            layout=self.layout,
            output=self.output,
            activation=self.activation,
            device=device,
        )
        scorer.check()
        return scorer
