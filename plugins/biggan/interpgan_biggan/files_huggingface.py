"""Layout of Hugging Face's BigGAN-deep: the architecture of a file, and its tensors in the network's own names."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from interpgan_biggan.files import build_network, new_name
from interpgan_biggan.network import Architecture, Block, Network
from interpgan_biggan.operators import Statistics
from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint, Shapes, StoredNetwork

WEIGHTS, CONFIG = "pytorch_model.bin", "config.json"
EPS = 1e-4  # of a file without its config.json

_NAMES = (
    (r"embeddings\.weight", "embedding"),
    (r"generator\.gen_z\.(.*)", r"stem.linear.\1"),
    (r"generator\.bn\.weight", "last.norm.gain"),
    (r"generator\.bn\.(.*)", r"last.norm.\1"),
    (r"generator\.conv_to_rgb\.(.*)", r"last.conv.\1"),
    (r"generator\.(layers\.\d+\..*)", r"\1"),
)
_INSIDE = (
    (r"bn_(\d)\.scale\.(.*)", r"steps.\1.norm.gain.\2"),
    (r"bn_(\d)\.offset\.(.*)", r"steps.\1.norm.bias.\2"),
    (r"bn_(\d)\.(.*)", r"steps.\1.norm.\2"),
    (r"conv_(\d)\.(.*)", r"steps.\1.conv.\2"),
    (r"snconv1x1_(theta|phi|g|o)(?:_conv)?\.(.*)", r"\1.\2"),
)
_ENDINGS = (
    (r"(.*)\.weight_orig", r"\1.weight"),
    (r"(.*)\.weight_([uv])", r"\1.\2"),
    (r"(.*)\.running_means", r"\1.means"),
    (r"(.*)\.running_vars", r"\1.variances"),
)


@dataclass(frozen=True)
class Settings:
    """The entries of a config.json that the weights do not show.

    Args:
        ups: does each block double the size?
        eps: of the batch norms.
    """

    ups: tuple[bool, ...]
    eps: float


def settings_of(path: Path) -> Settings | None:
    """The settings beside a file or in a folder of weights; None where there are none of a BigGAN.

    Raises:
        InterpganError: if there is a config.json that cannot be read.
    """
    file = (path if path.is_dir() else path.parent) / CONFIG
    if not file.is_file():
        return None
    try:
        config = json.loads(file.read_text("utf-8"))
        if not isinstance(config, dict) or not config.keys() >= {"layers", "attention_layer_position", "eps"}:
            return None
        return Settings(tuple(bool(up) for up, _, _ in config["layers"]), float(config["eps"]))
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise InterpganError(f"{file} is damaged ({error}); download it again") from error


def is_folder(path: Path) -> bool:
    """Is it a folder of a BigGAN-deep's weights and settings?"""
    return (path / WEIGHTS).is_file() and settings_of(path) is not None


def find(file: Checkpoint) -> StoredNetwork | None:
    """The generator in a file, if there is one."""
    return file.network(("embeddings.weight", "generator.gen_z.weight_orig"))


def architecture_of(shapes: Shapes, settings: Settings | None, bn_eps: float | None = None) -> Architecture:
    """The architecture of a network, from the names and shapes of its file and its settings.

    Args:
        shapes: of the file's tensors.
        settings: None: every other block doubles the size, as in all published networks.
        bn_eps: of the batch norms; None: as the settings say.

    Raises:
        InterpganError: if shapes and settings contradict each other, or settings are needed and missing.
    """
    places = _places(shapes)
    widths = [
        (
            shapes.of(f"generator.layers.{i}.conv_0.weight_orig", 4)[1],
            shapes.of(f"generator.layers.{i}.conv_3.weight_orig", 4)[0],
        )
        for i, place in places.items()
        if place.startswith("blocks")
    ]
    ups = tuple(k % 2 == 1 for k in range(len(widths))) if settings is None else settings.ups
    if len(ups) != len(widths):
        shapes.fail(f"has {len(widths)} blocks, and the {CONFIG} beside it {len(ups)}")
    if settings is None and any(i != o and not up for (i, o), up in zip(widths, ups, strict=True)):
        shapes.fail(
            f"does not say which of its {len(widths)} blocks double the size; put its {CONFIG} beside it"
        )
    embedding, classes = shapes.of("embeddings.weight", 2)
    z = shapes.of("generator.gen_z.weight_orig", 2)[1] - embedding
    if z < 1:
        shapes.fail(f"has a class embedding of {embedding} numbers, which leaves none for z")
    eps = bn_eps or (EPS if settings is None else settings.eps)
    return Architecture(
        deep=True,
        blocks=tuple(Block(i, o, up) for (i, o), up in zip(widths, ups, strict=True)),
        attention=tuple(int(p.partition(".")[2]) for p in places.values() if p.startswith("attention")),
        z=z,
        chunked=False,
        classes=classes,
        embedding=embedding,
        stem="zy",
        told="zy",
        channels_last=True,
        vectors="uv",
        rgb=shapes.of("generator.conv_to_rgb.weight_orig", 4)[0],
        shares=(1.0,),
        eps=eps,
        last_eps=eps,
    )


