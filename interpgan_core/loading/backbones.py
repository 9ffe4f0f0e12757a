"""Families of generators: how a file is recognised and described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from interpgan_core.errors import InterpganError, remark
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.options import Options
from interpgan_core.generators.saving import SavedGenerator
from interpgan_core.loading.checkpoint import Checkpoint
from interpgan_core.loading.encoders import encoders_in
from interpgan_core.loading.other_families import other_family
from interpgan_core.plugins import plugins


@dataclass(frozen=True)
class Description:
    """What a file is, found out without building it.

    Args:
        family: such as "StyleGAN2".
        layout: whose file it is, such as "genforce", "NVIDIA".
        resolution: of the pictures, in pixels; (height, width) where they differ.
        spaces: name -> shape of a code.
        classes: 0 = unconditional.
        parameters: numbers in the generator.
        discriminator: is there one?
        notes: what else one should know, sentence by sentence.
        channels: of the pictures: 1 = grey, 3, 4 = with alpha.

    Example:
        >>> from interpgan_core.plugin import Description
        >>> Description("PGGAN", "genforce", 256, {"z": (512,)}, classes=0, parameters=10, discriminator=False).family
        'PGGAN'
    """

    family: str
    layout: str
    resolution: int | tuple[int, int]
    spaces: Mapping[str, tuple[int, ...]]
    classes: int
    parameters: int
    discriminator: bool
    notes: tuple[str, ...] = ()
    channels: int = 3

    def __post_init__(self) -> None:
        match self.resolution:
            case (height, width) if height == width:
                object.__setattr__(self, "resolution", height)

    @property
    def picture(self) -> str:
        """Size and kind of the pictures, in words: "64 px", "1024 x 512 px, grey"."""
        height, width = (
            self.resolution if isinstance(self.resolution, tuple) else (self.resolution, self.resolution)
        )
        size = f"{height} px" if height == width else f"{height} x {width} px"
        kinds = {1: ", grey", 3: "", 4: ", with alpha"}
        return size + kinds.get(self.channels, f", {self.channels} channels")


class Backbone(Protocol[Options]):
    """A family of generators that knows its own files.

    Example:
        >>> from interpgan_core import InterpganError
        >>> from interpgan_core.plugin import LoadOptions
        >>> from interpgan_core.testing import toy
        >>> class ToyFiles:
        ...     options = LoadOptions
        ...     def recognises(self, checkpoint):
        ...         return "toy" in checkpoint.keys
        ...     def describe(self, checkpoint):
        ...         raise InterpganError("a toy has no description; load it")
        ...     def load(self, checkpoint, options):
        ...         return toy(noise=options.noise)
        ...     def restore(self, saved, path, options):
        ...         return toy(noise=options.noise)
        >>> backbone = ToyFiles()
    """

    options: type[Options]
    """`LoadOptions`, or the family's subclass of it."""

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is this file one of the family?"""

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is, from its names and shapes alone."""

    # A backbone may have `unsupported(checkpoint) -> str` too: of a file that is not its own, but near, what it is and
    # what to do, as "is a … of …; …"; "" of any other.

    def load(self, checkpoint: Checkpoint, options: Options) -> Generator:
        """Build the generator.

        Args:
            checkpoint: a file that `recognises` knows.
            options: of the family.

        Returns:
            The generator, in eval mode with frozen weights, with its discriminator where the file has one.

        Raises:
            InterpganError: if a tensor is missing or does not fit, or an option does not apply.
        """

    def restore(self, saved: SavedGenerator, path: Path, options: Options) -> Generator:
        """Make a saved generator again.

        Args:
            saved: what its `saved` said it is.
            path: the file, for messages.
            options: of the family; those that choose how a published file is read are at their defaults.

        Returns:
            The generator.

        Raises:
            InterpganError: if tensors or settings do not fit one another, or an option does not apply.
        """


def load_backbone(name: str) -> Backbone[Any]:
    """A backbone by its name.

    Args:
        name: as its plugin's hook says it.

    Returns:
        The backbone.

    Raises:
        InterpganError: if there is none, it cannot be imported, or what its hook names is no backbone.
    """
    provided = plugins().get("backbones", name)
    found = provided.load()
    lacking = [part for part in ("options", "recognises", "describe", "load") if not hasattr(found, part)]
    if lacking or isinstance(found, type):
        what = f"lacks {', '.join(lacking)}" if lacking else "is a class"
        raise provided.fault(f"is no backbone: it {what}")
    backbone: Backbone[Any] = found
    return backbone


def recognise(checkpoint: Checkpoint) -> tuple[str, Backbone[Any]]:
    """The backbone that knows a file.

    Args:
        checkpoint: the file, opened.

    Returns:
        The name, and the one backbone, of all that are installed, that says the file is its own. One that fails in
        telling stops no other.

    Raises:
        InterpganError: if none does, or more than one; the message says what the file looks like.
    """
    asked: dict[str, Backbone[Any]] = {}
    failed, mine = [], []
    _ = checkpoint.content  # what cannot be read is no fault of a backbone
    if known := other_family(checkpoint):
        raise InterpganError(f"{checkpoint.path} {known}")
    for name in sorted(plugins().backbones):
        try:
            asked[name] = load_backbone(name)
            with plugins().get("backbones", name).blamed():
                if asked[name].recognises(checkpoint):
                    mine.append(name)
        except InterpganError as error:
            failed.append(str(error))
    for sentence in failed if mine else ():
        remark(sentence)
    if len(mine) == 1:
        return mine[0], asked[mine[0]]
    if mine:
        raise InterpganError(
            f"{checkpoint.path} holds {looks_like(checkpoint)}, and {' and '.join(mine)} both know it; name the family "
            "as the step"
        )
    near = [said for backbone in asked.values() if (said := _unsupported(backbone, checkpoint))]
    if near:
        raise InterpganError(f"{checkpoint.path} {near[0]}")
    if facts := encoders_in(checkpoint):
        first = next(iter(facts.values()))
        raise InterpganError(
            f"{checkpoint.path} holds no generator, but an encoder: {first}; see interpgan-run --inspect"
        )
    raise InterpganError(
        f"{checkpoint.path} holds {looks_like(checkpoint)}; of the backbones asked "
        f"({', '.join(asked) or 'none is installed'}) none knows it; "
        + "; ".join(
            failed
            or ["install the plugin of its family if there is one, or write it as plugins/example-backbone"]
        )
    )


def looks_like(checkpoint: Checkpoint) -> str:
    """What a file holds, in a few words: its first names, or the array that it is."""
    content = checkpoint.content
    if hasattr(content, "shape"):
        return f"an array {tuple(content.shape)}"
    shown = ", ".join(checkpoint.keys[:6]) or (
        f"a {type(content).__name__}" if content is not None else "nothing"
    )
    return f"{shown} ({len(checkpoint.shapes)} tensors)"


def _unsupported(backbone: Backbone[Any], checkpoint: Checkpoint) -> str:
    say = getattr(backbone, "unsupported", None)
    return str(say(checkpoint)) if say else ""
