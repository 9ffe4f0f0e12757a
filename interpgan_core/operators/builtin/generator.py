"""The step `generator`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, ValidationInfo

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.options import Noise, Precision
from interpgan_core.loading.load_generator import load_generator
from interpgan_core.operators.base import Operator
from interpgan_core.operators.fields import existing
from interpgan_core.plugins import plugins


def _model_or_file(value: Any, info: ValidationInfo) -> Any:
    if not isinstance(value, str) or value in plugins().models:
        return value
    try:
        return existing(value, info)
    except InterpganError as error:
        close = "" if "/" in value else did_you_mean(value, plugins().models)
        if "/" not in value and not Path(value).suffix and value.strip():
            plugins().get("models", value)  # says which names are close
        said = close if "mean" in close else "; see interpgan-run --list models"
        raise InterpganError(f"{error}, and no model of that name{said}") from None


class LoadGenerator(Operator):
    """Load a generator: a named model, a checkpoint, or a folder.

    Example:
        >>> from interpgan_core import LoadGenerator
        >>> LoadGenerator(weights="toy", noise="none").run(device="cpu").noise
        'none'
    """

    keep: ClassVar[bool] = False
    family: ClassVar[str | None] = None
    """A plugin subclasses this with the name of its backbone, and the options that its family alone has."""

    weights: Annotated[Path | str, BeforeValidator(_model_or_file)]
    """A name from `interpgan-run --list models`, or a file."""
    noise: Noise = "const"
    """const: the file's own; none; random: from each sample's seed."""
    precision: Precision = "float32"
    resolution: int | None = Field(default=None)
    """A smaller output, where the model offers one."""

    def sources(self) -> Iterable[Path]:
        if not isinstance(self.weights, str):
            return ()
        shipped: Path | None = getattr(plugins().models[self.weights].load(), "shipped", None)
        return () if shipped is None else (shipped,)

    def run(self, device: str) -> Generator:
        options = {name: getattr(self, name) for name in type(self).model_fields if name != "weights"}
        return load_generator(self.weights, family=self.family, device=device, **options)
