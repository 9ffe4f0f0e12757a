"""Captions of avatars: what they may say of a person, in which words, and which people they fit. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from interpgan_avatars.person import HAIR_COLOURS, HAIR_STYLES, SKIN_TONES
from interpgan_core import InterpganError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

    from interpgan_avatars.person import Person

FACTS: Mapping[str, tuple[str, ...]] = {
    "pose": ("left", "ahead", "right"),
    "smile": ("no", "yes"),
    "age": ("young", "old"),
    "gender": ("female", "male"),
    "eyeglasses": ("no", "yes"),
    "beard": ("no", "yes"),
    "hair": HAIR_COLOURS,
    "style": HAIR_STYLES,
    "skin": SKIN_TONES,
}
"""What a caption may say: attribute -> its values."""

LONGEST = 60
"""Words of a text, at most."""

UNKNOWN = -1
"""In a row of facts: not certain, or not said."""

_STARTS = (
    "", "a photo of", "a picture of", "a portrait of", "an image of", "a drawing of", "a cartoon of", "a sketch of",
    "an avatar of", "the face of", "a good photo of", "a nice picture of", "a close up of", "a small portrait of",
    "this is", "here is", "we see", "it shows", "a painting of", "an illustration of", "a headshot of", "a snapshot of",
    "a rendering of", "there is", "look at", "i see",
)  # fmt: skip
_ENDS = ("", "", "", "in a shirt", "in front of a wall", "before a plain background")
_NOUNS = {
    UNKNOWN: ("person", "face", "human", "head", "someone"),
    0: ("woman", "lady", "female", "woman", "female person", "madam", "dame"),
    1: ("man", "gentleman", "male", "man", "guy", "male person", "fellow", "sir"),
}
# Of each value: words before the noun, and phrases after it.
_BEFORE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "smile": (("serious", "unsmiling", "sad", "unhappy", "gloomy", "stern", "grim", "frowning"),
        ("smiling", "happy", "grinning", "friendly", "laughing", "joyful", "glad", "merry", "pleased"),
    ),
    "age": (("young", "youthful", "very young"), ("old", "aged", "senior", "wrinkled", "very old", "ageing")),
    "eyeglasses": ((), ("bespectacled",)),
    "beard": (("beardless", "clean shaven"), ("bearded", "unshaven")),
    "hair": (
        ("black haired",), ("brown haired",), ("red haired", "ginger", "redheaded"), ("blond", "blonde"),
        ("grey haired", "silver haired"),
    ),
    "skin": (("light skinned", "pale"), ("tanned", "tan skinned"), ("brown skinned",), ("dark skinned",)),
}  # fmt: skip
_AFTER: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "pose": (
        ("looking left", "looking to the left", "facing left", "turned to the left"),
        ("looking ahead", "looking straight ahead", "facing forward", "looking at the camera"),
        ("looking right", "looking to the right", "facing right", "turned to the right"),
    ),
    "smile": (
        ("without a smile", "who does not smile", "not smiling", "with a sad mouth"),
        (
            "with a smile",
            "who smiles",
            "with a big smile",
            "with a happy mouth",
            "smiling broadly",
            "having a smile",
        ),
    ),
    "age": (
        ("without wrinkles", "of young age", "with smooth skin"),
        ("with wrinkles", "of old age", "with lines of age"),
    ),
    "eyeglasses": (
        (
            "without glasses",
            "wearing no glasses",
            "with no glasses",
            "without eyeglasses",
            "not wearing glasses",
        ),
        (
            "with glasses",
            "wearing glasses",
            "who wears glasses",
            "with eyeglasses",
            "wearing eyeglasses",
            "having glasses",
            "wearing a pair of glasses",
            "with round glasses",
        ),
    ),
    "beard": (
        ("without a beard", "with no beard", "who has no beard"),
        ("with a beard", "wearing a beard", "who has a beard", "with a full beard", "having a beard"),
    ),
    "hair": (
        ("with black hair", "who has black hair"),
        ("with brown hair", "who has brown hair"),
        ("with red hair", "who has red hair", "with ginger hair", "with copper hair"),
        ("with blond hair", "who has blond hair", "with blonde hair", "with golden hair", "with yellow hair"),
        ("with grey hair", "who has grey hair", "with gray hair", "with silver hair"),
    ),
    "style": (
        ("with short hair", "whose hair is short", "with cropped hair"),
        ("with wavy hair", "whose hair is wavy", "with hair in waves"),
        ("with an afro", "with afro hair"),
        ("with a bun", "whose hair is in a bun", "with hair tied up"),
        ("with a bob", "with a bob haircut", "whose hair is cut in a bob", "with a bobbed haircut"),
        ("with long hair", "whose hair is long", "with flowing hair"),
    ),
    "skin": (
        ("with light skin", "with pale skin", "with fair skin", "with white skin"),
        ("with tan skin", "with tanned skin", "with bronze skin"),
        ("with brown skin", "whose skin is brown"),
        ("with dark skin", "whose skin is dark", "with very dark skin"),
    ),
}
# Colour and style in one phrase.
_HAIR = (
    "with short {} hair", "with wavy {} hair", "with a {} afro", "with {} hair in a bun", "with a {} bob",
    "with long {} hair",
)  # fmt: skip


def facts_of(people: Sequence[Person]) -> np.ndarray:
    """What is true of people.

    Args:
        people: n of them.

    Returns:
        (n, 9) int64: the number of each value of `FACTS`; a pose between two is `UNKNOWN`.
    """
    import numpy as np

    rows = [
        (0, p.smiles, p.old, p.male, p.eyeglasses, p.beard, p.hair_colour, p.style, p.skin) for p in people
    ]
    facts = np.array(rows, np.int64).reshape(-1, len(FACTS))
    facts[:, 0] = poses(np.array([p.pose for p in people]))
    return facts


def poses(values: np.ndarray) -> np.ndarray:
    """Args: values: (n,) from -1 to 1; Returns: (n,) int64, left, ahead, right, or `UNKNOWN` between them."""
    import numpy as np

    sides = np.where(values < 0, 0, 2)
    found: np.ndarray = np.where(np.abs(values) < 0.2, 1, np.where(np.abs(values) > 0.4, sides, UNKNOWN))
    return found


def fits(facts: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which captions fit which people.

    Args:
        facts: (n, 9) of people.
        said: (m, 9) of captions; `UNKNOWN` where a caption says nothing.

    Returns:
        (n, m) bool, those that fit; (n, m) bool, those of which it is not certain.
    """
    import numpy as np

    silent = said[None] == UNKNOWN
    unsure = (facts[:, None] == UNKNOWN) & ~silent
    agree = silent | unsure | (facts[:, None] == said[None])
    return np.asarray(agree.all(2) & ~unsure.any(2)), np.asarray(agree.all(2) & unsure.any(2))


