"""What is saved: a recipe that `interpgan-run` renders to the same bytes, the files that it names, and the pictures."""

from __future__ import annotations

import io
import re
import secrets
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from interpgan_core import InterpganError, Report
from interpgan_studio import photo
from interpgan_studio.document import Document, Step, makes_batch
from interpgan_studio.workshop import Workshop

NAME = re.compile(r"[A-Za-z0-9][\w-]{0,59}")
RECIPE = "recipe.yaml"
LINE = 140  # characters of a step that is written on one line, as Python shows it: with more quotes than YAML
_PLAIN = re.compile(r"[A-Za-z$][\w.$-]*")
_WORDS = ("null", "true", "false")  # that YAML does not read as text


def finished(document: Document) -> tuple[Document, tuple[str, ...]]:
    """The document with steps that show it, and the ids of those whose pictures are saved.

    Returns:
        With a `render` of what is shown beside the unedited batch, and for a photograph `faces.paste`.
    """
    shows = [step["id"] for step in document.steps if _renders(step, document.shown)]
    if not shows:
        edited = document.shown != document.unedited
        compare = {"compare": f"${document.unedited}", "caption": "edited"} if edited else {}
        render = {"use": "render", "id": document.free_id("render"), "batch": f"${document.shown}", **compare}
        document = replace(document, steps=(*document.steps, render))
        shows = [render["id"]]
    if (pasted := photo.pasted(document)) is not None:
        return pasted, (pasted.steps[-1]["id"], shows[0])
    return document, (shows[0],)


def _renders(step: Step, shown: str) -> bool:
    return bool(
        step["use"] == "render" and step.get("batch") == f"${shown}" and step.get("format", "png") == "png"
    )


def yaml_of(document: Document) -> str:
    """The text of the recipe; files of the document's folder are named as if they lay beside it."""
    steps = []
    for number, step in enumerate(document.steps):
        written = dict(step)
        nearest = next((s["id"] for s in reversed(document.steps[:number]) if makes_batch(s)), None)
        if written.get("batch") == f"${nearest}":
            del written["batch"]
        if written["id"] == re.sub(r"[^\w-]+", "-", written["use"]) and not _referred(document, step):
            del written["id"]
        steps.append(written)
    text = io.StringIO()
    yaml = YAML()
    yaml.width = 10**6  # nothing is folded: folds of texts in quotes are not read as they were written
    yaml.indent(mapping=2, sequence=4, offset=2)
    title = {"title": document.title} if document.title else {}
    yaml.dump(
        _plain(
            {
                "interpgan": 1,
                **title,
                "steps": [_Flow(step) if len(str(step)) < LINE else step for step in steps],
            }
        ),
        text,
    )
    return f"# Made in the studio. Run it: interpgan-run {RECIPE}\n{text.getvalue()}"


class _Flow(dict[str, Any]):
    """A mapping that is written on one line."""


def _plain(value: Any) -> Any:
    """A value as ruamel writes it, so that it is read as it was: text in quotes unless it is a plain word."""
    if isinstance(value, Mapping):
        mapping = CommentedMap({_plain(str(name)): _plain(item) for name, item in value.items()})
        if isinstance(value, _Flow):
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list | tuple):
        items = CommentedSeq([_plain(item) for item in value])
        if not any(isinstance(item, Mapping) for item in value):
            items.fa.set_flow_style()
        return items
    if isinstance(value, str) and (not _PLAIN.fullmatch(value) or value.lower() in _WORDS):
        return DoubleQuotedScalarString(value)
    return value


def _referred(document: Document, step: Step) -> bool:
    from interpgan_studio.document import references

    return any(step["id"] in references(other) for other in document.steps)


def files_of(document: Document) -> list[str]:
    """Names of the files that the document brought into its own folder: strokes and photographs."""
    found: list[str] = []

    def look(value: Any) -> None:
        if (
            isinstance(value, str)
            and (document.folder / Path(value).name).is_file()
            and Path(value).name == value
        ):
            found.append(value)
        for item in (
            value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
        ):
            look(item)

    for step in document.steps:
        look({name: item for name, item in step.items() if name not in ("use", "id")})
    return list(dict.fromkeys(found))


def pictures_of(workshop: Workshop, document: Document, shows: tuple[str, ...]) -> list[Path]:
    """The files of the pictures, at full resolution, the edited ones; in the thread that draws.

    Args:
        workshop: where results are made.
        document: from `finished`.
        shows: ids of the steps that show it, the first of them is taken.
    """
    report = workshop.live.result(document.plan(), shows[0])
    if not isinstance(report, Report) or report.folder is None:
        raise InterpganError("the picture could not be made; save the recipe instead")
    if shows[1:]:  # pasted into a photograph: the last of the row is the edited one
        return [report.folder / strip.pictures[-1].file for strip in report.strips]
    if len(report.strips) == 1 and report.strips[0].origin is None:
        return [report.folder / picture.file for picture in report.strips[0].pictures]
    return [report.folder / strip.pictures[-1].file for strip in report.strips]


def saved(workshop: Workshop, document: Document, parent: Path, name: str) -> Path:
    """Write recipe, files and pictures into a new folder, all of them or nothing; in the thread that draws.

    Args:
        workshop: where results are made.
        document: what is shown.
        parent: the output folder.
        name: of the new folder; a number is added where it is taken.

    Returns:
        The folder.

    Raises:
        InterpganError: if the name is none, or the folder cannot be written.
    """
    if not NAME.fullmatch(name):
        raise InterpganError("a name is made of letters, digits, - and _, such as my-face; at most 60")
    contents = everything(workshop, document)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        new = parent / f".{name}-{secrets.token_hex(4)}"
        new.mkdir()
        for file, data in contents.items():
            (new / file).write_bytes(data)
        for count in range(1, 10_000):
            place = parent / (name if count == 1 else f"{name}-{count}")
            if not place.exists():
                new.rename(place)
                return place
    except OSError as error:
        raise InterpganError(
            f"{parent} cannot be written: {error.strerror}; choose another folder with --out"
        ) from None
    shutil.rmtree(new)
    raise InterpganError(f"there are 9999 folders called {name}; choose another name")


def everything(workshop: Workshop, document: Document) -> dict[str, bytes]:
    """Name -> content of all that is saved; in the thread that draws."""
    document, shows = finished(document)
    pictures = pictures_of(workshop, document, shows)
    names = ["picture"] if len(pictures) == 1 else [f"picture-{i + 1}" for i in range(len(pictures))]
    return {
        RECIPE: yaml_of(document).encode(),
        **{name: (document.folder / name).read_bytes() for name in files_of(document)},
        **{name + path.suffix: path.read_bytes() for name, path in zip(names, pictures, strict=True)},
    }


def zipped(contents: Mapping[str, bytes]) -> bytes:
    """Files as one archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in contents.items():
            out.writestr(name, data)
    return archive.getvalue()
