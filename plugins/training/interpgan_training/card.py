"""The model card of a trained generator: what somebody must know to whom the file is given."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from interpgan_core import Generator

CARD = "MODEL_CARD.md"
SHOWN = ("pictures", "seconds")  # of the log, elsewhere on the card


def write_card(generator: Generator, folder: Path) -> None:
    """Write `MODEL_CARD.md`: data, settings, figures at the end, licence.

    Args:
        generator: a trained one, whose notes say how.
        folder: that holds its `log.csv`; takes the card.
    """
    training, data = generator.notes["training"], generator.notes["data"]
    with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    figures = {name: f"{float(value):.4g}" for name, value in last.items() if value and name not in SHOWN}
    facts = {
        "drawn by": f"{training['family']['family']}, layers {', '.join(generator.layers)}",
        "spaces": ", ".join(generator.spaces),
        "classes": generator.classes or "none",
        "fingerprint": generator.fingerprint,
        "trained from": generator.notes.get("parent", "new weights"),
        "pictures seen": f"{training['pictures']:,}",
        "seconds of training": f"{float(last['seconds']):.0f}",
    }
    licence = generator.licence or "Not stated. Ask whoever trained it, and mind the terms of the pictures."
    parts = (
        ("Data", dict(_flat(data)) or {"pictures": "not described"}),
        ("Settings", dict(_flat({"architecture": training["family"], **training["settings"]}))),
        ("More settings", dict(_flat(training.get("more", {})))),
        ("At the end, means of the last steps", figures),
    )
    lines = [f"# A generator trained with interpgan: {training['family']['family']}", "", *_table(facts)]
    for title, rows in parts:
        lines += ["", f"## {title}", "", *_table(rows)] if rows else []
    lines += ["", "## Licence", "", licence, ""]
    (folder / CARD).write_text("\n".join(lines), encoding="utf-8")


def _table(rows: Mapping[str, Any]) -> list[str]:
    cells = [(name, str(value).replace("|", "\\|").replace("\n", " ")) for name, value in rows.items()]
    return ["| what | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in cells)]


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Names with dots, and what they hold; of a long list only the length."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            few = ", ".join(map(str, value)) if len(value) <= 12 else f"{len(value)} entries"
            yield f"{before}{name}", few or "none"
        else:
            yield f"{before}{name}", "none" if value in (None, "") else str(value)
