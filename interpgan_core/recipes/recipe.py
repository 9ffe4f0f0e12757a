"""YAML text -> `Recipe`, and where each value stands in the file."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from interpgan_core.errors import InterpganError, RecipeError, did_you_mean

FORMAT = 1
RESERVED = ("use", "id", "batch", "generator")
MAX_BYTES = 300_000
MAX_VALUES = 20_000  # with aliases written out
MAX_DEPTH = 40
MAX_ID = 60  # it becomes part of a folder's name

Loc = tuple[str | int, ...]
"""A path into the file: ("steps", 2, "strength")."""

_CORE_SCHEMA = (
    (re.compile(r"null|Null|NULL|~|"), lambda t: None),
    (re.compile(r"true|True|TRUE"), lambda t: True),
    (re.compile(r"false|False|FALSE"), lambda t: False),
    # Python converts no more than 4300 digits; a longer number is infinite, as a float is.
    (re.compile(r"[-+]?[0-9]{1,300}"), int),
    (re.compile(r"0o[0-7]{1,300}"), lambda t: int(t[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]{1,300}"), lambda t: int(t[2:], 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda t: float("-inf" if t[0] == "-" else "inf")),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda t: float("nan")),
)
# What the parser says -> what a person can do about it.
_ADVICE = (
    ("'\\t'", "a tab cannot indent YAML; use spaces"),
    (
        "<block end>",
        "this does not line up with what stands above it; check indentation, quotes and brackets",
    ),
    ("mapping values", "a second colon cannot stand here; put the text that contains it in quotes"),
    ("stream end", "this is not closed; add the missing quote or bracket"),
    ("end of stream", "this is not closed; add the missing quote or bracket"),
)


def _word(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", value):
        raise InterpganError(f"'{value}' is not an id; use small letters, digits, - and _, such as my-step")
    if len(value) > MAX_ID:
        raise InterpganError(f"this id has {len(value)} letters; use at most {MAX_ID}")
    return value


class Step(BaseModel):
    """One step as written; what is left of it are the operator's parameters."""

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str = Field(strict=True)
    id: Annotated[str, Field(strict=True), AfterValidator(_word)] = ""
    batch: str | None = None
    generator: str | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """The operator's own parameters, as written."""
        return dict(self.model_extra or {})


