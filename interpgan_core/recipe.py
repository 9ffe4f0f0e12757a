"""YAML text -> `Recipe`, and where each value stands in the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from interpgan_core.errors import InterpganError, RecipeError, did_you_mean

FORMAT = 1
RESERVED = ("use", "id", "batch", "generator")
MAX_BYTES = 1_000_000
MAX_NODES = 20_000  # after aliases are written out
MAX_DEPTH = 40

Loc = tuple[str | int, ...]
"""A path into the file: ("steps", 2, "strength")."""

_CORE_SCHEMA = (
    (re.compile(r"null|Null|NULL|~|"), lambda t: None),
    (re.compile(r"true|True|TRUE"), lambda t: True),
    (re.compile(r"false|False|FALSE"), lambda t: False),
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda t: int(t[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda t: int(t[2:], 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)"), lambda t: float("-inf" if t[0] == "-" else "inf")),
    (re.compile(r"\.(nan|NaN|NAN)"), lambda t: float("nan")),
)
# An explicit tag, before or after an anchor.
_TAGGED = re.compile(r"(&\S+\s+)?!")


def _word(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", value):
        raise InterpganError(f"'{value}' is not an id; use small letters, digits, - and _, such as my-step")
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
    """

    file: Path
    text: str
    values: dict[Loc, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Loc, tuple[int, int]] = field(default_factory=dict)

    def error(self, message: str, loc: Loc = (), key: bool = False) -> RecipeError:
        """An error at a place, or at the nearest place around it that the file has."""
        places = self.keys if key else self.values
        while loc and loc not in places:
            loc, places = loc[:-1], self.values
        return self.at(message, *places.get(loc, (1, 1)))

    def at(self, message: str, line: int, column: int) -> RecipeError:
        """An error at a line and a column, 1-based."""
        lines = self.text.splitlines()
        shown = lines[line - 1] if 0 < line <= len(lines) else ""
        return RecipeError(message, self.file, line, column, shown)


def read_recipe(file: Path) -> tuple[Source, dict[str, Any]]:
    """Read a recipe into plain values.

    Args:
        file: YAML 1.2, at most 1 MB.

    Returns:
        The source, for messages, and the mapping that the file holds.

    Raises:
        RecipeError: if it cannot be read, or is not a YAML mapping without tags and duplicate keys.
    """
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise RecipeError(
                f"the file has {size / 1e6:.1f} MB and a recipe at most {MAX_BYTES / 1e6:g}; "
                "is this the right file?", file
            )  # fmt: skip
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        known = [p.name for p in file.parent.glob("*.yaml")] if file.parent.is_dir() else []
        raise RecipeError("there is no such file" + did_you_mean(file.name, known), file) from None
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"the file is not text in UTF-8 (byte {error.start}); save it as UTF-8", file
        ) from None
    except OSError as error:
        raise RecipeError(f"the file cannot be read: {error.strerror}", file) from None
    source = Source(file, text)
    value = parse(source)
    if not isinstance(value, dict):
        raise source.error("a recipe is a mapping that begins with interpgan: 1")
    return source, value


def parse(source: Source) -> Any:
    """YAML text to plain values, by the core schema of YAML 1.2; fills the source's positions.

    Raises:
        RecipeError: for anything that is not plain data.

    Source:
        YAML 1.2.2, section 10.3.2 (core schema).
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        node = YAML(typ="safe", pure=True).compose(source.text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise source.at(_plain_words(error), line, column) from None
    except RecursionError:
        raise source.error(
            f"the file is nested more than {MAX_DEPTH} levels deep; write it flatter"
        ) from None
    except (YAMLError, ValueError) as error:
        where = getattr(error, "position", None)
        at = _place(source.text, where) if isinstance(where, int) else (1, 1)
        raise source.at(f"this is not YAML: {str(error).splitlines()[0]}", *at) from None
    return None if node is None else _Builder(source).build(node, ())


class _Builder:
    """Turns YAML nodes into plain values, and refuses what is not plain."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.count = 0
        self.open: list[Any] = []

    def build(self, node: Any, loc: Loc) -> Any:
        mark = node.start_mark
        place = (mark.line + 1, mark.column + 1)
        self.source.values[loc] = place
        self.count += 1
        if self.count > MAX_NODES:
            raise self.source.at(
                f"the file grows to more than {MAX_NODES} values when its aliases are written out", *place
            )
        if any(node is outer for outer in self.open):
            raise self.source.at("this alias stands inside what it repeats; write it out", *place)
        if len(self.open) >= MAX_DEPTH:
            raise self.source.at(
                f"this is nested more than {MAX_DEPTH} levels deep; write it flatter", *place
            )
        tag = str(node.tag)
        if not tag.startswith("tag:yaml.org,2002:") or _TAGGED.match(self.source.text, mark.index):
            raise self.source.at(
                "tags such as !this are not allowed in a recipe; write a plain value", *place
            )
        self.open.append(node)
        try:
            return self._value(node, loc)
        finally:
            self.open.pop()

    def _value(self, node: Any, loc: Loc) -> Any:
        if node.id == "scalar":
            return _scalar(node.value) if node.style is None else node.value
        if node.id == "sequence":
            return [self.build(item, (*loc, i)) for i, item in enumerate(node.value)]
        mapping: dict[str, Any] = {}
        for key, value in node.value:
            line, column = key.start_mark.line + 1, key.start_mark.column + 1
            if key.id != "scalar":
                raise self.source.at("a key must be a word", line, column)
            if key.value in mapping:
                first = self.source.keys[(*loc, key.value)][0]
                raise self.source.at(
                    f"the key '{key.value}' stands here twice, first in line {first}; keep one", line, column
                )
            self.source.keys[(*loc, key.value)] = (line, column)
            mapping[key.value] = self.build(value, (*loc, key.value))
        return mapping


def _scalar(text: str) -> Any:
    for pattern, convert in _CORE_SCHEMA:
        if pattern.fullmatch(text):
            return convert(text)
    return text


def _place(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1


def _plain_words(error: Any) -> str:
    problem = str(error.problem or error.context or "").strip()
    if "'\\t'" in problem or "tab" in problem.lower():
        return "a tab cannot indent YAML; use spaces"
    if "undefined alias" in problem:
        return f"this is not YAML: {problem}; an alias needs an anchor (&name) above it"
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
