"""WordPiece, the tokeniser of BERT: text to numbers of pieces of words."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from interpgan_core import InterpganError

START, END, UNKNOWN = "[CLS]", "[SEP]", "[UNK]"
_INSIDE = "##"
"""Before a piece that does not begin a word."""
_LONGEST = 100  # letters of a word that is looked up; a longer one is unknown
# Signs of ASCII that are punctuation to BERT, beside the categories P of Unicode.
_SIGNS = frozenset("$+<=>^`|~")
# Blocks of Chinese characters, each of which is a word.
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


def read_vocabulary(lines: str, name: str) -> dict[str, int]:
    """The pieces of a `vocab.txt`: one a line, its number is that of the line.

    Args:
        lines: content of the file.
        name: of the file, for messages.

    Raises:
        InterpganError: if it is no vocabulary of BERT.
    """
    vocabulary = {piece: number for number, piece in enumerate(lines.splitlines())}
    for piece in (START, END, UNKNOWN):
        if piece not in vocabulary:
            raise InterpganError(f"{name} is no vocabulary of BERT: it has no piece {piece}")
    return vocabulary


def pieces(text: str, vocabulary: Mapping[str, int]) -> list[int]:
    """The numbers of a text's pieces, without start and end.

    Args:
        text: any; capitals and accents do not count.
        vocabulary: piece -> number.

    Returns:
        One number a piece; a word that cannot be put together from pieces has the number of `UNKNOWN`.

    Source:
        Devlin et al., BERT, NAACL 2019: the uncased models. The longest piece that fits is taken, from the left.

    Example:
        >>> from interpgan_text.wordpiece import pieces
        >>> known = {"[UNK]": 0, "a": 1, "be": 2, "##ard": 3, "!": 4}
        >>> pieces("A beard! 7", known)
        [1, 2, 3, 4, 0]
    """
    return [number for word in words(text) for number in _of_word(word, vocabulary)]


def words(text: str) -> list[str]:
    """Words in small letters without accents; each sign of punctuation and each Chinese character is one."""
    return "".join(_apart(text)).split()


def _apart(text: str) -> Iterator[str]:
    """Letters, with spaces around those that are words of their own."""
    for letter in unicodedata.normalize("NFC", text):
        kind, code = unicodedata.category(letter), ord(letter)
        if letter in "\t\n\r" or kind == "Zs":
            yield " "
        elif kind in ("Cc", "Cf", "Co", "Cs") or code == 0xFFFD:
            continue
        elif any(first <= code <= last for first, last in _IDEOGRAPHS):
            yield f" {letter} "
        else:
            for small in unicodedata.normalize("NFD", letter.lower()):
                of = unicodedata.category(small)
                if of != "Mn":
                    yield f" {small} " if of.startswith("P") or small in _SIGNS else small


def _of_word(word: str, vocabulary: Mapping[str, int]) -> list[int]:
    found, start = [], 0
    while start < len(word):
        if len(word) > _LONGEST:
            return [vocabulary[UNKNOWN]]
        before = _INSIDE if start else ""
        end = next(
            (end for end in range(len(word), start, -1) if before + word[start:end] in vocabulary), None
        )
        if end is None:
            return [vocabulary[UNKNOWN]]
        found.append(vocabulary[before + word[start:end]])
        start = end
    return found
