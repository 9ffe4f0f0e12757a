"""From what a page sends to parameters of steps; nothing of it names a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from interpgan_core import Control, InterpganError, controls_of
from interpgan_studio.document import Document, operator_of

LONGEST = 2000  # characters of a text


def parameters(document: Document, use: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a step, of what a form holds.

    Args:
        document: whose steps may be referred to.
        use: the operator.
        fields: name -> value; None and "" leave a parameter out.

    Raises:
        InterpganError: if there is no such parameter, or a value is of another kind.
    """
    controls = {control.field: control for control in controls_of(operator_of({"use": use}))}
    found = {}
    for name, value in fields.items():
        if name not in controls:
            raise InterpganError(f"'{use}' has no parameter '{name}'")
        if value is not None and value != "":
            found[name] = parameter(document, controls[name], value)
    return found


def parameter(document: Document, control: Control, value: Any) -> Any:
    """One parameter.

    Raises:
        InterpganError: if the value is of another kind than the control's, or refers to what is not there.
    """
    what = f"'{control.field}'"
    if control.kind == "check":
        if not isinstance(value, bool):
            raise InterpganError(f"{what} is on or off")
        return value
    if control.kind in ("slider", "number", "whole"):
        return _number(what, value, isinstance(control.default, int) or control.kind == "whole")
    text = plain(what, value)
    if control.kind == "step":
        name = text.removeprefix("$").partition(".")[0]
        if not text.startswith("$") or name not in document:
            raise InterpganError(f"{what} takes the result of a step, and there is no '{text}' here")
        return text
    if control.kind == "choice" and text not in control.choices:
        raise InterpganError(f"{what} is one of {', '.join(control.choices)}, not '{text}'")
    if control.kind == "list":
        words = [part.strip() for part in text.split(",") if part.strip()]
        return [_entry(what, word) for word in words] if control.numbers else words
    if text.startswith("$"):
        raise InterpganError(f"{what} takes no result of a step")
    return text


def plain(what: str, value: Any) -> str:
    """A text that names no file.

    Args:
        what: it is, for messages.
        value: what the page sent.

    Raises:
        InterpganError: if it is no text, is too long, or could be a path.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST:
        raise InterpganError(f"{what} is a text of at most {LONGEST} characters")
    if any(sign in value for sign in ("/", "\\", "\0", "..")) or value.strip().startswith("~"):
        raise InterpganError(
            f"{what} cannot name a file; files come in through the recipe, or are dropped on the page"
        )
    return value.strip()


def _number(what: str, value: Any, whole: bool) -> float | int:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e12 or value != value:
        raise InterpganError(f"{what} is a number")
    if whole and value == int(value):
        return int(value)
    return float(value)


def _entry(what: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise InterpganError(f"{what} takes numbers with commas between, and '{word}' is none") from None
