"""One door to every generator: a named model, a file, or a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interpgan_core.errors import InterpganError, remark
from interpgan_core.generators.added import holds_layer, read_layer
from interpgan_core.generators.generator import Generator
from interpgan_core.generators.options import Noise, Precision, options_for_file
from interpgan_core.generators.saving import is_saved_generator, read_generator
from interpgan_core.loading.backbones import load_backbone, recognise
from interpgan_core.loading.checkpoint import Checkpoint
from interpgan_core.plugins import plugins


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
        return _named(str(source), options)
    if is_saved_generator(path):
        own: Generator = read_generator(path, family, **options)
        return own
    if holds_layer(path):
        stored = read_layer(path)
        raise InterpganError(
            f"{path} holds a layer of {stored.layer.maker} for the generator {stored.parent}, and no generator; load "
            f"that one, and put the layer behind its {stored.layer.behind}"
        )
    from torch import nn

    checkpoint = Checkpoint(path)
    name, backbone = (family, load_backbone(family)) if family else recognise(checkpoint)
    chosen = options_for_file(backbone.options, options, path)
    with registry.get("backbones", name).blamed():
        generator = backbone.load(checkpoint, chosen)
    networks = (part for part in vars(generator).values() if isinstance(part, nn.Module))
    checkpoint.own(*networks)  # with the discriminator and the encoder, where there are any
    for network in checkpoint.taken:
        if network.choice and not network.is_average:  # where there is one, it is what everybody wants
            remark(f"{path.name}: {network.choice}")
    return generator


def _named(name: str, options: dict[str, Any]) -> Generator:
    """A named model; what is no function of these options is its plugin's mistake."""
    provided = plugins().get("models", name)
    model = provided.load()
    if not callable(model):
        raise provided.fault("is no model: it cannot be called")
    with provided.blamed():
        made = model(**options)
    if not isinstance(made, Generator):
        raise provided.fault(f"made no Generator, but {type(made).__name__}")
    return made


def _check_device(device: str) -> None:
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        said = str(error).splitlines()[0]
        raise InterpganError(
            f"nothing can be loaded onto device '{device}': {said}; use device: cpu"
        ) from error
