"""One family of errors, each of which says what is wrong and what to do."""

from __future__ import annotations

import difflib
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_SHOWN = 160  # characters of a source line


class InterpganError(ValueError):
    """Something a person typed, named or pointed at is wrong; the message says what to do.

    A `ValueError`, so that a validator may raise it and pydantic can say where the value stood.

    Example:
        >>> from interpgan_core import InterpganError, load_generator
        >>> try:
        ...     load_generator("toi")
        ... except InterpganError as error:
        ...     print(error)
        there is no model 'toi'; did you mean 'toy'?
    """


class RecipeError(InterpganError):
    """A mistake in a recipe, shown as a compiler shows it.

    Args:
        message: what is wrong and what to do.
        file: the recipe.
        line: 1-based; 0 when the mistake is not in the text (an override, a missing file).
        column: 1-based, counted in characters.
        source: the line itself.
        others: more mistakes of the same recipe.
    """

    def __init__(
        self,
        message: str,
        file: str | Path = "",
        line: int = 0,
        column: int = 0,
        source: str = "",
        others: Sequence[RecipeError] = (),
    ) -> None:
        self.message, self.file, self.line, self.column = message, str(file), line, column
        self.source, self.others = source, tuple(others)
        super().__init__(message)

    def with_others(self, others: Sequence[RecipeError]) -> RecipeError:
        """The same mistake with more behind it."""
        others = (*self.others, *others)
        return type(self)(self.message, self.file, self.line, self.column, self.source, others)

    def __str__(self) -> str:
        return "\n".join([self._shown(), *map(str, self.others)])

    def _shown(self) -> str:
        where = self.file + (f":{self.line}:{self.column}" if self.line else "")
        text = _visible(f"{where}: {self.message}" if where else self.message)
        if not self.source.strip():
            return text
        # Of a very long line only the part around the mistake is shown.
        start = max(0, self.column - 1 - _SHOWN // 2) if len(self.source) > _SHOWN else 0
        shown = _visible(self.source[start : start + _SHOWN])
        indent = "".join(_blank(c) for c in shown[: self.column - 1 - start])
        return f"{text}\n    {shown}\n    {indent}^"


class RefusedError(RecipeError):
    """Mistakes that were found when a recipe's generators and files were there, before anything ran."""


def _visible(text: str) -> str:
    """What others wrote must not command the terminal that shows it."""
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _blank(character: str) -> str:
    """As wide as the character: tabs stay tabs, and Chinese takes two columns."""
    if character == "\t":
        return character
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "


class Remark(UserWarning):
    """Something that a person should know of a result that is there: a sentence, for the console and the report.

    Example:
        >>> import warnings
        >>> from interpgan_core import Remark
        >>> warnings.simplefilter("error", Remark)  # in a script of your own: stop at each of them
        >>> warnings.simplefilter("default", Remark)
    """


def remark(sentence: str) -> None:
    """Say something that a person should know, and go on.

    Args:
        sentence: whole; a run shows it once and keeps it in the report, elsewhere it is a warning.
    """
    warnings.warn(sentence, Remark, stacklevel=2)


@contextmanager
def remarks() -> Iterator[list[str]]:
    """Collect what `remark` says meanwhile, each sentence once; other warnings go where they went."""
    said: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always", Remark)
        show = warnings.showwarning

        def heard(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            if not issubclass(category, Remark):
                show(message, category, filename, lineno, file, line)
            elif str(message) not in said:
                said.append(str(message))

        warnings.showwarning = heard
        yield said


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence that says that there is no such name.

    Args:
        word: as written.
        known: the words that there are.

    Returns:
        "; did you mean 'x'?", or "; there are: …" where there are few, or nothing.
    """
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    if 0 < len(choices) <= 12:
        return "; there are: " + ", ".join(choices)
    return ""
