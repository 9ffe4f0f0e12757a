"""The ways to put an edited face back into its photograph. No torch."""

from __future__ import annotations

from typing import Literal, TypeAlias

How: TypeAlias = Literal["difference", "ellipse", "mix"]
"""See `interpgan_faces.pasting.paste`."""
