"""What a file of StyleGAN 2 holds, from names, shapes and, in NVIDIA's pickles, the settings of its networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor

from interpgan_core import InterpganError
from interpgan_core.plugin import Checkpoint, StoredNetwork
from interpgan_stylegan.v2.architecture import DiscriminatorPlan, Plan
from interpgan_stylegan.v2.conversion import (
    DISCRIMINATOR_MARKS,
    GENERATOR_MARKS,
    MMGENERATION_MARK,
    Layout,
    from_mmgeneration,
    layout_of,
    to_nvidia,
)

# NVIDIA's training always clamps there; a state dict alone does not say.
CLAMP = 256.0
# Settings of NVIDIA's constructors that no shape shows, and what they are in every published network.
FIXED = {"activation": "lrelu", "resample_filter": [1, 3, 3, 1], "kernel_size": 3, "lr_multiplier": 0.01}

State = Mapping[str, Tensor]
Settings = Mapping[str, Any] | None


@dataclass(frozen=True)
class Networks:
    """What a file holds, in NVIDIA's names.

    Args:
        layout: of the file.
        plan: of the generator.
        generator: its state dict, without filters and the mean of w.
        mean: (w,) of w, or None.
        discriminator_plan: plan of the discriminator, or None.
        discriminator: its state dict, or empty.
        settled: does the file say whether activations are clamped?
    """

    layout: Layout
    plan: Plan
    generator: dict[str, Tensor]
    mean: Tensor | None
    discriminator_plan: DiscriminatorPlan | None
    discriminator: dict[str, Tensor]
    settled: bool


def find(checkpoint: Checkpoint) -> StoredNetwork | None:
    """The generator of StyleGAN 2 in a file, in the layout that it has there; None where there is none."""
    network = checkpoint.network(*([mark] for mark in (*GENERATOR_MARKS.values(), MMGENERATION_MARK)))
    if network is not None and MMGENERATION_MARK in network.tensors:
        return replace(network, tensors=from_mmgeneration(network.tensors))
    if network is not None and "input.input" in network.tensors:
        return network if network.tensors.get("conv1.conv.weight", torch.empty(0)).ndim == 5 else None
    return network


def read(checkpoint: Checkpoint) -> Networks:
    """Both networks of a file.

    Raises:
        InterpganError: if tensors that say what the networks are are missing, or they are of a variant that
            is not known here.
    """
    found = find(checkpoint)
    if found is None:
        raise InterpganError(f"{checkpoint.path} holds no generator of StyleGAN 2")
    state, settings = dict(found.tensors), found.settings
    try:
        layout, _ = layout_of(state)
        if layout == "rosinality" and (mean := (found.beside or {}).get("latent_avg")) is not None:
            state["latent_avg"] = mean
        generator = to_nvidia(state, stored=True)
        plan = _plan(generator, layout, settings)
        mean = _mean(generator.pop("mapping.w_avg", None), plan.w)
        if layout == "rosinality" and not any(name.endswith("noise_const") for name in generator):
            generator |= _silence(plan)
    except (InterpganError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise InterpganError(f"{checkpoint.path} is damaged, or of an unknown variant: {error}") from error
    discriminator_plan, discriminator = read_discriminator(checkpoint, layout)
    settled = layout != "nvidia" or settings is not None
    return Networks(layout, plan, generator, mean, discriminator_plan, discriminator, settled)


def _mean(mean: Tensor | None, w: int) -> Tensor | None:
    """The mean of w, (w,), from (w,), (1, w) or (l, w): encoders keep it once a layer.

    Raises:
        InterpganError: if it has another shape.
    """
    if mean is None:
        return None
    if mean.ndim not in (1, 2) or mean.shape[-1] != w:
        raise InterpganError(f"the mean of w has shape {tuple(mean.shape)}, not ({w},)")
    return mean if mean.ndim == 1 else mean[0] if (mean == mean[0]).all() else mean.mean(0)


def read_discriminator(
    checkpoint: Checkpoint, layout: Layout
) -> tuple[DiscriminatorPlan | None, dict[str, Tensor]]:
    """The discriminator of a file, if it has one in a layout: its plan, and its state dict in NVIDIA's names.

    Raises:
        InterpganError: if tensors that say what it is are missing.
    """
    found = checkpoint.network([DISCRIMINATOR_MARKS[layout]])
    if found is None:
        return None, {}
    try:
        state = to_nvidia(found.tensors)
        return _discriminator_plan(state, layout, found.settings), state
    except (InterpganError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise InterpganError(
            f"the discriminator in {checkpoint.path} is damaged, or of an unknown variant: {error}"
        ) from error


def _plan(state: State, layout: Layout, settings: Settings) -> Plan:
    blocks = _numbered(state, [f"synthesis.b{4 * 2**i}.conv1.weight" for i in range(32)])
    smaller = [f"synthesis.b{4 * 2**i}" for i in range(blocks - 1)]
    architecture = "orig"
    if any(f"{block}.torgb.weight" in state for block in smaller):
        architecture = "skip"
    elif any(name.endswith(".skip.weight") for name in state):
        architecture = "resnet"
    mapping, classes, embedding = _mapping(state)
    _, height, width = _shape(state, "synthesis.b4.const", 3)
    return Plan(
        z=_shape(state, "mapping.fc0.weight", 2)[1] - embedding,
        w=mapping[-1],
        mapping=mapping,
        widths=tuple(_shape(state, f"synthesis.b{4 * 2**i}.conv1.weight", 4)[0] for i in range(blocks)),
        architecture=architecture,
        classes=classes,
        embedding=embedding,
        joint=layout == "genforce",
        shift=float(layout == "genforce"),
        equalised=layout != "nvidia",
        noise=any(name.endswith("noise_strength") for name in state),
        clamp=_clamp(settings) if layout == "nvidia" else None,
        base=(height, width),
        channels=_shape(state, f"synthesis.b{4 * 2 ** (blocks - 1)}.torgb.weight", 4)[0],
    )


def _discriminator_plan(state: State, layout: Layout, settings: Settings) -> DiscriminatorPlan:
    above = _numbered(state, [f"b{8 * 2**i}.conv0.weight" for i in range(32)], least=0)
    architecture = "orig"
    if above and "b4.fromrgb.weight" in state:
        architecture = "skip"
    elif any(name.endswith(".skip.weight") for name in state):
        architecture = "resnet"
    hidden, features = _shape(state, "b4.fc.weight", 2)
    outputs, _ = _shape(state, "b4.out.weight", 2)
    mapping: tuple[int, ...] = ()
    classes = embedding = 0
    if "mapping.embed.weight" in state:
        mapping, classes, embedding = _mapping(state)
    elif outputs > 1:  # genforce has a logit for each class
        classes = outputs
    width, group = _shape(state, "b4.conv.weight", 4)[0], int(_flat(settings).get("mbstd_group_size", 4) or 0)
    statistics = _shape(state, "b4.conv.weight", 4)[1] - width
    if features % width:
        raise InterpganError(f"{features} features do not come of {width} channels")
    if statistics < 0 or width % max(statistics, 1) or group < 0:
        raise InterpganError(f"{width} channels have no {statistics} statistics over {group} samples")
    return DiscriminatorPlan(
        widths=(width, *(_shape(state, f"b{8 * 2**i}.conv0.weight", 4)[0] for i in range(above))),
        hidden=hidden,
        architecture=architecture,
        outputs=outputs,
        mapping=mapping,
        classes=classes,
        embedding=embedding,
        statistics=statistics,
        group=group,
        clamp=_clamp(settings) if layout == "nvidia" else None,
        area=features // width,
        channels=_shape(state, f"b{4 * 2**above}.fromrgb.weight", 4)[1],
    )


def _mapping(state: State) -> tuple[tuple[int, ...], int, int]:
    """Outputs of the dense layers, classes, entries that a class becomes."""
    depth = _numbered(state, [f"mapping.fc{i}.weight" for i in range(64)])
    widths = tuple(_shape(state, f"mapping.fc{i}.weight", 2)[0] for i in range(depth))
    if "mapping.embed.weight" not in state:
        return widths, 0, 0
    embedding, classes = _shape(state, "mapping.embed.weight", 2)
    return widths, classes, embedding


def _numbered(state: State, names: list[str], least: int = 1) -> int:
    """How many of the names there are, from the first on."""
    return max(least, sum(1 for _ in takewhile(state.__contains__, names)))


def _shape(state: State, name: str, axes: int) -> tuple[int, ...]:
    """The shape of a tensor that must be there, with so many axes."""
    if name not in state:
        raise InterpganError(f"it lacks {name} (in NVIDIA's names)")
    if state[name].ndim != axes:
        raise InterpganError(f"{name} has shape {tuple(state[name].shape)}")
    return tuple(state[name].shape)


def _clamp(settings: Settings) -> float | None:
    """The bound of activations, of a network whose other settings are those of all.

    Raises:
        InterpganError: if another setting is not.
    """
    if settings is None:
        return CLAMP
    flat = _flat(settings)
    for name, known in FIXED.items():
        if flat.get(name) is not None and flat[name] != known:
            raise InterpganError(f"it was made with {name} = {flat[name]}; only {known} is known here")
    clamp = flat.get("conv_clamp")
    return None if clamp is None else float(clamp)


def _flat(settings: Settings) -> dict[str, Any]:
    """Settings of a network and of its parts, by name."""
    flat = dict(settings or {})
    for name, inside in list(flat.items()):
        if name.endswith("_kwargs") and isinstance(inside, Mapping):
            flat |= inside
    return flat


def _silence(plan: Plan) -> dict[str, Tensor]:
    """Noise maps of a file that was written before rosinality kept them."""
    blocks = range(len(plan.widths))
    names = [(f"synthesis.b{4 * 2**i}.{conv}", i) for i in blocks for conv in ("conv0", "conv1")]
    return {f"{name}.noise_const": torch.zeros(1, 1).expand(plan.size(i)) for name, i in names[1:]}