class Recipe(BaseModel):
    """A recipe as written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    interpgan: Literal[1]
    title: str = Field(default="", strict=True)
    steps: tuple[Step, ...] = Field(min_length=1)


@dataclass
class Source:
    """A recipe's text, and where in it everything stands.

    Args:
        file: as the user named it.
        text: the whole of it.
        values: loc -> (line, column) of a value, 1-based.
        keys: loc -> (line, column) of the key that names the value.
        written: False for a recipe that came as plain values: its mistakes have no place.
    """

    file: Path
    text: str
    values: dict[Loc, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Loc, tuple[int, int]] = field(default_factory=dict)
    written: bool = True

    def error(self, message: str, loc: Loc = (), key: bool = False) -> RecipeError:
        """An error at a place, or at the nearest place around it that the file has."""
        places = self.keys if key else self.values
        while loc and loc not in places:
            loc, places = loc[:-1], self.values
        return self.at(message, *places.get(loc, (1, 1)))

    def at(self, message: str, line: int, column: int) -> RecipeError:
        """An error at a line and a column, 1-based."""
        if not self.written:
            return RecipeError(message)
        lines = re.split(r"\r\n|\r|\n", self.text)
        shown = lines[line - 1] if line <= len(lines) else ""
        return RecipeError(message, self.file, line, column, shown)

    def at_index(self, message: str, index: int) -> RecipeError:
        """An error at a character, counted from 0."""
        before = re.split(r"\r\n|\r|\n", self.text[:index])
        return self.at(message, len(before), len(before[-1]) + 1)


def read_recipe(file: Path) -> tuple[Source, dict[str, Any]]:
    """Read a recipe into plain values.

    Args:
        file: YAML 1.2, at most 300 kB.

    Returns:
        The source, for messages, and the mapping that the file holds.

    Raises:
        RecipeError: if it cannot be read, or is not a YAML mapping without tags and duplicate keys.
    """
    if file.is_dir():
        raise RecipeError("this is a folder; name a recipe in it", file)
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        known = [p.name for p in file.parent.glob("*.yaml")] if file.parent.is_dir() else []
        hint = did_you_mean(file.name, known) or "; check its name and folder"
        raise RecipeError("there is no such file" + hint, file) from None
    except OSError as error:
        raise RecipeError(
            f"the file cannot be read ({error.strerror}); check its permissions", file
        ) from None
    if len(data) > MAX_BYTES:
        raise RecipeError(
            f"the file is larger than a recipe may be, {MAX_BYTES // 1000} kB; is it the right file?", file
        )
    source = Source(file, data.decode("utf-8-sig", errors="replace"))
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = len(data[: error.start].decode("utf-8-sig"))
        raise source.at_index("this is not text in UTF-8; save the file as UTF-8", before) from None
    value = parse(source)
    if not isinstance(value, dict):
        raise source.error(f"a recipe is a mapping that begins with interpgan: {FORMAT}")
    return source, value


def parse(source: Source) -> Any:
    """YAML text to plain values, by the core schema of YAML 1.2; fills the source's positions.

    Raises:
        RecipeError: for anything that is not plain data.

    Source:
        YAML 1.2.2, section 10.3.2 (core schema).
    """
    try:
        return _Reader(source).document()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark.index >= len(source.text) and error.context_mark:
            mark = error.context_mark  # what is not closed says more than the end of the file
        raise source.at(_advice(error), mark.line + 1, mark.column + 1) from None
    except YAMLError as error:  # of the character reader
        index = getattr(error, "position", 0)
        raise source.at_index("this character cannot stand in YAML; remove it", index) from None


class _Reader:
    """Turns the events of the parser into plain values, and refuses what is not plain."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.events = YAML(typ="safe", pure=True).parse(source.text)
        self.count = 0
        # Anchor -> its value and how many values that holds; None while the value is being read.
        self.anchors: dict[str, tuple[Any, int] | None] = {}

    def document(self) -> Any:
        """The one value of the file; None if it is empty."""
        value = None
        for event in self.events:
            if isinstance(event, events.DocumentStartEvent):
                if self.count:
                    raise self._error("a second document begins here; keep one recipe in a file", event)
                value = self._value(next(self.events), ())
        return value

    def _value(self, event: Any, loc: Loc) -> Any:
        self.source.values[loc] = _place(event)
        self._counted(1, event)
        if isinstance(event, events.AliasEvent):
            return self._alias(event)
        if len(loc) > MAX_DEPTH:
            raise self._error(f"this is nested more than {MAX_DEPTH} levels deep; write it flatter", event)
        if event.tag is not None:
            raise self._error("tags such as !this are not allowed in a recipe; write a plain value", event)
        start = self.count
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, events.SequenceStartEvent):
            value: Any = self._list(loc)
        elif isinstance(event, events.MappingStartEvent):
            value = self._mapping(loc)
        else:
            value = self._scalar(event)
        if event.anchor:
            self.anchors[event.anchor] = value, self.count - start
        return value

    def _list(self, loc: Loc) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), events.SequenceEndEvent):
            found.append(self._value(event, (*loc, len(found))))
        return found

    def _mapping(self, loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(key := next(self.events), events.MappingEndEvent):
            if not isinstance(key, events.ScalarEvent) or key.tag or key.anchor or not key.value:
                raise self._error("a key must be a plain word", key)
            name, inner = key.value, (*loc, key.value)
            if name == "<<":
                raise self._error("YAML 1.2 has no merge key; write the keys out", key)
            if name in found:
                first = self.source.keys[inner][0]
                raise self._error(f"'{name}' stands here twice, first in line {first}; keep one", key)
            self.source.keys[inner] = _place(key)
            value = next(self.events)
            found[name] = self._value(value, inner)
            if found[name] is None and value.start_mark.index == value.end_mark.index:
                self.source.values[inner] = _place(key)  # nothing stands there; its key does
        return found

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise self._error("this escape is half a character; write the character itself", event)
        if event.style is not None:
            return text
        for pattern, convert in _CORE_SCHEMA:
            if pattern.fullmatch(text):
                return convert(text)
        return text

    def _alias(self, event: Any) -> Any:
        name = event.anchor
        if name not in self.anchors:
            raise self._error(f"*{name} repeats nothing; write &{name} before a value above", event)
        known = self.anchors[name]
        if known is None:
            raise self._error(f"*{name} stands inside of what it repeats; write it out", event)
        value, size = known
        self._counted(size, event)
        return copy.deepcopy(value)

    def _counted(self, more: int, event: Any) -> None:
        self.count += more
        if self.count > MAX_VALUES:
            raise self._error(
                f"the recipe grows to more than {MAX_VALUES} values here, aliases written out; shorten it",
                event,
            )

    def _error(self, message: str, event: Any) -> RecipeError:
        return self.source.at(message, *_place(event))


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _advice(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "").strip()
    for part, advice in _ADVICE:
        if part in problem:
            return advice
    return f"this is not YAML: {problem}; look for a missing quote, bracket or colon near here"


def parse_value(text: str) -> Any:
    """A value given on the command line, read as it would be in a recipe.

    Raises:
        InterpganError: if it is not a YAML value.
    """
    try:
        return parse(Source(Path("--set"), text))
    except RecipeError as error:
        raise InterpganError(f"'{text}' is not a value: {error.message}") from None
