"""One configuration of one original network: its deterministic weights, its inputs, its answers."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

FOLDER = Path(os.environ.get("INTERPGAN_PARITY", Path(__file__).parents[3] / "shared" / "parity"))


def cases() -> list[str]:
    """The names of all configurations in the folder; none where it does not exist."""
    return sorted(p.stem for p in FOLDER.glob("*.json") if p.with_suffix(".npz").exists())


class Case:
    """A configuration.

    Args:
        name: of the two files, without the ending.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.facts = json.loads((FOLDER / f"{name}.json").read_text())
        self.family: str = self.facts["family"]

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The stored inputs and answers."""
        with np.load(FOLDER / f"{self.name}.npz") as file:
            return dict(file)

    def tensor(self, name: str) -> Tensor:
        """A stored array as a tensor."""
        return torch.from_numpy(self.arrays[name])

    def state(self, net: str, keep: Callable[[str, tuple[int, ...]], Tensor]) -> dict[str, Tensor]:
        """The state dict of the original network "G" or "D", filled by the rule `pcg64-sha256-v1`.

        Args:
            net: "G" or "D".
            keep: gives the constants that the architecture defines, by key and shape.
        """
        rules = json.loads((FOLDER / "fill_rules.json").read_text())["rulesets"][self.facts["rulesets"][net]]
        table = self.facts[f"state_{net}"]
        state: dict[str, Tensor] = {}
        for key, entry in table.items():
            shape = tuple(entry["shape"])
            rule = next(r for r in rules if re.fullmatch(r["match"], key))
            if rule["kind"] == "keep":
                state[key] = keep(key, shape)
            elif rule["kind"] != "sn":
                values = normal(f"{self.facts['salt']}{net}:{key}", shape)
                values = np.abs(values) if rule["kind"] == "abs" else values
                filled = values * np.float32(rule["scale"]) + np.float32(rule["offset"])
                state[key] = torch.from_numpy(np.asarray(filled, dtype=np.float32).reshape(shape))
        for key, entry in table.items():
            if key not in state:
                state[key] = self._spectral(net, key, state, tuple(entry["shape"]))
        for key, entry in table.items():
            total = float(state[key].double().sum())
            assert abs(total - entry["sum"]) <= 1e-6 * (1 + entry["abssum"]), f"{net}:{key} is filled wrongly"
        return {key: state[key] for key in table}

    def _spectral(self, net: str, key: str, state: dict[str, Tensor], shape: tuple[int, ...]) -> Tensor:
        """`weight_u` or `weight_v` of torch's spectral norm after five power iterations."""
        name = key[:-2]
        weight = state[f"{name}_orig"].flatten(1).double().numpy()
        u = normal(f"{self.facts['salt']}{net}:{name}_u", (weight.shape[0],)).astype(np.float64)
        u /= np.linalg.norm(u)
        for _ in range(5):
            v = weight.T @ u
            v /= np.linalg.norm(v)
            u = weight @ v
            u /= np.linalg.norm(u)
        return torch.from_numpy((u if key.endswith("_u") else v).astype(np.float32).reshape(shape))


def normal(text: str, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal float32 numbers that belong to a text."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    drawn = np.random.Generator(np.random.PCG64(seed)).standard_normal(
        max(1, int(np.prod(shape))), dtype=np.float32
    )
    return drawn.reshape(shape)


def seeded_input(text: str, shape: tuple[int, ...]) -> Tensor:
    """`base('input:…')` of the notes."""
    return torch.from_numpy(normal(text, shape))
