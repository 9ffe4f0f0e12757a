"""What a step shows, as data on disk, and the one self-contained page made of it: `report.html`."""

from __future__ import annotations

import base64
import csv
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cache
from html import escape
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

from interpgan_core.errors import InterpganError
from interpgan_core.files.atomic import placing
from interpgan_core.pictures import images

if TYPE_CHECKING:
    import jinja2

    from interpgan_core.pictures.images import Pixels

THUMBNAIL = 320
"""Longer side, in pixels, of the pictures that the page carries: 200 of them make about 5 MB."""

_TYPES = {
    ".webp": "image/webp",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".mp4": "video/mp4",
}


@dataclass(frozen=True)
class Picture:
    """One picture of a step, as files in the step's folder.

    Args:
        file: the full picture, relative to the folder.
        caption: a few words under it, such as the strength.
        alt: alternative text for readers who cannot see it; by default the strip's title and the caption.
        thumbnail: the small picture that the page carries; by default the full one.
        given: does it come from a file or a data set? Then it may be a photograph; no generator drew it.

    Example:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from interpgan_core import Picture
        >>> Picture.write(np.zeros((8, 8, 3), np.uint8), Path("."), "black.png", "black").thumbnail
        'small/black.webp'
    """

    file: str
    caption: str
    alt: str = ""
    thumbnail: str = ""
    given: bool = False

    @classmethod
    def write(
        cls,
        picture: Pixels,
        folder: Path,
        file: str,
        caption: str,
        alt: str = "",
        text: Mapping[str, str] = MappingProxyType({}),
        side: int = THUMBNAIL,
        given: bool = False,
        part: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> Self:
        """Save a picture, and the small one in `small/` beside it, so that the page can be rebuilt from files alone.

        Args:
            picture: (h, w, 3) uint8.
            folder: the step's folder.
            file: name in the folder; its ending chooses the format, as `images.save_picture` says.
            caption: see the class.
            alt: see the class.
            text: words kept inside a PNG.
            side: longer side of the small one, in pixels; difference maps are shown at half the width
                of pictures, and their texture weighs more, so that half is enough for them.
            given: see the class.
            part: rows and columns that the small one shows.

        Returns:
            The picture, for a strip.
        """
        small = (Path(file).parent / "small" / Path(file).name).with_suffix(".webp").as_posix()
        for path in (folder / file, folder / small):
            path.parent.mkdir(parents=True, exist_ok=True)
        images.save_picture(picture, folder / file, text)
        images.save_picture(images.thumbnail(picture[part], side), folder / small)
        return cls(file, caption, alt, small, given)


@dataclass(frozen=True)
class Strip:
    """One row of pictures: one sample along a walk, or samples side by side.

    Args:
        title: what the row is, such as "seed 7"; may be empty.
        pictures: from left to right.
        origin: position of the unedited picture, where there is one.
        differences: how each picture except the origin differs from it, in the same order; or none.

    Example:
        >>> from interpgan_core import Picture, Strip
        >>> pictures = (Picture("0.png", "0"), Picture("1.png", "+3"))
        >>> Strip("seed 7", pictures, origin=0, differences=(Picture("d.png", "+3"),)).columns()[0][1] is None
        True
    """

    title: str
    pictures: tuple[Picture, ...]
    origin: int | None = None
    differences: tuple[Picture, ...] = ()

    def __post_init__(self) -> None:
        if self.origin is not None and not 0 <= self.origin < len(self.pictures):
            raise InterpganError(f"strip '{self.title}' has no picture {self.origin} to be its origin")
        if self.differences and (self.origin is None or len(self.differences) != len(self.pictures) - 1):
            raise InterpganError(
                f"strip '{self.title}' needs an origin and one difference map for each other picture"
            )

    def columns(self) -> list[tuple[Picture, Picture | None]]:
        """Each picture with its difference map; the origin has none."""
        rest = iter(self.differences)
        return [(p, None if i == self.origin else next(rest, None)) for i, p in enumerate(self.pictures)]


@dataclass(frozen=True)
class Table:
    """A table of words and numbers.

    Args:
        title: its heading.
        columns: the heading of each column.
        rows: one value a column; None is shown as a dash.
        note: a sentence under it: units, what was left out.
        full: the absolute number that the darkest cells have, red above 0 and blue below; None: no colours.

    Example:
        >>> from interpgan_core import Table
        >>> Table("Means", ("attribute", "mean"), (("smile", 0.4), ("age", None)), note="of 100 samples").rows[1]
        ('age', None)
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]
    note: str = ""
    full: float | None = None

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise InterpganError(f"table '{self.title}' needs {len(self.columns)} values in each row")

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        cells = ("".join(f"<td>{escape(_number(value))}</td>" for value in row) for row in self.rows)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        title, note = escape(self.title), escape(self.note)
        return f"<table><caption>{title}</caption><tr>{head}</tr>{body}</table>" + (
            f"<p>{note}</p>" if note else ""
        )

    def write_csv(self, path: Path) -> None:
        """Write it as CSV in UTF-8: a line of headings, then the rows with every digit; None is an empty cell."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(self.columns)
            writer.writerows(self.rows)


@dataclass(frozen=True)
class Report:
    """What a step shows: an `Artifact` of one file, `report.json`, beside the pictures it names.

    Args:
        title: its heading; the step's id when empty.
        strips: rows of pictures.
        tables: under them.
        notes: sentences under those.
        folder: that the pictures are in, where that is known; it is not saved.

    Example:
        >>> from pathlib import Path
        >>> from interpgan_core import Report, Table
        >>> Report("Scores", tables=(Table("Means", ("attribute", "mean"), (("smile", 0.4),)),)).save(Path("."))
        >>> Report.load(Path(".")).tables[0].rows
        (('smile', 0.4),)
    """

    title: str = ""
    strips: tuple[Strip, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    folder: Path | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        pictures = sum(len(strip.pictures) for strip in self.strips)
        return f"<Report {self.title!r}: {pictures} pictures, {len(self.tables)} tables, {len(self.notes)} notes>"

    def _repr_html_(self) -> str:
        """As a notebook shows it; its pictures where the folder is known."""
        strips = "".join(_strip(strip, self.folder) for strip in self.strips) if self.folder else ""
        tables = "".join(table._repr_html_() for table in self.tables)
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        title = f"<h3>{escape(self.title)}</h3>" if self.title else ""
        return title + strips + tables + notes

    def save(self, folder: Path) -> None:
        """Write `report.json` into the folder that holds the pictures, and every table as `tables/*.csv`."""
        content = {name: value for name, value in asdict(self).items() if name != "folder"}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (folder / "report.json").write_text(text, encoding="utf-8")
        for number, table in enumerate(self.tables, start=1):
            words = re.sub(r"[^\w-]+", "-", table.title).strip("-").lower()[:60]
            (folder / "tables").mkdir(exist_ok=True)
            table.write_csv(folder / "tables" / f"{number:02d}-{words or 'table'}.csv")

    @classmethod
    def load(cls, folder: Path, generator: Any = None) -> Self:
        """Read what `save` wrote.

        Raises:
            InterpganError: if the file is missing or is not a report, or names a picture that is not
                in the folder.
        """
        from pydantic import TypeAdapter, ValidationError

        path = folder / "report.json"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InterpganError(f"cannot read {path}: {error.strerror}") from error
        try:
            report = TypeAdapter(cls).validate_json(data, strict=True)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InterpganError(
                f"{path} is damaged: {where}: {first['msg']}; run again with --fresh"
            ) from error
        for strip in report.strips:
            for picture in (*strip.pictures, *strip.differences):
                _inside(folder, picture.file)
                _inside(folder, picture.thumbnail or picture.file)
        return replace(report, folder=folder)


def _strip(strip: Strip, folder: Path) -> str:
    """A row of pictures, as a notebook shows it; alone, one is shown in its own size."""
    side = "min-width: 8rem; max-width: 100%" if len(strip.pictures) == 1 else "width: 8rem"
    cells = []
    for picture in strip.pictures:
        source = _data_uri(folder / (picture.thumbnail or picture.file))
        alt = escape(picture.alt or picture.caption)
        shown = (
            f'<video src="{source}" aria-label="{alt}" loop muted autoplay playsinline controls style="{side}"></video>'
            if picture.file.endswith(".mp4")
            else f'<img src="{source}" alt="{alt}" style="{side}">'
        )
        cells.append(
            f'<figure style="margin: 0; text-align: center">{shown}<br>{escape(picture.caption)}</figure>'
        )
    title = f"<p><b>{escape(strip.title)}</b></p>" if strip.title else ""
    return f'{title}<div style="display: flex; flex-wrap: wrap; gap: 0.4rem">{"".join(cells)}</div>'


def write_page(path: Path, run: Mapping[str, Any], folder: Path) -> None:
    """Make the page of a run, from its manifest and the reports of its steps; no torch, no numpy.

    Args:
        path: the page; it appears whole or not at all.
        run: the manifest, as in `run.json`.
        folder: the output folder, which holds the folders of the steps.

    Raises:
        InterpganError: if a report or a picture is missing or damaged, or the page cannot be written.
    """

    def inline(step: Mapping[str, Any], picture: Picture) -> str:
        return _data_uri(folder / step["folder"] / (picture.thumbnail or picture.file))

    def link(step: Mapping[str, Any], picture: Picture) -> str:
        return quote(os.path.relpath(folder / step["folder"] / picture.file, path.parent))

    shown = []
    for step in run["steps"]:
        if step["folder"] and (_inside(folder, step["folder"]) / "report.json").exists():
            shown.append((step, Report.load(folder / step["folder"])))
    shown.sort(key=lambda pair: not pair[1].strips)  # pictures first; tables are looked up later
    html = _template().render(
        run=run,
        shown=shown,
        has_given=any(p.given for _, report in shown for strip in report.strips for p in strip.pictures),
        lede=_lede(run["recipe"]["text"]),
        inline=inline,
        link=link,
        heat=images.HEAT,
        heat_full=images.HEAT_FULL,
    )
    with placing(path) as partial:
        partial.write_text(html, encoding="utf-8", errors="replace")


@cache
def _template() -> jinja2.Template:
    import jinja2

    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "duration": _duration,
        "number": _number,
        "when": _when,
        "words": _words,
        "shade": _shade,
    }
    return pages.get_template("report.html.j2")


def _inside(folder: Path, name: str) -> Path:
    """`folder / name`, unless that lies elsewhere: what a report names becomes part of the page."""
    try:
        path = (folder / name).resolve()
        if path.is_relative_to(folder.resolve()):
            return folder / name
    except (OSError, ValueError):  # a loop of links, a NUL
        pass
    raise InterpganError(f"{folder} names the file {name!r} outside it; run again with --fresh")


def _data_uri(path: Path) -> str:
    kind = _TYPES.get(path.suffix.lower())
    if kind is None:
        raise InterpganError(f"a page cannot carry {path}; end the name in {', '.join(_TYPES)}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InterpganError(f"cannot read {path}: {error.strerror}; run again with --fresh") from error
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _lede(recipe: str) -> str:
    """The comment that opens a recipe and says what one will see."""
    lines = takewhile(lambda line: line.startswith("#"), recipe.splitlines())
    return " ".join(line.strip("# ") for line in lines)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _number(value: float | str | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _shade(value: float, full: float) -> str:
    """The colour of a cell; half of it is paper, so that its number can be read, by night too."""
    depth = min(abs(value) / full, 1.0) if value == value else 0.0
    return f"background: rgb({'178 24 43' if value > 0 else '33 102 172'} / {depth / 2:.0%})"


def _when(moment: str) -> str:
    time = datetime.fromisoformat(moment)
    return f"{time.day} {time:%B %Y, %H:%M %Z}".rstrip()


def _words(value: Any) -> str:
    """A parameter as a person would write it."""
    if isinstance(value, list | tuple):
        text = ", ".join(_words(item) for item in value)
    elif isinstance(value, Mapping):
        text = ", ".join(f"{key}: {_words(item)}" for key, item in value.items())
    else:
        text = _number(value)
    return text if len(text) <= 60 else text[:59] + "…"