def _places(shapes: Shapes) -> dict[int, str]:
    """Number in the file's list of layers, which has attention among the blocks -> name in the network."""
    places, blocks = {}, 0
    for i in range(shapes.count(r"generator\.layers\.(\d+)\.(?:gamma|conv_0\.weight_orig)")):
        if blocks and f"generator.layers.{i}.gamma" in shapes:
            places[i] = f"attention.{blocks - 1}"
        else:
            places[i] = f"blocks.{blocks}"
            blocks += 1
    return places


def rows_for(truncation: float, count: int, mode: Statistics) -> dict[int, float]:
    """The rows of a batch norm's statistics that are blended for a truncation.

    Args:
        truncation: of z, in (0, 1].
        count: rows in the file; row i belongs to truncation i / (count - 1).
        mode: exact: as the original code reads them. It swaps the weights of the two rows next to a truncation,
            and rounding moves some truncations that have a row of their own (0.14, 0.28, 0.56, 0.58, 0.94 of 51
            rows) to a neighbour's. corrected: linear interpolation.

    Returns:
        Row -> weight, of one row or two neighbours; weights sum to 1.
    """
    place = min(truncation / (1 / (count - 1)), count - 1)  # of 50 rows, rounding puts 1 beyond the last
    if mode == "corrected" and abs(place - round(place)) < 1e-9:
        place = round(place)
    part, whole = math.modf(place)
    first = int(whole)
    if part == 0:
        return {first: 1.0}
    return {first: part, first + 1: 1 - part} if mode == "exact" else {first: 1 - part, first + 1: part}


def _tensors(state: Mapping[str, Tensor], shapes: Shapes, rows: Iterable[int]) -> dict[str, Tensor]:
    """A file's tensors in the network's own names, with the rows of statistics that are used."""
    places = _places(shapes)
    found = {}
    for name, tensor in state.items():
        new = new_name(new_name(name, _NAMES), _ENDINGS)
        if match := re.fullmatch(r"layers\.(\d+)\.(.*)", new):
            new = f"{places.get(int(match[1]), match[0])}.{new_name(match[2], _INSIDE)}"
        if new == "embedding":
            tensor = tensor.t()
        elif new.endswith(".gamma"):
            tensor = tensor.reshape(())
        elif new.endswith((".means", ".variances")):
            tensor = tensor[list(rows)]
        found[new] = tensor
    return found


def read(
    file: Path, found: StoredNetwork, bn_eps: float | None, truncation: float, statistics: Statistics
) -> Network:
    """The generator of a file, with the statistics of one truncation.

    Args:
        file: the weights; its config.json may be beside it.
        found: in it, by `find`.
        bn_eps: see `architecture_of`.
        truncation: see `rows_for`.
        statistics: see `rows_for`.

    Raises:
        InterpganError: if it is damaged, or of a variant that is not known.
    """
    shapes = Shapes(found.tensors, file, "BigGAN")
    count = shapes.of("generator.bn.running_means", 2)[0]
    if count < 2:
        shapes.fail(f"has {count} row of statistics")
    rows = rows_for(truncation, count, statistics)
    architecture = architecture_of(shapes, settings_of(file), bn_eps)
    architecture = replace(architecture, shares=tuple(rows.values()))
    return build_network(lambda: Network(architecture), _tensors(found.tensors, shapes, rows), file)
