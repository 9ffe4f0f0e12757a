"""Layout of ajbrock's BigGAN-PyTorch: the architecture of a file, and its tensors in the networks' own names."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from torch import Tensor

from interpgan_biggan.discriminator import Discriminator
from interpgan_biggan.files import build_network, new_name
from interpgan_biggan.network import Architecture, Block, Network
from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint, Shapes, StoredNetwork

# Of networks that were trained by that code, and of those converted from TensorFlow, which lack `sv0`.
_TRAINED = {"bn_eps": 1e-5, "sn_eps": 1e-6}
_CONVERTED = {"bn_eps": 1e-4, "sn_eps": 1e-4}
_LAST_EPS = 1e-5  # of the last batch norm, always

_NAMES = (
    (r"shared\.weight", "embedding"),
    (r"linear\.(.*)", r"stem.linear.\1"),
    (r"blocks\.(\d+)\.0\.conv_sc\.(.*)", r"blocks.\1.shortcut.\2"),
    *(
        (rf"blocks\.(\d+)\.0\.{theirs}{k + 1}\.(.*)", rf"blocks.\1.steps.{k}.{ours}.\2")
        for k in range(4)
        for theirs, ours in (("conv", "conv"), ("bn", "norm"))
    ),
    (r"blocks\.(\d+)\.1\.(.*)", r"attention.\1.\2"),
    (r"output_layer\.0\.(.*)", r"last.norm.\1"),
    (r"output_layer\.2\.(.*)", r"last.conv.\1"),
)
_ENDINGS = (
    (r"(.*\.norm)\.(?:bn\.)?stored_mean", r"\1.means"),
    (r"(.*\.norm)\.(?:bn\.)?stored_var", r"\1.variances"),
    (r"(.*)\.u0", r"\1.u"),
)
_UNUSED = r".*\.(sv0|accumulation_counter)"


def find(file: Checkpoint) -> StoredNetwork | None:
    """The generator in a file, if there is one."""
    return file.network(("linear.u0", "blocks.0.0.conv1.weight", "output_layer.2.weight"))


def find_discriminator(file: Checkpoint) -> StoredNetwork | None:
    """The discriminator in a file, if there is one."""
    return file.network(("embed.weight", "linear.weight", "blocks.0.0.conv1.weight"))


def architecture_of(shapes: Shapes, bn_eps: float | None = None) -> Architecture:
    """The architecture of a generator, from the names and shapes of its file.

    Args:
        shapes: of the file's tensors.
        bn_eps: of the conditional batch norms; None: as the program that wrote the file has it.

    Raises:
        InterpganError: if it is no network of that code, or of a variant that is not known.
    """
    deep = "blocks.0.0.conv4.weight" in shapes
    last = 4 if deep else 2
    count = shapes.count(r"blocks\.(\d+)\.0\.conv1\.weight")
    if deep and count % 2:
        shapes.fail(f"has {count} blocks of BigGAN-deep, which come in pairs")
    blocks = tuple(
        Block(
            inputs=shapes.of(f"blocks.{i}.0.conv1.weight", 4)[1],
            outputs=shapes.of(f"blocks.{i}.0.conv{last}.weight", 4)[0],
            up=not deep or i % 2 == 1,
        )
        for i in range(count)
    )
    stem = shapes.of("linear.weight", 2)[1]
    rows, columns = shapes.of("blocks.0.0.bn1.gain.weight", 2)
    if any("running_mean" in name for name in shapes):
        raise InterpganError(
            f"{shapes.path} was trained with cross_replica: outside training the original adds the gains of "
            "its batch norms where in training it multiplied by them, so its images are wrong; "
            "train with mybn, or without either"
        )
    spectral = "blocks.0.0.bn1.gain.u0" in shapes
    z, told, first, classes = stem, "y", "z", rows
    embedding: int | None = None
    if spectral:
        classes, embedding = shapes.of("shared.weight", 2)
        if columns == stem + embedding and not deep:
            told = "yz"
        elif columns == stem and stem > embedding and deep:
            told = first = "yz"
            z = stem - embedding
        elif columns != embedding:
            shapes.fail(
                f"has conditions of {columns} numbers for blocks and {stem} for the first layer, classes of {embedding}"
            )
    return Architecture(
        deep=deep,
        blocks=blocks,
        attention=tuple(i for i in range(count) if f"blocks.{i}.1.gamma" in shapes),
        z=z,
        chunked=told == "yz" and not deep,
        classes=classes,
        embedding=embedding,
        stem=first,
        told=told,
        channels_last=False,
        vectors="u",
        rgb=shapes.of("output_layer.2.weight", 4)[0],
        shares=(1.0,),
        eps=bn_eps or _epsilons(shapes)["bn_eps"],
        last_eps=_LAST_EPS,
    )


def base_of(shapes: Shapes, architecture: Architecture) -> tuple[int, int]:
    """Height and width of the first maps. A file says their area alone: one that is no square is twice as high as wide.

    Raises:
        InterpganError: if they are neither.
    """
    rows, width = shapes.of("linear.weight", 2)[0], architecture.blocks[0].inputs
    area = rows // width
    half = math.isqrt(area // 2)
    base = (math.isqrt(area),) * 2 if math.isqrt(area) ** 2 == area else (2 * half, half)
    if base[0] * base[1] * width != rows:
        shapes.fail(f"has a first layer of {rows} outputs for {width} channels")
    return base


def _epsilons(shapes: Mapping[str, object]) -> dict[str, float]:
    """The small constants that no file holds, of the program that wrote it."""
    return _TRAINED if "linear.sv0" in shapes else _CONVERTED


def _tensors(
    state: Mapping[str, Tensor], names: Iterable[tuple[str, str]] = (), by_class: bool = False
) -> dict[str, Tensor]:
    """Tensors in a network's own names.

    Args:
        state: the file's.
        names: of modules, see `new_name`.
        by_class: has the file a row for each class where the network has a column?
    """
    found = {}
    for name, tensor in state.items():
        if re.fullmatch(_UNUSED, name):
            continue
        new = new_name(new_name(name, names), _ENDINGS)
        if new.endswith((".means", ".variances")):
            counter = state.get(re.sub(r"stored_\w+$", "accumulation_counter", name))
            # Standing statistics are sums over so many batches.
            tensor = (tensor / counter if counter is not None and counter > 0 else tensor)[None]
        elif new.endswith(".u"):
            tensor = tensor.flatten()
        elif by_class and re.fullmatch(r".*\.norm\.(gain|bias)\.weight", new):
            tensor = tensor.t()
        found[new] = tensor
    return found


def read(file: Path, found: StoredNetwork, bn_eps: float | None, sn_eps: float | None) -> Network:
    """The generator of a file.

    Args:
        file: for messages.
        found: in it, by `find`.
        bn_eps: see `architecture_of`.
        sn_eps: of the spectral norms, likewise.

    Raises:
        InterpganError: if it is damaged, or of a variant that is not known.
    """
    shapes = Shapes(found.tensors, file, "BigGAN")
    architecture = architecture_of(shapes, bn_eps)
    tensors = _tensors(found.tensors, _NAMES, by_class=architecture.embedding is None)
    eps = sn_eps or _epsilons(shapes)["sn_eps"]
    base = base_of(shapes, architecture)
    return build_network(lambda: Network(architecture, base), tensors, file, eps)


def read_discriminator(file: Path, found: StoredNetwork, sn_eps: float | None) -> Discriminator:
    """The discriminator of a file.

    Args:
        file: for messages.
        found: in it, by `find_discriminator`.
        sn_eps: of the spectral norms.

    Raises:
        InterpganError: if it is damaged, or of a variant that is not known.
    """
    shapes = Shapes(found.tensors, file, "BigGAN")
    widths, count = [], shapes.count(r"blocks\.(\d+)\.0\.conv1\.weight")
    for i in range(count):
        between, inputs = shapes.of(f"blocks.{i}.0.conv1.weight", 4)[:2]
        widths.append((inputs, between, shapes.of(f"blocks.{i}.0.conv2.weight", 4)[0]))
    attention = [i for i in range(count) if f"blocks.{i}.1.gamma" in shapes]
    make = partial(Discriminator, widths, attention, shapes.of("embed.weight", 2)[0])
    return build_network(make, _tensors(found.tensors), file, sn_eps or _epsilons(shapes)["sn_eps"])


def in_folder(folder: Path) -> tuple[Path, Path | None] | None:
    """The generator's file in a folder, and its discriminator's where there is one; None without a generator.

    `G_ema.pth` is preferred to `G.pth`; a name with a suffix, such as `G_ema_best2.pth`, is taken where there is
    no other.

    Raises:
        InterpganError: if there are several with a suffix, and none without.
    """
    for start in ("G_ema", "G"):
        found = sorted(folder.glob(f"{start}.pth")) or sorted(folder.glob(f"{start}_*.pth"))
        if len(found) > 1:
            names = ", ".join(p.name for p in found)
            raise InterpganError(f"{folder} holds {names}; name one of them")
        if found:
            discriminator = folder / f"D{found[0].name.removeprefix(start)}"
            return found[0], discriminator if discriminator.exists() else None
    return None
