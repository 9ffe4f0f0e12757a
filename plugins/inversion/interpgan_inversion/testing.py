"""For tests: small files of published encoders, in the layout of their authors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from interpgan_core import seeded_normal
from interpgan_inversion.published.idinvert import InDomainEncoder
from interpgan_inversion.published.network import Plan, StyleEncoder

WIDTH = 8  # channels everywhere
NARROW = 2  # of the squeeze


def plan(codes: int, size: int, kind: str = "e4e", inputs: int = 3, body: str = "IR-SE50") -> Plan:
    """A small network.

    Args:
        codes: how many it gives; 1 = into W.
        size: numbers of a code.
        kind: "e4e", "psp"; "backbone" and "progressive" read all codes from one map, as ReStyle; "flat": all codes at
            once.
        inputs: channels of the pictures.
        body: "IR-SE50" or "ResNet-34".
    """
    units = 24 if body == "IR-SE50" else 16
    pyramid = kind in ("e4e", "psp") and codes > 1
    heads = tuple(6 if i >= 7 and pyramid else 5 if i >= 3 and pyramid else 4 for i in range(codes))
    return Plan(
        body,
        inputs,
        (WIDTH,) * (units + 1) if codes > 1 else (*(WIDTH,) * units, size),
        (NARROW,) * units if body == "IR-SE50" else (),
        codes,
        size,
        heads if codes > 1 and kind != "flat" else (),
        pyramid,
        size if kind == "flat" else 0,
        kind in ("e4e", "progressive") and codes > 1,
    )


def style_encoder(made_of: Plan, seed: int = 0) -> dict[str, Tensor]:
    """The state dict of a network of pSp, e4e or ReStyle, with the counters that its authors' has."""
    return {name: t.clone() for name, t in _style_encoder(made_of, seed).items()}


def idinvert(codes: int = 6, size: int = 10, seed: int = 0) -> dict[str, Tensor]:
    """The state dict of IDInvert's encoder for a generator of so many codes."""
    blocks = codes // 2  # and one more
    return _filled(InDomainEncoder([WIDTH, *(2 * WIDTH,) * (blocks - 1)], codes, size), seed)


def published(
    encoder: Mapping[str, Tensor],
    decoder: Mapping[str, Tensor] | None = None,
    mean: Tensor | None = None,
    **options: Any,
) -> dict[str, Any]:
    """A file as e4e, pSp and ReStyle write it.

    Args:
        encoder: its state dict.
        decoder: that of a generator in rosinality's layout; None = the file has none.
        mean: (size,), (1, size) or (codes, size); None = the file has none.
        options: of the training, such as encoder_type.
    """
    state = {f"encoder.{name}": t for name, t in encoder.items()}
    state |= {f"decoder.{name}": t for name, t in (decoder or {}).items() if name != "latent_avg"}
    content: dict[str, Any] = {"state_dict": state, "opts": options}
    return content if mean is None else {**content, "latent_avg": mean}


@cache
def _style_encoder(made_of: Plan, seed: int) -> dict[str, Tensor]:
    return _filled(StyleEncoder(made_of), seed)


def _filled(network: torch.nn.Module, seed: int) -> dict[str, Tensor]:
    """Normal numbers, of about the size that they have in a trained network."""
    state: dict[str, Tensor] = {}
    for i, (name, t) in enumerate(network.state_dict().items()):
        values = seeded_normal([seed], tuple(t.shape), stream=i)[0]
        if name.endswith("running_var"):
            state[name] = 0.5 + 0.5 * values.abs()
            state[name.replace("running_var", "num_batches_tracked")] = torch.tensor(7)
        elif t.ndim > 1:
            state[name] = values * (t.numel() / t.shape[0]) ** -0.5
        else:
            state[name] = 0.1 * values + float(name.endswith(".weight"))
    return state
