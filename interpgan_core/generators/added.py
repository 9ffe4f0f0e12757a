"""Layers that are put behind those of a generator: what they are, and their small files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interpgan_core.errors import InterpganError
from interpgan_core.files.checkpoints import read_safetensors, write_safetensors
from interpgan_core.files.paths import start_of
from interpgan_core.generators.networks import fingerprint
from interpgan_core.plugins import plugins

if TYPE_CHECKING:
    from torch import nn

KIND = "added layer"
FILE = "layer.safetensors"


@dataclass(frozen=True, eq=False)
class AddedLayer:
    """A layer that is put behind one of a generator's own.

    Args:
        name: of the layer, such as "convs.6.filters".
        behind: the layer whose maps it takes.
        module: frozen; takes the maps (n, c, h, w) of `behind` and gives those that go on, which are the same bytes
            unless a hook changes what its part `maps` gives.
        maker: the step that makes such layers; its class has `module_of(settings, tensors)`, which makes the module
            again.
        settings: of the module, what its tensors do not say; JSON values.

    Example:
        >>> import torch
        >>> from interpgan_core import AddedLayer
        >>> from interpgan_core.testing import toy
        >>> class Bright(torch.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.maps = torch.nn.Identity()
        ...     def forward(self, x):
        ...         bright = x.clamp(min=0)
        ...         changed = self.maps(bright)
        ...         return x if changed is bright else x + changed - bright
        >>> generator = toy().with_layer(AddedLayer("layers.1.bright", "layers.1", Bright(), "example.brighten"))
        >>> list(generator.layers)[:3]
        ['layers.0', 'layers.1.bright', 'layers.1']
    """

    name: str
    behind: str
    module: nn.Module
    maker: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def maps(self) -> nn.Module:
        """The part whose output is the layer's maps."""
        return self.module.get_submodule("maps")

    def fingerprint_on(self, generator: str) -> str:
        """The fingerprint of a generator with this layer: of that without it, and of the layer."""
        return fingerprint(self.module, generator, self.name, self.behind)

    def to(self, device: Any) -> AddedLayer:
        """The same layer with its module on another device."""
        return replace(self, module=self.module.to(device))


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """What `read_layer` reads.

    Args:
        layer: on the CPU.
        parent: the fingerprint of the generator that it was made for.
        own: the fingerprint of that generator with the layer.
        concepts: name -> (layer, units).
        notes: of the generator with the layer.
        path: of the file, for messages.
    """

    layer: AddedLayer
    parent: str
    own: str
    concepts: Mapping[str, tuple[str, tuple[int, ...]]]
    notes: Mapping[str, Any]
    path: Path

    def require(self, generator: str) -> None:
        """Check that it was made for a generator, or is its own.

        Args:
            generator: the fingerprint.

        Raises:
            InterpganError: if it was made for another one.
        """
        if generator not in (self.parent, self.own):
            raise InterpganError(
                f"{self.path} holds a layer for the generator {self.parent}, and this one is {generator}; load that one"
            )


def write_layer(
    folder: Path,
    layer: AddedLayer,
    own: str,
    concepts: Mapping[str, tuple[str, tuple[int, ...]]],
    notes: Mapping[str, Any],
) -> None:
    """Write `layer.safetensors`; see `StoredLayer`. Its parent is the first of the notes' "codes of"."""
    header = {
        "layer": layer.name,
        "behind": layer.behind,
        "maker": layer.maker,
        "settings": dict(layer.settings),
        "parent": notes["codes of"][0],
        "own": own,
        "concepts": {name: [at, list(units)] for name, (at, units) in concepts.items()},
        "notes": dict(notes),
    }
    write_safetensors(folder / FILE, layer.module.state_dict(), KIND, header)


def holds_layer(path: Path) -> bool:
    """Is it a file that `write_layer` wrote, or a folder with one?"""
    path = path / FILE if path.is_dir() else path
    if not path.is_file() or start_of(path)[8:9] != b"{":
        return False
    with path.open("rb") as file:
        return f'"interpgan.{KIND}/'.encode() in file.read(200)


def read_layer(path: Path) -> StoredLayer:
    """Read what `write_layer` wrote.

    Args:
        path: the file, or its folder.

    Raises:
        InterpganError: if it holds something else or is damaged, or the plugin of its step is not installed.
    """
    if not holds_layer(path):
        raise InterpganError(f"{path} holds no layer; give the {FILE} of the step that made one")
    path = path / FILE if path.is_dir() else path
    tensors, header = read_safetensors(path, KIND)
    try:
        maker = plugins().get("operators", header["maker"]).load()
    except InterpganError as error:
        raise InterpganError(f"{path} holds a layer of {header['maker']}: {error}") from error
    try:
        module = maker.module_of(header["settings"], tensors)
        layer = AddedLayer(header["layer"], header["behind"], module, header["maker"], header["settings"])
        concepts = {name: (at, tuple(units)) for name, (at, units) in header["concepts"].items()}
        return StoredLayer(layer, header["parent"], header["own"], concepts, header["notes"], path)
    except (LookupError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise InterpganError(f"{path} is damaged ({error}); make the file again") from error
