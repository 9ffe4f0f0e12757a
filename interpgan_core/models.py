"""One door to every generator: a named model, a file, or a folder."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from interpgan_core.checkpoints import read_weights
from interpgan_core.downloads import download
from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.generator import Generator
from interpgan_core.plugins import plugins
from interpgan_core.saving import SavedGenerator, is_saved_generator, read_generator

Noise = Literal["const", "none", "random"]
"""const: the file's own buffers; none; random: drawn from each sample's seed."""

Precision = Literal["float32", "bfloat16", "float16"]
"""Of the synthesis network; pictures are float32 always."""


class Checkpoint:
    """An opened file or folder of weights, read once, with nothing of it run or built.

    Args:
        path: the file or folder.

    Raises:
        InterpganError: if it is not a file of weights, when its content is first asked for.
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
    """

    family: str
    layout: str
    resolution: int
    spaces: Mapping[str, tuple[int, ...]]
    classes: int
    parameters: int
    discriminator: bool
    notes: tuple[str, ...] = ()


class Backbone(Protocol):
    """A family of generators that knows its own files."""

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """Is this file one of the family?"""

    def describe(self, checkpoint: Checkpoint) -> Description:
        """What the file is, from its names and shapes alone."""

    def load(self, checkpoint: Checkpoint, **options: Any) -> Generator:
        """Build the generator; options as in `load_generator`, and the family's own."""

    def restore(self, saved: SavedGenerator, path: Path, **options: Any) -> Generator:
        """Make a generator again.

        Args:
            saved: what its `saved` said it is.
            path: the file, for messages.
            options: as in `load`.

        Returns:
            The generator.

        Raises:
            InterpganError: if tensors or settings do not fit one another, or an option does not apply.
        """


@dataclass(frozen=True)
class NamedModel:
    """A generator that has a name, and what is known of it before it is fetched or even imported.

    Tables of these stand in modules that import no torch: `interpgan-run --list models` reads them all.

    Args:
        family: such as "StyleGAN 2".
        resolution: of the pictures, in pixels.
        data: what it was trained on.
        licence: terms of use of the weights, in a few words.
        target: "module:function" that makes it; the function takes the options of `load_generator`.
        shipped: the file of weights, where it comes inside the plugin.
    """

    family: str
    resolution: int
    data: str
    licence: str
    target: str
    shipped: Path | None = None

    def __call__(self, **options: Any) -> Generator:
        """Make it; options as in `load_generator`."""
        module, _, function = self.target.partition(":")
        made: Generator = getattr(importlib.import_module(module), function)(**options)
        return made


@dataclass(frozen=True)
class Published:
    """Weights that somebody published, by a name of ours; a callable that fetches and loads them.

    Args:
        family: such as "StyleGAN 2".
        resolution: of the pictures, in pixels.
        data: what they were trained on.
        licence: terms of use of the weights, in a few words.
        url: where its publisher says that the file is.
        file: its name in the cache; the address's last part when left out.
        sha256: what its publisher says that it is; None: recorded at the first download, and held to it.
    """

    family: str
    resolution: int
    data: str
    licence: str
    url: str
    file: str = ""
    sha256: str | None = None

    @property
    def name(self) -> str:
        """Of the file in the cache."""
        return self.file or self.url.rpartition("/")[2].partition("?")[0]

    def __call__(self, **options: Any) -> Generator:
        """Fetch it into the cache, or find it there, and load it; options as in `load_generator`."""
        generator = load_generator(download(self.url, self.name, self.sha256), **options)
        generator.licence = self.licence
        return generator


def load_generator(
    source: str | Path,
    *,
    family: str | None = None,
    device: str = "cpu",
    noise: Noise = "const",
    precision: Precision = "float32",
    resolution: int | None = None,
    **more: Any,
) -> Generator:
    """Load a generator by whatever names it.

    Args:
        source: a named model (`interpgan-run --list models`), a checkpoint, or a folder of one.
        family: the backbone that the file belongs to; found out when left out.
        device: "cpu", "cuda".
        noise: const: the file's own buffers; none; random: drawn from each sample's seed.
        precision: of the synthesis network; pictures are float32 always.
        resolution: of the pictures, where the model offers a smaller one at lower cost; None = its own.
        more: options of the family.

    Returns:
        The generator, in eval mode with frozen weights.

    Raises:
        InterpganError: if nothing has that name, or no backbone, or more than one, knows the file, or an
            option or the device does not exist.
    """
    _check_device(device)
    registry = plugins()
    options = {"device": device, "noise": noise, "precision": precision, "resolution": resolution, **more}
    path = Path(source).expanduser()
    if str(source) in registry.models or not path.exists():
        named: Generator = registry.get("models", str(source)).load()(**options)
        return named
    if is_saved_generator(path):
        own: Generator = read_generator(path, family, **options)
        return own
    checkpoint = Checkpoint(path)
    backbone: Backbone = registry.get("backbones", family).load() if family else recognise(checkpoint)
    parameters = inspect.signature(backbone.load).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name in more:
        if name not in parameters and not takes_any:
            raise InterpganError(f"{path} has no option '{name}'" + did_you_mean(name, list(parameters)[1:]))
    return backbone.load(checkpoint, **options)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        said = str(error).splitlines()[0]
        raise InterpganError(
            f"nothing can be loaded onto device '{device}': {said}; use device: cpu"
        ) from error


def recognise(checkpoint: Checkpoint) -> Backbone:
    """The backbone that knows a file.

    Args:
        checkpoint: the file, opened.

    Returns:
        The one backbone, of all that are installed, that says the file is its own.

    Raises:
        InterpganError: if none does, or more than one; the message says what the file looks like.
    """
    asked: dict[str, Backbone] = {}
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


def check_option(model: str, option: str, value: object, known: tuple[object, ...]) -> None:
    """Refuse a value that an option of a model does not have.

    Args:
        model: its name, for the message.
        option: such as "resolution".
        value: what was asked for.
        known: what there is.

    Raises:
        InterpganError: naming the values that there are.
    """
    if value not in known:
        hint = did_you_mean(str(value), [str(k) for k in known])
        raise InterpganError(f"{model} has no {option} {value}{hint}")
