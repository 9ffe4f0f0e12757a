"""Configurations of the second set of answers, and how they are held: the conventions of `parity2/README.md`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from parity.case import Case, normal

SECOND = Path(os.environ.get("INTERPGAN_PARITY2", Path(__file__).parents[3] / "shared" / "parity2"))


def second_cases(families: dict[str, str]) -> list[str]:
    """The names of the configurations of some families; none where the folder does not exist."""
    files = sorted(SECOND.glob("*.json"))
    return [f.stem for f in files if f.with_suffix(".npz").exists() and f.stem.partition("_")[0] in families]


class SecondCase(Case):
    """A configuration of the second set."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.facts = json.loads((SECOND / f"{name}.json").read_text())
        self.family = self.facts["family"]

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        with np.load(SECOND / f"{self.name}.npz") as file:
            return dict(file)

    def state(self, net: str, keep: Callable[[str, tuple[int, ...]], Tensor | None]) -> dict[str, Tensor]:
        """As of a `Case`; `keep` gives None for what is to be left to the caller, such as aliases."""
        rules = json.loads((SECOND / "fill_rules.json").read_text())["rulesets"][self.facts["rulesets"][net]]
        state: dict[str, Tensor] = {}
        for key, entry in self.facts[f"state_{net}"].items():
            shape = tuple(entry["shape"])
            rule = next(r for r in rules if re.fullmatch(r["match"], key))
            if rule["kind"] == "keep":
                kept = keep(key, shape)
                if kept is None:
                    continue
                state[key] = kept
            else:
                state[key] = torch.from_numpy(_filled(rule, f"{self.facts['salt']}{net}:{key}", shape))
            total = float(state[key].double().sum())
            assert abs(total - entry["sum"]) <= 1e-6 * (1 + entry["abssum"]), f"{net}:{key} is filled wrongly"
        return state

    def check(self, base: str, found: Tensor) -> list[str]:
        """Compare one tensor with every form in which its answer is stored.

        Args:
            base: name of the answer, such as "img" or "feat/main2"; "img_f64" is held to 1e-9.
            found: the whole tensor that we computed; where the answer has fewer samples, its first ones are held.

        Returns:
            The names of the forms that were compared.
        """
        array = found.detach().cpu().numpy()
        side = array.shape[2] if array.ndim == 4 else 0
        forms = {"": array, "/stats": None}
        for ending, step in (("/sub", side // self._every), ("/slice", side // 8)):
            forms[ending] = array[..., :: max(1, step), :: max(1, step)] if array.ndim == 4 else array
        compared = []
        for ending, shown in forms.items():
            name = base + ending
            if name in self.arrays:
                self._hold(name, _stats(array) if shown is None else shown)
                compared.append(name)
        if f"{base}/crop" in self.arrays:
            wide = self.arrays[f"{base}/crop"].shape[2]
            top = (side - wide) // 2
            self._hold(f"{base}/crop", array[:, :, top : top + wide, top : top + wide])
            compared.append(f"{base}/crop")
        return compared

    @property
    def _every(self) -> int:
        return 64 if self.family == "r3gan" else 32

    def _hold(self, name: str, found: np.ndarray) -> None:
        stored = self.arrays[name].astype(np.float64)
        if name.endswith("/slice"):
            found = found[: stored.shape[0], : stored.shape[1]]
        if "_f64" in name:
            found = found[: stored.shape[0]]
        assert found.shape == stored.shape, f"{name}: {found.shape}, the original {stored.shape}"
        far = float(np.abs(found.astype(np.float64) - stored).max())
        whole = self.arrays.get(re.sub(r"(_f64)?(/\w+)?$", "", name) + "/stats")
        size = max(float(np.abs(stored).max()), 0.0 if whole is None else float(whole[2]))
        if "_f64" in name:
            assert far <= 1e-9 * size, f"{name}: {far:.1e} from the original in float64, of {size:.1e}"
            return
        worst = max(3 * self.facts["fp32_noise"].get(name, 0.0), 2e-5 * size)
        assert far <= worst, f"{name}: {far:.1e} from the original, allowed {worst:.1e}"


def _filled(rule: dict, text: str, shape: tuple[int, ...]) -> np.ndarray:
    """The numbers of one tensor, by its rule."""
    drawn, scale = normal(text, shape), np.float32(rule["scale"])
    if rule["kind"] == "abs":
        drawn = np.abs(drawn)
    if rule["kind"] in ("fan", "fan_t"):
        fan = np.prod(shape) / shape[0 if rule["kind"] == "fan" else 1]
        scale = np.float32(rule["scale"] / np.sqrt(np.float64(fan)))
    return np.asarray(drawn * scale + np.float32(rule["offset"]), dtype=np.float32).reshape(shape)


def _stats(array: np.ndarray) -> np.ndarray:
    values = array.astype(np.float64)
    return np.array([values.mean(), values.std(), np.abs(values).max()])
