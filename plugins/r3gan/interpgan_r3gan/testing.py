"""For tests: small checkpoints of R3GAN, pickled as its training pickles them."""

from __future__ import annotations

import pickle
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from interpgan_core import seeded_normal

Z, EMBEDDED = 12, 6
# Path of a module in the network -> the class that the training gives it.
_CLASSES = (
    (r"", "training.networks.{whole}"),
    (r"Model", "R3GAN.Networks.{whole}"),
    (r"Model\.MainLayers", "torch.nn.modules.container.ModuleList"),
    (r"Model\.MainLayers\.\d+", "R3GAN.Networks.{whole}Stage"),
    (r"Model\.MainLayers\.\d+\.Layers", "torch.nn.modules.container.ModuleList"),
    (r".*\.NonLinearity[12]", "R3GAN.FusedOperators.BiasedActivationCUDA"),
    (r".*\.Resampler", "R3GAN.Resamplers.InterpolativeUpsamplerCUDA"),
    (r".*\.(Layer|Basis|LinearLayer|EmbeddingLayer)", "torch.nn.modules.conv.Conv2d"),
    (r".*Layers\.\d+", "R3GAN.Networks.ResidualBlock"),
    (r".*", "R3GAN.Networks.Convolution"),
)


def generator(
    classes: int = 0, widths: Sequence[int] = (16, 16, 8), channels: int = 3, z: int = Z
) -> dict[str, Tensor]:
    """The state dict of a generator.

    Args:
        classes: 0 = unconditional.
        widths: of the stages, from 4 pixels on.
        channels: of the pictures.
        z: entries of z.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for i, width in enumerate(widths):
        place = f"Model.MainLayers.{i}.Layers"
        if i:
            shapes |= _resampled(f"{place}.0", widths[i - 1], width)
        else:
            inputs = z + (EMBEDDED if classes else 0)
            shapes |= {f"{place}.0.Basis": (width, 4, 4), f"{place}.0.LinearLayer.weight": (width, inputs)}
        for k in (1, 2):
            shapes |= _block(f"{place}.{k}", width)
    shapes["Model.AggregationLayer.Layer.weight"] = (channels, widths[-1], 1, 1)
    if classes:
        shapes["Model.EmbeddingLayer.weight"] = (EMBEDDED, classes)
    return _filled(shapes, 0)


def discriminator(
    classes: int = 0, widths: Sequence[int] = (8, 16, 16), channels: int = 3
) -> dict[str, Tensor]:
    """The state dict of a discriminator; widths from the pictures' size down."""
    shapes: dict[str, tuple[int, ...]] = {"Model.ExtractionLayer.Layer.weight": (widths[0], channels, 1, 1)}
    outputs = EMBEDDED if classes else 1
    for i, width in enumerate(widths):
        place = f"Model.MainLayers.{i}.Layers"
        for k in (0, 1):
            shapes |= _block(f"{place}.{k}", width)
        if i + 1 < len(widths):
            shapes |= _resampled(f"{place}.2", width, widths[i + 1])
        else:
            shapes[f"{place}.2.Basis.weight"] = (width, 1, 4, 4)
            shapes[f"{place}.2.LinearLayer.weight"] = (outputs, width)
    if classes:
        shapes["Model.EmbeddingLayer.weight"] = (EMBEDDED, classes)
    return _filled(shapes, 1000)


def kernel() -> Tensor:
    """Of every resampler: (4, 4), of sum 1."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return torch.outer(line, line) / 64


def write_pickle(
    path: Path, networks: Mapping[str, Mapping[str, Tensor]], root: str = "R3GAN", **more: Any
) -> Path:
    """Write what the training writes: whole networks, of classes that the reader does not have.

    Args:
        path: the file.
        networks: "G", "D", "G_ema" -> state dict.
        root: the package of the classes; "BaselineGAN" in older files.
        more: further entries of the dict.

    Returns:
        The path.
    """
    made: dict[str, type] = {}
    trees = {name: _tree(state, "D" if name == "D" else "G", root, made) for name, state in networks.items()}
    told = {"training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset"}, "cur_nimg": 1000}
    before = dict(sys.modules)
    try:  # pickle looks classes up by their names
        for full, kind in made.items():
            module, _, name = full.rpartition(".")
            for name_of_one in (module.partition(".")[0], module):
                sys.modules.setdefault(name_of_one, ModuleType(name_of_one))
            setattr(sys.modules[module], name, kind)
        path.write_bytes(pickle.dumps({**trees, **told, **more}))
    finally:
        for module in set(sys.modules) - set(before):
            del sys.modules[module]
    return path


def _tree(state: Mapping[str, Tensor], net: str, root: str, made: dict[str, type]) -> nn.Module:
    """Modules in modules, as the names of the tensors say, of classes of the training's names."""
    whole = {"G": "Generator", "D": "Discriminator"}[net]
    modules: dict[str, nn.Module] = {}

    def module(place: str) -> nn.Module:
        if place not in modules:
            full = next(name for pattern, name in _CLASSES if re.fullmatch(pattern, place)).format(
                whole=whole
            )
            modules[place] = _of_class(full.replace("R3GAN.", f"{root}."), made)
            if place:
                parent, _, name = place.rpartition(".")
                module(parent).add_module(name, modules[place])
            if re.fullmatch(r"Model\.MainLayers\.\d+", place):
                modules[place].__dict__["DataType"] = torch.bfloat16
        return modules[place]

    for name, tensor in state.items():
        place, _, last = name.rpartition(".")
        if last == "Kernel":
            module(place).register_buffer(last, tensor)
        else:
            module(place).register_parameter(last, nn.Parameter(tensor, requires_grad=False))
    whole_network = module("")
    whole_network.__dict__.update(z_dim=Z, c_dim=0, img_resolution=16)
    return whole_network


def _of_class(full: str, made: dict[str, type]) -> nn.Module:
    """An empty module of a class of this name; torch's own are the real ones."""
    package, _, name = full.rpartition(".")
    if package == "torch.nn.modules.container":
        return nn.ModuleList()
    if package == "torch.nn.modules.conv":
        empty = nn.Conv2d(1, 1, 1, bias=False)
        del empty.weight
        return empty
    if full not in made:
        made[full] = type(name, (nn.Module,), {"__module__": package})
    module: nn.Module = made[full]()
    return module


def _block(place: str, width: int, each: int = 4) -> dict[str, tuple[int, ...]]:
    wide = 2 * width
    return {
        f"{place}.LinearLayer1.Layer.weight": (wide, width, 1, 1),
        f"{place}.LinearLayer2.Layer.weight": (wide, each, 3, 3),
        f"{place}.LinearLayer3.Layer.weight": (width, wide, 1, 1),
        f"{place}.NonLinearity1.Bias": (wide,),
        f"{place}.NonLinearity2.Bias": (wide,),
    }


def _resampled(place: str, before: int, after: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {f"{place}.Resampler.Kernel": (4, 4)}
    return (
        shapes if before == after else shapes | {f"{place}.LinearLayer.Layer.weight": (after, before, 1, 1)}
    )


def _filled(shapes: Mapping[str, tuple[int, ...]], first: int) -> dict[str, Tensor]:
    state = {}
    for i, (name, shape) in enumerate(shapes.items(), first):
        drawn = seeded_normal([i], shape)[0]
        fan = 1 if name.endswith(("Basis", "EmbeddingLayer.weight")) else drawn[0].numel()
        scale = 0.2 if name.endswith("Bias") else 1.2 / fan**0.5
        state[name] = kernel() if name.endswith("Kernel") else drawn * scale
    return state
