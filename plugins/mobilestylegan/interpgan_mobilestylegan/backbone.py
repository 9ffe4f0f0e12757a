"""The named model of this plugin, and the backbone that makes a saved one again."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from interpgan_core import InterpganError, did_you_mean, read_safetensors, seeded_normal, write_safetensors
from interpgan_core.plugin import (
    Checkpoint,
    Description,
    LoadOptions,
    Noise,
    Precision,
    SavedGenerator,
    check_resolution,
)
from interpgan_core.plugin import fingerprint as hash_of
from interpgan_mobilestylegan.download import WHEEL
from interpgan_mobilestylegan.files import read_network
from interpgan_mobilestylegan.generator import MobileStyleGAN
from interpgan_mobilestylegan.network import Mapping, network_of
from interpgan_mobilestylegan.openvino_ir import Graph

RESOLUTIONS = (1024, 512)
MEAN_CODES = 10_000


def ffhq(
    *,
    device: str = "cpu",
    noise: Noise = "const",
    precision: Precision = "float32",
    resolution: int | None = None,
) -> MobileStyleGAN:
    """MobileStyleGAN trained on FFHQ; its weights are fetched at the first use (38 MB).

    Args:
        device: "cpu", "cuda".
        noise: const: the file's own maps; none; random: drawn from each sample's seed.
        precision: of synthesis; pictures are float32 always.
        resolution: 1024, or 512: the mean of each 2 x 2 pixels, a quarter of the memory for the picture.

    Raises:
        InterpganError: if an option has no such value, or the weights cannot be fetched or read.
    """
    _choice("noise", noise, get_args(Noise))
    _choice("precision", precision, get_args(Precision))
    _choice("resolution", resolution or RESOLUTIONS[0], RESOLUTIONS)
    files = WHEEL.files()
    mapping, synthesis = (
        Graph(files[f"{name}.xml"], files[f"{name}.bin"], name)
        for name in ("MappingNetwork", "SynthesisNetwork")
    )
    network = read_network(mapping, synthesis, half=resolution == RESOLUTIONS[1])
    hashes = "".join(WHEEL.members[f"random_face/data/{graph.name}.bin"][1] for graph in (mapping, synthesis))
    fingerprint = hashlib.sha256(hashes.encode()).hexdigest()[:16]
    mean = w_mean(network.mapping, WHEEL.folder() / f"w-mean-{fingerprint}.safetensors")
    generator = MobileStyleGAN(network, fingerprint, mean, noise)
    network.cast(getattr(torch, precision))
    try:
        return generator.to(device)
    except (RuntimeError, AssertionError) as error:
        raise InterpganError(
            f"cannot load onto device '{device}': {str(error).splitlines()[0]}; use device: cpu"
        ) from error


class MobileStyleGANBackbone:
    """Generators that interpgan saved; the published files are no checkpoint, but two graphs in a package."""

    options = LoadOptions

    def recognises(self, checkpoint: Checkpoint) -> bool:
        """No published file is one of these."""
        return False

    def describe(self, checkpoint: Checkpoint) -> Description:
        """Never asked: no file is recognised."""
        raise InterpganError(f"{checkpoint.path} is no MobileStyleGAN that is known here")

    def load(self, checkpoint: Checkpoint, options: LoadOptions) -> MobileStyleGAN:
        """Refused, for the same reason."""
        raise InterpganError(
            f"{checkpoint.path} is no MobileStyleGAN that is known here; take weights: mobilestylegan.ffhq"
        )

    def restore(self, saved: SavedGenerator, path: Path, options: LoadOptions) -> MobileStyleGAN:
        """Build a saved generator."""
        _choice("noise", options.noise, get_args(Noise))
        _choice("precision", options.precision, get_args(Precision))
        tensors, settings = saved.part("generator"), saved.settings
        network = network_of({name: t.float() for name, t in tensors.items()}, settings["ups"])
        weights = hash_of(network)
        known = settings["fingerprint"] if weights == settings["weights"] else weights
        generator = MobileStyleGAN(network, known, saved.tensors["mean"], options.noise)
        size = network.conv_layers[-1].noise.shape[2] * network.picture.scale
        check_resolution(options.resolution, (size, size), path)
        network.cast(getattr(torch, options.precision))
        return generator.to(options.device)


backbone = MobileStyleGANBackbone()


def _choice(option: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        names = [str(k) for k in known]
        raise InterpganError(f"mobilestylegan.ffhq has no {option} {value}{did_you_mean(str(value), names)}")


def w_mean(mapping: Mapping, path: Path) -> Tensor:
    """The mean of w over seeds 0 to 9999, computed once and kept in a file.

    Args:
        mapping: z -> w.
        path: the file; one that is missing or damaged is made again.

    Returns:
        (d,) float32.
    """
    width = mapping.width
    with suppress(InterpganError):  # missing or damaged: made again
        mean = read_safetensors(path, "mean")[0].get("w", torch.empty(0))
        if mean.dtype == torch.float32 and mean.shape == (width,) and mean.isfinite().all():
            return mean
    total = torch.zeros(width, dtype=torch.float64)
    for start in range(0, MEAN_CODES, 1000):
        seeds = range(start, min(start + 1000, MEAN_CODES))
        total += mapping(seeded_normal(seeds, (width,))).sum(0, dtype=torch.float64)
    mean = (total / MEAN_CODES).float()
    write_safetensors(path, {"w": mean}, "mean", {"codes": MEAN_CODES})
    return mean
