"""A person as a picture and as a map of parts: shapes of the avataaars style, drawn by resvg.

Head, hair, beard, eyeglasses and shirt are those of python-avatars (MIT; the style is Pablo Stanley's). Eyes, brows,
mouth and the lines of age are drawn here, because they move: with pose, smile and age.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from interpgan_avatars.person import Person
from interpgan_core import InterpganError

if TYPE_CHECKING:
    import numpy as np

SIDE = 64
PARTS = ("background", "skin", "shirt", "hair", "brows", "eyes", "nose", "mouth", "beard", "glasses")
"""The map of parts holds positions in this tuple; lines of age count as skin."""

_VIEW = "26 22 212 212"  # of the style's 264 x 280 units: the face fills the picture

_SKINS = ("#FFDBB4", "#EDB98A", "#C68650", "#6A402B")
_HAIRS = ("#2C1B18", "#95593A", "#C8432B", "#E9C35B")
_GREY = "#DCDCE4"
_SHIRTS = ("#65C9FF", "#FF7A7A", "#A7FFC4", "#3C4F5C")
_WALLS = ("#F2EEE4", "#D9E8F5", "#F7DDE6")

# file in python-avatars, and where the style puts it
_HAIR = ("short_flat", "short_waved", "curly", "bun", "bob", "straight_strand")
_BEARD_AT, _GLASSES_AT, _SHIRT_AT = (49, 72), (62, 85), (0, 170)
_EYES, _EYE_Y = (106, 158), 112
_TURN = 13.0  # units that the face moves at pose 1


def picture(person: Person) -> np.ndarray:
    """Draw a person.

    Returns:
        (64, 64, 3) uint8.

    Raises:
        InterpganError: if the drawing libraries are not installed.
    """
    return _render(_svg(person, flat=False), crisp=False)


def parts(person: Person) -> np.ndarray:
    """Which part each pixel of the picture shows.

    Returns:
        (64, 64) uint8, positions in `PARTS`: that of the topmost shape over the middle of the pixel.
    """
    import numpy as np

    map_: np.ndarray = (_render(_svg(person, flat=True), crisp=True)[..., 0] // 20).astype(np.uint8)
    return map_


class _Canvas:
    """Collects shapes; flat: in the colour of their part instead of their own."""

    def __init__(self, flat: bool) -> None:
        self.flat, self.shapes = flat, []  # type: bool, list[str]

    def add(
        self,
        part: str,
        shape: str,
        fill: str = "none",
        opacity: float = 1.0,
        line: str = "",
        width: float = 0.0,
        move: tuple[float, float] = (0, 0),
    ) -> None:
        """Put a shape on top: `shape` is an element's name and geometry, such as 'path d="…"'."""
        if self.flat:
            level = 20 * PARTS.index(part) + 5
            colour = f"rgb({level},{level},{level})"
            fill, line = (colour if paint and paint != "none" else paint for paint in (fill, line))
            opacity = 1.0
        stroke = f' stroke="{line}" stroke-width="{width}" stroke-linecap="round"' if line else ""
        place = f' transform="translate({move[0]:.2f} {move[1]:.2f})"' if any(move) else ""
        self.shapes.append(f'<{shape} fill="{fill}" opacity="{opacity:.3f}"{stroke}{place}/>')


def _svg(person: Person, flat: bool) -> str:
    canvas = _Canvas(flat)
    turn = _TURN * person.pose
    hair = _blend(_HAIRS[person.colour], _GREY, (person.age - 0.4) / 0.25)
    skin = _SKINS[person.skin]
    canvas.add("background", 'rect width="264" height="280"', _WALLS[person.wall])
    canvas.add("skin", f'path d="{_library("styles/transparent")[0]}"', skin, move=(32, 36))
    neck = "M76,144 C84,150 116,150 124,144 V155 C112,160 88,160 76,155 Z"
    canvas.add("skin", f'path d="{neck}"', "#000", 0.12, move=(32, 36))
    canvas.add(
        "shirt", f'path d="{_library("clothes/shirt_crew_neck")[0]}"', _SHIRTS[person.shirt], move=_SHIRT_AT
    )
    _age(canvas, person.age, turn)
    canvas.add("nose", 'path d="M-12,-6 C-12,6 12,6 12,-6 Z"', "#000", 0.22, move=(132 + 1.35 * turn, 134))
    _eyes(canvas, person, turn)
    path, at = _library(f"top/hair/{_HAIR[person.style]}")
    canvas.add("hair", f'path d="{path}"', hair, move=(at[0] - 0.2 * turn, at[1]))
    if person.beard:
        path, _ = _library("facial_hair/beard_medium")
        beard = _blend(hair, "#000000", 0.12)  # a shade darker than hair of the same colour
        canvas.add("beard", f'path d="{path}"', beard, move=(_BEARD_AT[0] + 0.5 * turn, _BEARD_AT[1]))
    _mouth(canvas, person, turn)
    if person.eyeglasses:
        path, _ = _library("accessories/round")
        canvas.add("glasses", f'path d="{path}"', "#22282B", move=(_GLASSES_AT[0] + turn, _GLASSES_AT[1]))
    inside = "\n".join(canvas.shapes)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{_VIEW}" width="{SIDE}" height="{SIDE}">{inside}</svg>'


