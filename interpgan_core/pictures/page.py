"""The path of a report page, which a notebook shows."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path as _Path
else:
    _Path = type(Path())  # before Python 3.12, Path itself cannot be a base


class Page(_Path):
    """The path of a `report.html`. In a notebook it shows the page, which scrolls in its own frame."""

    def _repr_html_(self) -> str:
        page = escape(self.read_text(encoding="utf-8"))
        return (
            f'<iframe srcdoc="{page}" title="{escape(self.name)}" '
            'style="width: 100%; height: 45rem; border: 1px solid #ccc"></iframe>'
        )
