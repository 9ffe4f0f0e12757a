"""Families of generators: how a file is opened, recognised and described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from interpgan_core.errors import InterpganError
from interpgan_core.files.checkpoints import read_weights
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.options import Options
from interpgan_core.generators.saving import SavedGenerator
from interpgan_core.plugins import plugins


class Checkpoint:
    """An opened file or folder of weights, read once, with nothing of it run or built.

    Args:
        path: the file or folder.

    Raises:
        InterpganError: if it is not a file of weights, when its content is first asked for.

    Example:
        >>> from pathlib import Path
        >>> import torch
        >>> from interpgan_core.plugin import Checkpoint
        >>> torch.save({"models": {"generator": {"module.weight": torch.zeros(2)}}}, "net.pth")
        >>> file = Checkpoint(Path("net.pth"))
        >>> file.keys, list(file.state("generator"))
        (('models',), ['weight'])
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def content(self) -> Any:
        """What the file holds, as plain dicts, lists and tensors; of a folder, None."""
        return None if self.path.is_dir() else read_weights(self.path)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Top-level names; of a folder, the names of its files."""
        if self.path.is_dir():
            return tuple(sorted(p.name for p in self.path.iterdir()))
        return tuple(map(str, self.content)) if isinstance(self.content, Mapping) else ()

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Tensor name, parts joined by ".", -> shape."""
        found: dict[str, tuple[int, ...]] = {}

        def walk(value: Any, name: str) -> None:
            if isinstance(value, Mapping):
                for key, inner in value.items():
                    walk(inner, f"{name}.{key}" if name else str(key))
            elif hasattr(value, "shape"):
                found[name] = tuple(value.shape)

        walk(self.content, "")
        return found

    def state(self, *names: str) -> dict[str, Any]:
        """The state dict under the first of these names that is there, or the top level itself.

        What training wraps round it is taken off: a `models` level, and the `module.` that parallel
        training writes before every name.
        """
        content = self.content if isinstance(self.content, Mapping) else {}
        levels = [content, content.get("models")]
        found: Any = next(
            (level[n] for level in levels if isinstance(level, Mapping) for n in names if n in level), content
        )
        if not isinstance(found, Mapping):
            return {}
        if found and all(str(key).startswith("module.") for key in found):
            return {str(key).removeprefix("module."): value for key, value in found.items()}
        return {str(key): value for key, value in found.items()}


@dataclass(frozen=True)
class Description:
    """What a file is, found out without building it.

    Args:
        family: such as "StyleGAN2".
        layout: whose file it is, such as "genforce", "NVIDIA".
        resolution: of the pictures, in pixels.
        spaces: name -> shape of a code.
        classes: 0 = unconditional.
        parameters: numbers in the generator.
        discriminator: is there one?
        notes: what else one should know, sentence by sentence.

    Example:
        >>> from interpgan_core.plugin import Description
        >>> Description("PGGAN", "genforce", 256, {"z": (512,)}, classes=0, parameters=10, discriminator=False).family
        'PGGAN'
    """

    family: str
    layout: str
    resolution: int
    spaces: Mapping[str, tuple[int, ...]]
    classes: int
    parameters: int
    discriminator: bool
    notes: tuple[str, ...] = ()


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


def recognise(checkpoint: Checkpoint) -> Backbone[Any]:
    """The backbone that knows a file.

    Args:
        checkpoint: the file, opened.

    Returns:
        The one backbone, of all that are installed, that says the file is its own.

    Raises:
        InterpganError: if none does, or more than one; the message says what the file looks like.
    """
    asked: dict[str, Backbone[Any]] = {}
    failed = []
    for name, provided in sorted(plugins().backbones.items()):
        try:
            asked[name] = provided.load()
        except InterpganError as error:
            failed.append(str(error))
    mine = [name for name, backbone in asked.items() if backbone.recognises(checkpoint)]
    if len(mine) == 1:
        return asked[mine[0]]
    looks = ", ".join(checkpoint.keys[:6]) or "nothing"
    if mine:
        raise InterpganError(
            f"{checkpoint.path} holds {looks}, and {' and '.join(mine)} both know it; name the family as the step"
        )
    raise InterpganError(
        f"{checkpoint.path} holds {looks} ({len(checkpoint.shapes)} tensors); of the backbones asked "
        f"({', '.join(asked) or 'none is installed'}) none knows it; "
        + "; ".join(failed or ["install the plugin of its family"])
    )
