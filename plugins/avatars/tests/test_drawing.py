"""People and their pictures: what is said of them is so."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpgan_avatars.drawing import PARTS, parts, picture
from interpgan_avatars.person import ATTRIBUTES, HAIR_COLOURS, HAIR_STYLES, SKIN_TONES, Person, draw

PEOPLE = [draw(seed) for seed in range(4000)]
PLAIN = {
    "pose": 0.0, "smile": -0.5, "age": 0.1, "male": True, "eyeglasses": False, "beard": False,
    "style": 0, "colour": 0, "skin": 1, "shirt": 0, "wall": 0,
}  # fmt: skip


def share(of, among=PEOPLE):
    return np.mean([of(person) for person in among])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_person_is_their_seed(seed):
    person = draw(seed)
    assert person == draw(seed)
    assert -1 <= person.pose <= 1 and not 0 < person.smile < 0.5 and not 0.4 < person.age < 0.6
    assert person.male or not person.beard
    assert person.style in range(len(HAIR_STYLES)) and person.skin in range(len(SKIN_TONES))
    assert person.hair_colour in range(len(HAIR_COLOURS))
    assert dict(zip(ATTRIBUTES, person.attributes, strict=True))["eyeglasses"] == person.eyeglasses


def test_the_world_is_as_unequal_as_it_says():
    assert share(lambda p: p.male) == pytest.approx(0.5, abs=0.03)
    assert share(lambda p: p.old) == pytest.approx(0.4, abs=0.03)
    assert share(lambda p: p.smiles) == pytest.approx(0.5, abs=0.03)
    old_men = [p for p in PEOPLE if p.old and p.male]
    young_women = [p for p in PEOPLE if not p.old and not p.male]
    assert share(lambda p: p.eyeglasses, old_men) == pytest.approx(0.6, abs=0.06)
    assert share(lambda p: p.eyeglasses, young_women) == pytest.approx(0.15, abs=0.05)
    assert share(lambda p: p.beard, old_men) == pytest.approx(0.6, abs=0.06)
    assert {p.style for p in PEOPLE if p.male} == {p.style for p in PEOPLE if not p.male} == set(range(6))


def test_equal_people_have_equal_pictures():
    assert (picture(PEOPLE[3]) == picture(draw(3))).all()
    assert picture(PEOPLE[3]).shape == (64, 64, 3)
    assert parts(PEOPLE[3]).shape == (64, 64)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"smile": 0.9}, "mouth"),
        ({"eyeglasses": True}, "glasses"),
        ({"beard": True}, "beard"),
        ({"colour": 3}, "hair"),
        ({"skin": 3}, "skin"),
        ({"shirt": 1}, "shirt"),
        ({"wall": 1}, "background"),
    ],
)
def test_what_changes_changes_where_it_should(change, where):
    before, after = Person(**PLAIN), Person(**PLAIN | change)
    changed = np.abs(picture(before).astype(int) - picture(after)).sum(2) > 20
    at = parts(before) == PARTS.index(where)
    at |= parts(after) == PARTS.index(where)
    near = np.zeros_like(at)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near |= np.roll(at, (dy, dx), (0, 1))
    if where == "hair":  # brows have its colour
        near |= parts(before) == PARTS.index("brows")
    assert changed.sum() > 5
    assert (changed & ~near).sum() <= 0.1 * changed.sum()


def test_the_head_turns_with_the_pose():
    def middle(pose):
        return np.nonzero(parts(Person(**PLAIN | {"pose": pose})) == PARTS.index("eyes"))[1].mean()

    turns = [middle(pose) for pose in np.linspace(-1, 1, 9)]
    assert turns == sorted(turns)
    assert turns[-1] - turns[0] == pytest.approx(8, abs=1)


@pytest.mark.parametrize("person", PEOPLE[:40], ids=range(40))
def test_every_face_is_whole(person):
    from interpgan_avatars.anatomy import count

    map_ = parts(person)
    assert count(map_, PARTS.index("eyes")) == 2
    assert count(map_, PARTS.index("mouth")) == 1
    assert ("glasses" in {PARTS[k] for k in np.unique(map_)}) == person.eyeglasses
    assert ("beard" in {PARTS[k] for k in np.unique(map_)}) == person.beard
