"""What the names and shapes of a StyleGAN 3 file say about the network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from interpgan_core import InterpganError
from interpgan_stylegan.v3.network import LayerPlan, Plan
from interpgan_stylegan.v3.resampling import first_kept

# What a state dict does not show, as in all published networks; NVIDIA's pickles say it.
PUBLISHED = {
    "margin": 10, "first_cutoff": 2.0, "output_scale": 0.25, "conv_clamp": 256.0,
    "lrelu_upsampling": 2,  # rate of the activation over that of the layer's maps
}  # fmt: skip

Shapes = Mapping[str, tuple[int, ...]]


def read_plan(shapes: Shapes, settings: Mapping[str, Any] | None, path: Path) -> Plan:
    """The plan of a network.

    Args:
        shapes: of its tensors, by name.
        settings: keyword arguments of its constructor; None: the published ones.
        path: the file, for messages.

    Raises:
        InterpganError: if tensors that the plan rests on are missing or have no such shape.
    """
    if len(shapes.get("mapping.w_avg", ())) == 2:
        raise InterpganError(
            f"{path} is a StyleGAN-XL: it embeds classes by a network of its own, and has a mean of w for each; "
            "it is not supported"
        )
    if settings and settings.get("square") is False:
        raise InterpganError(f"{path} is a StyleGAN 3 of rectangular pictures, which is not supported")
    try:
        return _read(shapes, {**PUBLISHED, **(settings or {})})
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        raise InterpganError(
            f"{path} looks like StyleGAN 3, but is damaged or of an unknown variant: {error}"
        ) from error


def _read(shapes: Shapes, settings: Mapping[str, Any]) -> Plan:
    names = sorted({m[0] for k in shapes if (m := re.match(r"synthesis\.L\d+_\d+_\d+", k))}, key=_number)
    margin = int(settings["margin"])
    # Every filter has as many taps for each step of its rate; the first layer's up filter tells how many.
    taps = shapes[f"{names[0]}.up_filter"][0] // int(settings["lrelu_upsampling"])
    channels, (w,) = shapes["synthesis.input.weight"][0], shapes["mapping.w_avg"]
    depth = sum(1 for _ in takewhile(lambda i: f"mapping.fc{i}.weight" in shapes, count()))
    classes = shapes["mapping.embed.weight"][1] if "mapping.embed.weight" in shapes else 0
    layers: list[LayerPlan] = []
    size = _number(names[0], 1)  # the input's maps are those of the first layer
    for name in names:
        outputs, inputs, kernel, _ = shapes[f"{name}.weight"]
        up, down = (shapes.get(f"{name}.{which}_filter", ()) for which in ("up", "down"))
        layers.append(
            LayerPlan(
                name=name.removeprefix("synthesis."),
                inputs=inputs,
                outputs=outputs,
                kernel=kernel,
                size_in=size,
                size=_number(name, 1),
                up=up[0] // taps if up else 1,
                down=down[0] // taps if down else 1,
                up_taps=up[0] if up else 0,
                down_taps=down[0] if down else 0,
                radial=len(down) == 2,
            )
        )
        size = layers[-1].size
        _check_sizes(layers[-1], last=name == names[-1])
    if _number(names[0], 1) <= 2 * margin:
        raise ValueError(f"maps of {names[0]} have no room for margins of {margin}")
    clamp = settings["conv_clamp"]
    return Plan(
        z=shapes["mapping.fc0.weight"][1] - (w if classes else 0),
        w=w,
        classes=classes,
        mapping=tuple(shapes[f"mapping.fc{i}.weight"][0] for i in range(depth)),
        channels=channels,
        layers=tuple(layers),
        margin=margin,
        cutoff=float(settings["first_cutoff"]),
        scale=float(settings["output_scale"]),
        clamp=None if clamp is None else float(clamp),
    )


def _check_sizes(layer: LayerPlan, last: bool) -> None:
    """Do the filters lead from the size before to the size after?"""
    taps, size = layer.up_taps, layer.size_in + layer.kernel - 1
    if last:
        fits = not taps and not layer.down_taps and layer.size == size
    else:
        side = (layer.size - 1) * layer.down + layer.down_taps
        reach = (size - 1) * layer.up + taps
        fits = (
            min(layer.up, layer.down, layer.down_taps) > 0
            and 0 <= first_kept(size, taps, layer.up, side) <= reach - side
        )
    if not fits:
        raise ValueError(
            f"the filters of {layer.name} do not lead from {layer.size_in} to {layer.size} pixels"
        )


def _number(name: str, position: int = 0) -> int:
    """0: the layer's number; 1: its size."""
    return int(name.removeprefix("synthesis.L").split("_")[position])
