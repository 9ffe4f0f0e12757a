"""Generators in interpgan's own format: one .safetensors of weights, with the settings of the network in its header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError
from interpgan_core.files.checkpoints import read_safetensors, write_safetensors
from interpgan_core.files.paths import start_of
from interpgan_core.generators.options import options_for_saved
from interpgan_core.plugins import plugins

if TYPE_CHECKING:
    from torch import Tensor

KIND = "generator"
ATTACHED = "attached"
"""Prefix of tensors that belong to a generator, and not to its networks."""
_HEADER = {
    "backbone": str,
    "settings": dict,
    "licence": str,
    "notes": dict,
    "rectified": list,
    "concepts": dict,
}


@dataclass(frozen=True, eq=False)
class SavedGenerator:
    """Everything that a generator is made of.

    Args:
        backbone: name of the backbone that can make it again, such as "stylegan.v2".
        settings: what the weights do not say; JSON values.
        tensors: name -> weights, of the discriminator too where there is one.
        licence: terms of use of the weights.
        notes: where they come from: data, parent, training; JSON values.
        rectified: layers behind which a ReLU was put.
        concepts: name -> (layer, units), where there are any.

    Example:
        >>> import torch
        >>> from interpgan_core.plugin import SavedGenerator, state_of
        >>> saved = SavedGenerator("pggan", {"classes": 0}, state_of(generator=torch.nn.Linear(1, 1)))
        >>> list(saved.part("generator"))
        ['weight', 'bias']
    """

    backbone: str
    settings: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    licence: str = ""
    notes: Mapping[str, Any] = field(default_factory=dict)
    rectified: Sequence[str] = ()
    concepts: Mapping[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Some of the tensors.

        Args:
            prefix: such as "generator"; a dot follows it in their names.

        Returns:
            Tensors by the rest of their names.
        """
        start = f"{prefix}."
        return {name.removeprefix(start): t for name, t in self.tensors.items() if name.startswith(start)}


def state_of(**modules: Any) -> dict[str, Tensor]:
    """The state dicts of several modules as one.

    Args:
        modules: by the prefix that their tensors get, such as "generator"; None is left out.

    Returns:
        "prefix.name" -> tensor.
    """
    return {
        f"{prefix}.{name}": tensor
        for prefix, module in modules.items()
        if module is not None
        for name, tensor in module.state_dict().items()
    }


def renamed(settings: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Settings with the names of today, where an earlier version wrote others.

    Args:
        settings: as a file has them.
        names: old name -> the name of today.

    Returns:
        The settings; those of other names as they are.
    """
    return {names.get(name, name): value for name, value in settings.items()}


def is_saved_generator(path: Path) -> bool:
    """Is it a file that `write_generator` wrote? A damaged one is none."""
    if path.is_dir() or start_of(path)[8:9] != b"{":
        return False
    with path.open("rb") as file:
        return f'"interpgan.{KIND}/'.encode() in file.read(200)


def write_generator(saved: SavedGenerator, path: Path) -> None:
    """Write a generator; equal content gives equal bytes.

    Raises:
        InterpganError: if the folder cannot be written to.
    """
    header: dict[str, Any] = {
        "backbone": saved.backbone,
        "settings": dict(saved.settings),
        "licence": saved.licence,
        "notes": dict(saved.notes),
    }
    # Only where there are any: older files have none, and equal content keeps its bytes.
    if saved.rectified:
        header["rectified"] = list(saved.rectified)
    if saved.concepts:
        header["concepts"] = {name: [layer, list(units)] for name, (layer, units) in saved.concepts.items()}
    write_safetensors(path, saved.tensors, KIND, header)


def open_generator(path: Path) -> SavedGenerator:
    """Read what `write_generator` wrote, with nothing built.

    Raises:
        InterpganError: if the file is missing, damaged or holds something else.
    """
    tensors, header = read_safetensors(path, KIND)
    header = {"rectified": [], "concepts": {}, **header}
    sound = {name: type(value) for name, value in header.items()} == _HEADER
    if not sound or not all(map(_is_concept, header["concepts"].values())):
        raise InterpganError(f"the header of {path} is damaged; make the file again")
    concepts = {name: (layer, tuple(units)) for name, (layer, units) in header.pop("concepts").items()}
    return SavedGenerator(tensors=tensors, concepts=concepts, **header)


def _is_concept(value: Any) -> bool:
    """Is it a layer's name, and a list of whole numbers?"""
    match value:
        case [str(), [*units]]:
            return all(type(unit) is int and unit >= 0 for unit in units)
    return False


def read_generator(path: Path, family: str | None = None, **options: Any) -> Any:
    """Make the generator that `write_generator` wrote.

    Args:
        path: the file.
        family: the backbone that it must be of; any when left out.
        options: those of `load_generator`, and the family's own. Of those that choose how a published file is
            read, a saved generator has made the choice: they may be at their defaults only.

    Raises:
        InterpganError: if the file cannot be read, is of another family, or the plugin of its family is not
            installed or of a version that cannot make it; or if an option does not apply.
    """
    saved = open_generator(path)
    if family not in (None, saved.backbone):
        raise InterpganError(f"{path} is a generator of {saved.backbone}, not of {family}; use: generator")
    try:
        backbone = plugins().get("backbones", saved.backbone).load()
    except InterpganError as error:
        raise InterpganError(f"{path} is a generator of {saved.backbone}: {error}") from error
    if not hasattr(backbone, "restore"):
        raise InterpganError(
            f"{path} needs a newer version of the plugin that brings {saved.backbone}; update it"
        )
    chosen = options_for_saved(backbone.options, options, path)
    try:
        generator = backbone.restore(saved, path, chosen)
    except InterpganError:
        raise
    except (LookupError, AttributeError, TypeError, ValueError) as error:
        raise InterpganError(
            f"{path} holds settings that {saved.backbone} does not know ({error}); update its plugin, or make "
            "the file again"
        ) from error
    generator.licence, generator.notes = saved.licence, saved.notes
    generator.attached = {name: tensor.to(generator.device) for name, tensor in saved.part(ATTACHED).items()}
    if saved.rectified:
        generator.rectify(saved.rectified)
    if saved.concepts:
        generator.concepts = saved.concepts
    return generator
