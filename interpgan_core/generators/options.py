"""How a generator is loaded: the options that every family understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from interpgan_core.errors import InterpganError, did_you_mean

Noise = Literal["const", "none", "random"]
"""const: the file's own buffers; none; random: drawn from each sample's seed."""

Precision = Literal["float32", "bfloat16", "float16"]
"""Of the synthesis network; images are float32 always."""


@dataclass(frozen=True)
class LoadOptions:
    """The options of `load_generator`. A family with options of its own adds them in a subclass.

    Args:
        device: "cpu", "cuda".
        noise: const: the file's own buffers; none; random: drawn from each sample's seed.
        precision: of the synthesis network; images are float32 always.
        resolution: of the images, where the model offers a smaller one at lower cost; None = its own.

    Attributes:
        of_saved: options of the family that a saved generator has too; the others choose how a published file is
            read.

    Example:
        >>> from dataclasses import dataclass
        >>> from interpgan_core.plugin import LoadOptions
        >>> @dataclass(frozen=True)
        ... class OwnOptions(LoadOptions):
        ...     lod: float = 0.0
        >>> OwnOptions(noise="none").lod
        0.0
    """

    device: str = "cpu"
    noise: Noise = "const"
    precision: Precision = "float32"
    resolution: int | None = None

    of_saved: ClassVar[tuple[str, ...]] = ()


Options = TypeVar("Options", bound=LoadOptions)


def options_for_file(kind: type[Options], given: Mapping[str, Any], path: Path) -> Options:
    """The options of a family for a published file.

    Args:
        kind: what the family calls its options.
        given: name -> value.
        path: the file, for messages.

    Returns:
        The options, with the defaults of those that were not given.

    Raises:
        InterpganError: if the family has no option of a name.
    """
    known = [field.name for field in fields(kind)]
    for name in given:
        if name not in known:
            raise InterpganError(f"{path} has no option '{name}'" + did_you_mean(name, known))
    return kind(**given)


def options_for_saved(kind: type[Options], given: Mapping[str, Any], path: Path) -> Options:
    """The options of a family for a generator that interpgan saved.

    Args:
        kind: what the family calls its options.
        given: name -> value.
        path: the file, for messages.

    Returns:
        The options, with the defaults of those that were not given.

    Raises:
        InterpganError: if the family has no option of a name, or one that chooses how a published file is read
            is not at its default: the saved generator has made that choice.
    """
    options = options_for_file(kind, given, path)
    applying = {field.name for field in fields(LoadOptions)} | set(kind.of_saved)
    for field in fields(kind):
        if field.name not in applying and getattr(options, field.name) != field.default:
            raise InterpganError(f"{path} was saved with a {field.name} of its own; leave out {field.name}")
    return options


def check_resolution(asked: int | None, size: tuple[int, int], file: Path | str) -> None:
    """Refuse a resolution that a generator of one size does not draw.

    Args:
        asked: for the longer side; None = the generator's own.
        size: height and width of its images.
        file: for the message.

    Raises:
        InterpganError: naming the size that there is.
    """
    if asked not in (None, max(size)):
        drawn = str(size[0]) if size[0] == size[1] else f"{size[0]} x {size[1]}"
        raise InterpganError(f"{file} draws {drawn} pixels only")


def check_option(model: str, option: str, value: object, known: tuple[object, ...]) -> None:
    """Refuse a value that an option of a model does not have.

    Args:
        model: its name, for the message.
        option: such as "resolution".
        value: what was asked for.
        known: the values that there are.

    Raises:
        InterpganError: naming the values that there are.
    """
    if value not in known:
        hint = did_you_mean(str(value), [str(k) for k in known])
        raise InterpganError(f"{model} has no {option} {value}{hint}")
