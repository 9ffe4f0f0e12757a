"""One door to every generator: a named model, a file, or a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from interpgan_core.checkpoints import read_weights
from interpgan_core.errors import InterpganError
from interpgan_core.generator import Generator
from interpgan_core.plugins import plugins

Noise = Literal["const", "none", "random"]
Precision = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class FileSummary:
    """What a file looks like, for a backbone to say whether it is its own.

    Args:
        path: the file or folder.
        keys: top-level names; of a folder, the names of its files.
        shapes: tensor name, parts joined by ".", -> shape.
    """

    path: Path
    keys: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]


class Backbone(Protocol):
    """A family of generators that knows its own files."""

    def recognises(self, summary: FileSummary) -> bool:
        """Is this file one of the family?"""

    def load(self, path: Path, **options: Any) -> Generator:
        """Build the generator; options as in `load_generator`."""


def load_generator(
    source: str | Path,
    *,
    device: str = "cpu",
    noise: Noise = "const",
    precision: Precision = "float32",
    resolution: int | None = None,
) -> Generator:
    """Load a generator by whatever names it.

    Args:
        source: a named model (`interpgan-run --list models`), a checkpoint, or a folder of one.
        device: "cpu", "cuda".
        noise: const: the file's own buffers; none; random: drawn from each sample's seed.
        precision: of the synthesis network; pictures are float32 always.
        resolution: of the pictures, where the model offers a smaller one at lower cost; None = its own.

    Returns:
        The generator, in eval mode with frozen weights.

    Raises:
        InterpganError: if nothing has that name, or no backbone, or more than one, knows the file.
    """
    registry = plugins()
    options = {"device": device, "noise": noise, "precision": precision, "resolution": resolution}
    path = Path(source).expanduser()
    if str(source) in registry.models or not path.exists():
        generator: Generator = registry.get("models", str(source)).load()(**options)
        return generator
    summary = summarise(path)
    asked = {name: provided.load() for name, provided in registry.backbones.items()}
    mine = [name for name, backbone in asked.items() if backbone.recognises(summary)]
    if len(mine) != 1:
        looks = ", ".join(summary.keys[:6]) or "nothing"
        who = f"{' and '.join(mine)} both know" if mine else "none knows"
        raise InterpganError(
            f"{path} holds {looks} ({len(summary.shapes)} tensors); of the backbones asked "
            f"({', '.join(asked) or 'none is installed'}) {who} it; "
            + ("name the family as the step" if mine else "install the plugin of its family")
        )
    generator = asked[mine[0]].load(path, **options)
    return generator


def summarise(path: Path) -> FileSummary:
    """Look at a file without building anything of it.

    Raises:
        InterpganError: if it is not a file of weights.
    """
    if path.is_dir():
        return FileSummary(path, tuple(sorted(p.name for p in path.iterdir())), {})
    content = read_weights(path)
    shapes: dict[str, tuple[int, ...]] = {}

    def walk(value: Any, name: str) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(inner, f"{name}.{key}" if name else str(key))
        elif hasattr(value, "shape"):
            shapes[name] = tuple(value.shape)

    walk(content, "")
    keys = tuple(map(str, content)) if isinstance(content, Mapping) else ()
    return FileSummary(path, keys, shapes)
