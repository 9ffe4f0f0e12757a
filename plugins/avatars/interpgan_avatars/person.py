"""The attributes of a person, and how a seed draws them. Numbers only; `drawing` makes the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

HAIR_STYLES = ("short", "wavy", "afro", "bun", "bob", "long")
"""The classes of the pictures."""

HAIR_COLOURS = ("black", "brown", "red", "blond", "grey")
SKIN_TONES = ("light", "tan", "brown", "dark")

ATTRIBUTES = ("pose", "smile", "age", "gender", "eyeglasses", "beard")
"""What a scorer is asked for, beside the colours: pose is a number, the others are yes or no."""

_STREAM = 0x41564154  # keeps these draws apart from a generator's codes of the same seed

# Shares of the hair styles, and of the colours that hair has before it turns grey.
_STYLES = {True: (0.36, 0.32, 0.16, 0.04, 0.04, 0.08), False: (0.06, 0.04, 0.16, 0.18, 0.26, 0.30)}
_COLOURS = (0.28, 0.32, 0.16, 0.24)


@dataclass(frozen=True)
class Person:
    """Everything that decides a picture.

    Args:
        pose: -1 (looks to the left of the picture) to 1 (to the right); 1 moves the eyes by 4 pixels of 64.
        smile: -1 to 1, how far the corners of the mouth are up; never between 0 and 0.5.
        age: 0 to 1; never between 0.4 and 0.6. Wrinkles grow with it, and hair turns grey.
        male: thick brows and no lashes, rather than lashes and red lips.
        eyeglasses: does the person wear any?
        beard: has the person one? Men only.
        style: number of the hair style, see `HAIR_STYLES`.
        colour: number of the hair's colour before it turns grey, see `HAIR_COLOURS`.
        skin: number of the skin tone, see `SKIN_TONES`.
        shirt: number of the colour of the shirt.
        wall: number of the colour behind.
    """

    pose: float
    smile: float
    age: float
    male: bool
    eyeglasses: bool
    beard: bool
    style: int
    colour: int
    skin: int
    shirt: int
    wall: int

    @property
    def old(self) -> bool:
        """Above the gap in the ages."""
        return self.age > 0.5

    @property
    def smiles(self) -> bool:
        """Above the gap in the smiles."""
        return self.smile > 0.25

    @property
    def hair_colour(self) -> int:
        """Number of the visible colour: hair of the old is grey."""
        return HAIR_COLOURS.index("grey") if self.old else self.colour

    @property
    def attributes(self) -> tuple[float, ...]:
        """In the order of `ATTRIBUTES`: pose from -1 to 1, the others 1 or 0; gender is 1 for male, age for old."""
        yes = (self.smiles, self.old, self.male, self.eyeglasses, self.beard)
        return (self.pose, *map(float, yes))


def draw(seed: int) -> Person:
    """The person of a seed.

    Half are male, 40 % are old, half smile. Eyeglasses: 15 % of young women to 60 % of old men; beards: 25 % of
    young men, 60 % of old ones: what makes a boundary of one attribute lean towards another.

    Args:
        seed: 0 to 2^32 - 1.
    """
    import numpy as np

    random = np.random.RandomState([seed, _STREAM])
    male, old, smiles = random.rand(3) < (0.5, 0.4, 0.5)
    glasses, beard = random.rand(2)
    pose, smile, age = random.rand(3)
    return Person(
        pose=float(2 * pose - 1),
        smile=float(0.5 + 0.5 * smile if smiles else smile - 1),
        age=float(0.6 + 0.4 * age if old else 0.4 * age),
        male=bool(male),
        eyeglasses=bool(glasses < 0.15 + 0.3 * old + 0.15 * male),
        beard=bool(male and beard < (0.6 if old else 0.25)),
        style=_choose(random, _STYLES[bool(male)]),
        colour=_choose(random, _COLOURS),
        skin=int(random.randint(len(SKIN_TONES))),
        shirt=int(random.randint(4)),
        wall=int(random.randint(3)),
    )


def _choose(random: np.random.RandomState, shares: Sequence[float]) -> int:
    return int(random.choice(len(shares), p=shares))