def part_of(facts: np.ndarray, random: np.random.RandomState) -> np.ndarray:
    """A caption's choice of what to say: everything, or one to four things; of all nine equally often.

    Args:
        facts: (9,) of a person.
        random: the chance.

    Returns:
        (9,) with the rest `UNKNOWN`.
    """
    import numpy as np

    if random.rand() < 0.3:
        return facts
    count = int(random.choice((0, 1, 2, 3, 4), p=(0.04, 0.36, 0.25, 0.2, 0.15)))
    chosen = random.permutation(len(facts))[:count]
    said = np.full_like(facts, UNKNOWN)
    said[chosen] = facts[chosen]
    return said


def caption(said: np.ndarray, random: np.random.RandomState) -> str:
    """A caption in words.

    Args:
        said: (9,) numbers of the values in `FACTS`; `UNKNOWN` where nothing is said.
        random: chooses the words and their order.

    Returns:
        Such as "a photo of a smiling old man with glasses".
    """
    value = dict(zip(FACTS, said.tolist(), strict=True))
    before: list[str] = []
    after: list[str] = []
    rest = [name for name, number in value.items() if number != UNKNOWN and name != "gender"]
    if {"hair", "style"} <= set(rest) and random.rand() < 0.5:
        after.append(_HAIR[value["style"]].format(HAIR_COLOURS[value["hair"]]))
        rest = [name for name in rest if name not in ("hair", "style")]
    for name in rest:
        words = _BEFORE[name][value[name]] if name in _BEFORE else ()
        if words and len(before) < 3 and random.rand() < 0.5:
            before.append(_any(words, random))
        else:
            after.append(_any(_AFTER[name][value[name]], random))
    noun = _any(_NOUNS[value["gender"]], random)
    middle = " ".join((*(before[k] for k in random.permutation(len(before))), noun))
    if middle != "someone":
        middle = ("the " if random.rand() < 0.15 else "an " if middle[0] in "aeiou" else "a ") + middle
    phrases = [after[k] for k in random.permutation(len(after))]
    if len(phrases) > 1 and random.rand() < 0.7:
        phrases[-2:] = [f"{phrases[-2]} and {phrases[-1]}"]
    return " ".join(part for part in (_any(_STARTS, random), middle, *phrases, _any(_ENDS, random)) if part)


def prompts(name: str, number: int) -> list[str]:
    """Plain captions that say one thing, for zero-shot answers.

    Args:
        name: an attribute of `FACTS`.
        number: of its value.

    Returns:
        One a way to say it.
    """
    if name == "gender":
        return [f"a photo of a {noun}" for noun in dict.fromkeys(_NOUNS[number])]
    before = _BEFORE[name][number] if name in _BEFORE else ()
    return [f"a photo of a {words} person" for words in before] + [
        f"a photo of a person {phrase}" for phrase in _AFTER[name][number]
    ]


def _any(of: Sequence[str], random: np.random.RandomState) -> str:
    return of[random.randint(len(of))]


def _words(*tables: object) -> set[str]:
    found: set[str] = set()
    for table in tables:
        if isinstance(table, str):
            found.update(table.replace("{}", "").split())
        else:
            found.update(_words(*(table.values() if isinstance(table, Mapping) else table)))  # type: ignore[misc]
    return found


VOCABULARY: tuple[str, ...] = (
    "",
    *sorted(
        {"a", "an", "the", "and"} | set(HAIR_COLOURS) | _words(_STARTS, _ENDS, _NOUNS, _BEFORE, _AFTER, _HAIR)
    ),
)
"""Every word of the captions; the number of a word is its place. The first fills short texts up."""

_NUMBER = {word: number for number, word in enumerate(VOCABULARY)}


def tokens(text: str) -> list[int]:
    """The numbers of a text's words; capitals, hyphens and punctuation do not count.

    Args:
        text: one to `LONGEST` words of the `VOCABULARY`.

    Returns:
        One number a word.

    Raises:
        InterpganError: if the text is empty or too long, or has a word that the captions never had.
    """
    words = re.findall(r"[^\W_]+|[^\w\s.,;:!?'\"()-]", text.lower())
    if not words:
        raise InterpganError(f"the text '{text}' has no words; write some, such as 'a smiling old man'")
    if len(words) > LONGEST:
        raise InterpganError(f"the text has {len(words)} words, and avatars.text reads {LONGEST}; write less")
    for word in words:
        if word not in _NUMBER:
            raise InterpganError(
                f"'{word}' is none of the {len(VOCABULARY) - 1} words about faces that avatars.text knows, which stand "
                "in its plugin's README" + did_you_mean(word, VOCABULARY[1:])
            )
    return [_NUMBER[word] for word in words]
