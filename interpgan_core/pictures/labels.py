"""`dataset.json`, in which NVIDIA's dataset_tool.py keeps the labels of a set of pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, Literal

from interpgan_core.errors import InterpganError, remark

NAME = "dataset.json"
NOT_TOLD: Final = "not told"
_MAX_CLASSES = 100_000


def read_labels(content: bytes, names: Sequence[str], where: str) -> list[int] | Literal["not told"] | None:
    """The class of each picture.

    Args:
        content: of the file: {"labels": [[name, label], …]}, a label being a number or a one-hot vector; or null.
        names: of the pictures, relative to the folder of the file.
        where: names the file in messages.

    Returns:
        One number a picture; None where the file says that there are no labels, or has vectors that name no class.
        NOT_TOLD where it is a file of another program.

    Raises:
        InterpganError: if it is damaged, or leaves pictures without a label.

    Source:
        dataset_tool.py of NVlabs/stylegan2-ada-pytorch.
    """
    try:
        held = json.loads(content)
        if not isinstance(held, dict) or "labels" not in held:
            return NOT_TOLD
        labels = held["labels"]
        pairs = labels.items() if isinstance(labels, dict) else labels or ()
        known = {str(name).replace("\\", "/"): label for name, label in pairs}
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise InterpganError(f"{where} is damaged ({error}); make it again, or say classes: false") from error
    if not known:
        return None
    missing = [name for name in names if name not in known]
    if missing:
        raise InterpganError(
            f"{where} has no label for {len(missing)} of {len(names)} pictures, such as {missing[0]}; make it again, "
            "or say classes: false"
        )
    try:
        numbers = [_number(known[name]) for name in names]
    except (TypeError, ValueError):
        remark(f"The labels in {where} are vectors that name no class, and were not read.")
        return None
    if not 0 <= min(numbers) <= max(numbers) < _MAX_CLASSES:
        raise InterpganError(
            f"labels in {where} run from {min(numbers)} to {max(numbers)}; number classes from 0"
        )
    return numbers


def _number(label: Any) -> int:
    """The class that a label names; a one-hot vector names the place of its one.

    Raises:
        TypeError, ValueError: if it names none.
    """
    if isinstance(label, list):
        if sorted(map(float, label)) != [0.0] * (len(label) - 1) + [1.0]:
            raise ValueError("not one-hot")
        return label.index(1)
    if isinstance(label, bool) or not isinstance(label, int):
        raise TypeError("no whole number")
    return label
