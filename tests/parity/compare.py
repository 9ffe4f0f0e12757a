"""Holding what we compute against the stored answers, by the folder's conventions and tolerances."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from parity.case import Case


def check(case: Case, name: str, found: Tensor) -> list[str]:
    """Compare one tensor with every form in which its answer is stored.

    Args:
        case: the configuration.
        name: base name, such as "img" or "feat/layer3"; "img_f64" is held to 1e-9.
        found: the whole tensor that we computed.

    Returns:
        The stored names that were compared: `name`, and of `/sub`, `/crop`, `/slice`, `/stats` those that
        there are.
    """
    array = found.detach().cpu().numpy()
    forms = {
        "": lambda: array,
        "/sub": lambda: array[:, :, :: array.shape[2] // 64, :: array.shape[3] // 64],
        "/crop": lambda: _crop(array),
        "/slice": lambda: _slice(case, name, array),
        "/stats": lambda: _stats(array),
    }
    compared = []
    for ending, make in forms.items():
        if name + ending in case.arrays:
            _hold(case, name + ending, make())
            compared.append(name + ending)
    return compared


def _crop(array: np.ndarray) -> np.ndarray:
    top, left = (array.shape[2] - 48) // 2, (array.shape[3] - 48) // 2
    return array[:, :, top : top + 48, left : left + 48]


def _slice(case: Case, name: str, array: np.ndarray) -> np.ndarray:
    stored = case.arrays[f"{name}/slice"]
    if array.ndim != 4:
        return array[: len(stored)].reshape(len(stored), -1)[:, : stored.shape[1]]
    wanted = stored.shape[2]
    # hw is 8 or 4 (see the README); the stride is what brings the map to the stored size.
    step = next(
        s
        for s in (max(1, array.shape[2] // hw) for hw in (8, 4))
        if len(range(0, array.shape[2], s)) == wanted
    )
    return array[:2, :8, ::step, ::step]


def _stats(array: np.ndarray) -> np.ndarray:
    values = array.astype(np.float64)
    return np.array([values.mean(), values.std(), np.abs(values).max()])


def _hold(case: Case, name: str, found: np.ndarray) -> None:
    stored = case.arrays[name].astype(np.float64)
    assert found.shape == stored.shape, f"{name}: {found.shape}, the original {stored.shape}"
    far = np.abs(found.astype(np.float64) - stored)
    if "_f64" in name:
        assert far.max() <= 1e-9, f"{name}: {far.max():.1e} from the original in float64"
        return
    # The largest number of the whole tensor, where no more than a part of it is stored.
    whole = case.arrays.get(name.rpartition("/")[0] + "/stats")
    size = np.abs(stored).max() if whole is None else whole[2]
    noise = max((v for v in case.facts.get("fp32_noise", {}).values() if isinstance(v, float)), default=0.0)
    # Instance norm amplifies rounding (README): StyleGAN 1 has a wider bound at 256 pixels and more, and none
    # for the mean.
    amplified = case.family == "stylegan" and case.facts["G_kwargs"]["resolution"] >= 256
    worst = max(3 * noise, (1e-4 if amplified else 2e-5) * size)
    assert far.max() <= worst, f"{name}: {far.max():.1e} from the original, allowed {worst:.1e}"
    # The mean of a few numbers is no steadier than the largest.
    if far.size >= 100 and not name.endswith("/stats") and not amplified:
        mean = 2e-6 * size
        assert far.mean() <= mean, (
            f"{name}: {far.mean():.1e} from the original in the mean, allowed {mean:.1e}"
        )