def _age(canvas: _Canvas, age: float, turn: float) -> None:
    """Lines beside the mouth, under the eyes and on the forehead."""
    for side in (-1, 1):
        x = 132 + turn
        fold = f"M{x + 24 * side:.1f},128 Q{x + 38 * side:.1f},136 {x + 36 * side:.1f},152"
        bag = f"M{x + 16 * side:.1f},127 Q{x + 26 * side:.1f},133 {x + 36 * side:.1f},126"
        for line in (fold, bag):
            canvas.add("skin", f'path d="{line}"', opacity=0.42 * age, line="#3A1B10", width=3.2)
    for y in (80, 87):
        brow = f"M{112 + turn:.1f},{y} Q{132 + turn:.1f},{y - 3} {152 + turn:.1f},{y}"
        canvas.add("skin", f'path d="{brow}"', opacity=0.36 * age, line="#3A1B10", width=3)


def _eyes(canvas: _Canvas, person: Person, turn: float) -> None:
    brow = _blend(_HAIRS[person.colour], _GREY, (person.age - 0.4) / 0.25)
    dark = _blend(brow, "#000000", 0.35)
    for side, centre in zip((-1, 1), _EYES, strict=True):
        x = centre + turn
        canvas.add("eyes", f'ellipse cx="{x:.1f}" cy="{_EYE_Y}" rx="10.5" ry="8.5"', "#FFFFFF")
        canvas.add("eyes", f'circle cx="{x + 0.35 * turn:.1f}" cy="{_EYE_Y}" r="5.4"', "#2A1E1A")
        if not person.male:
            lash = f"M{x - 11:.1f},{_EYE_Y - 3} Q{x:.1f},{_EYE_Y - 14} {x + 11:.1f},{_EYE_Y - 3}"
            flick = f"M{x + 11 * side:.1f},{_EYE_Y - 3} l{5 * side},-5"
            for line in (lash, flick):
                canvas.add("eyes", f'path d="{line}"', line="#1A1210", width=3.6)
        arch = f"M{x - 13:.1f},{_EYE_Y - 17} Q{x:.1f},{_EYE_Y - 24} {x + 13:.1f},{_EYE_Y - 17}"
        canvas.add("brows", f'path d="{arch}"', line=dark, width=7.5 if person.male else 3.4)


def _mouth(canvas: _Canvas, person: Person, turn: float) -> None:
    smile = person.smile
    x, y, wide = 132 + 1.05 * turn, 158 - 1.5 * smile, 19 + 3.5 * smile
    corner, upper, gap = -5 * smile, 8 * smile, 5 + 17 * max(smile, 0)
    ends = f"M{x - wide:.1f},{y + corner:.1f} Q{x:.1f},{y + upper - 3:.1f} {x + wide:.1f},{y + corner:.1f}"
    lips = f"{ends} Q{x:.1f},{y + upper + gap:.1f} {x - wide:.1f},{y + corner:.1f} Z"
    red = _blend("#D8344F", "#8E2B2F", person.skin / 6)
    line, width = ("#6B2A22", 1.6) if person.male else (red, 4.6)
    canvas.add("mouth", f'path d="{lips}"', "#5A1E1E", line=line, width=width)
    if smile > 0:
        teeth = f"{ends} Q{x:.1f},{y + upper + 0.55 * gap:.1f} {x - wide:.1f},{y + corner:.1f} Z"
        canvas.add("mouth", f'path d="{teeth}"', "#FFFFFF", min(1.0, 2 * smile))


def _blend(a: str, b: str, share: float) -> str:
    share = min(max(share, 0.0), 1.0)
    mixed = [round((1 - share) * p + share * q) for p, q in zip(_rgb(a), _rgb(b), strict=True)]
    return "#{:02X}{:02X}{:02X}".format(*mixed)


def _rgb(colour: str) -> bytes:
    return bytes.fromhex(colour[1:])


@cache
def _library(name: str) -> tuple[str, tuple[float, float]]:
    """The outline of a part of python-avatars, and where in its picture it stands."""
    from xml.etree import ElementTree

    try:
        import python_avatars
    except ImportError as error:
        raise InterpganError(
            "drawing avatars needs python-avatars and resvg; run: pip install 'interpgan-avatars[draw]'"
        ) from error
    text = Path(python_avatars.__file__).parent.joinpath("avatar_parts", f"{name}.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)
    svg = "{http://www.w3.org/2000/svg}"
    outline = next(path.get("d") for path in root.iter(f"{svg}path") if path.get("id") == "path-1")
    x = y = 0.0

    def follow(node: ElementTree.Element, at: tuple[float, float]) -> tuple[float, float] | None:
        moved = re.match(r"translate\(([-\d.]+)[ ,]+([-\d.]+)\)", node.get("transform", ""))
        if moved:
            at = (at[0] + float(moved[1]), at[1] + float(moved[2]))
        if node.tag == f"{svg}use" and node.get("{http://www.w3.org/1999/xlink}href") == "#path-1":
            return at
        for child in node:
            found = None if child.tag == f"{svg}mask" else follow(child, at)
            if found:
                return found
        return None

    return outline or "", follow(root, (x, y)) or (0.0, 0.0)


def _render(svg: str, crisp: bool) -> np.ndarray:
    import io

    import numpy as np
    from PIL import Image

    try:
        import resvg_py
    except ImportError as error:
        raise InterpganError(
            "drawing avatars needs python-avatars and resvg; run: pip install 'interpgan-avatars[draw]'"
        ) from error
    data = resvg_py.svg_to_bytes(
        svg_string=svg,
        skip_system_fonts=True,
        shape_rendering="crisp_edges" if crisp else "geometric_precision",
    )
    with Image.open(io.BytesIO(bytes(data))) as image:
        return np.asarray(image.convert("RGB"))
