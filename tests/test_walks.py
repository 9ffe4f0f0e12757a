"""Strengths, and the grids of walk, sweep and place, by hand, on codes of two numbers."""

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import Direction, Grid, LatentBatch, LatentSpace, Place, Shift, Sweep, Walk
from interpgan_core.generators.generator import Generator

SPACES = (
    LatentSpace("w", (2,)),
    LatentSpace("w+", (3, 2), torch.arange(3)[:, None], base="w"),
)
FIRST, SECOND = Direction(torch.tensor([1.0, 0.0]), "w"), Direction(torch.tensor([0.0, 1.0]), "w")


class Plain(Generator):
    """Codes of w, which are w+ in every layer; it draws nothing."""

    layers = ()

    def __init__(self):
        self.module, self.fingerprint = torch.nn.Identity(), "abcd"
        self.spaces = {space.name: space for space in SPACES}

    def prior(self, seeds):
        return torch.tensor([[100.0 * seed, 0.0] for seed in seeds])

    def map(self, codes, source, target, labels):
        return codes[:, None].expand(-1, 3, -1)

    def forward(self, batch):
        raise AssertionError


PLAIN = Plain()


def codes(*places, **changes):
    return LatentBatch(torch.tensor(places), SPACES[0], **changes)


@pytest.mark.parametrize(
    ("text", "strengths"),
    [
        ("-1:1:0.5", (-1, -0.5, 0, 0.5, 1)),
        ("1:2:0.3", (1, 1.3, 1.6, 1.9)),
        (" +2 : 2 : .5 ", (2,)),
        ("2:4:0.25", tuple(2 + i / 4 for i in range(9))),
        ([3, 1], (3, 1)),
    ],
)
def test_strengths_are_a_list_or_a_range(text, strengths):
    assert Walk(direction=FIRST, strengths=text).strengths == strengths


def test_a_range_has_1000_strengths_at_most():
    assert len(Walk(direction=FIRST, strengths="1:1000:1").strengths) == 1000
    for text in ("1:1001:1", "0:1:0.001", "1:2:0", "1:2:-1", "2:1:1", "2:1:-1", "a:b:c", "1:2", ""):
        with pytest.raises(ValidationError, match="strengths"):
            Walk(direction=FIRST, strengths=text)


def test_defaults_and_what_there_must_be():
    assert Walk(direction=FIRST).strengths == (-3, -1.5, 0, 1.5, 3)
    assert Sweep(directions={"a": FIRST}).strengths == (-3, 0, 3)
    assert len(Walk(direction=FIRST, strengths=[1]).strengths) == 1
    assert Place(direction=FIRST, distance=[1.0]).distance == (1,)
    assert Sweep(directions={"a": FIRST}, layers=["1"]).layers == ("1",)
    for wrong in (
        lambda: Walk(direction=FIRST, strengths=[]),
        lambda: Place(direction=FIRST, distance=[]),
        lambda: Sweep(directions={}),
        lambda: Sweep(directions={"a": FIRST}, layers=[]),
    ):
        with pytest.raises(ValidationError):
            wrong()
    schema = Walk.model_json_schema()["properties"]["strengths"]["anyOf"]
    assert schema == [{"type": "array", "items": {"type": "number"}, "minItems": 1}, {"type": "string"}]


def test_columns_say_the_strength_that_was_asked_for():
    """In its unit, whatever that is in the space."""
    wide = Direction(FIRST.vector, "w", notes={"sigma": 4.0})
    walked = Walk(direction=wide, strengths=[-1, 0, 0.5], unit="sigma").run(codes([0.0, 7.0]), PLAIN)
    assert walked.codes.tolist() == [[-4, 7], [0, 7], [2, 7]]
    assert walked.grid == Grid(("-1", "0", "+0.5"), origin=1)
    assert Shift(direction=wide, strength=0.5, unit="sigma").run(codes([0.0, 7.0]), PLAIN).codes[0, 0] == 2


def test_a_place_is_a_distance_from_the_plane():
    """The plane x + 1 = 0; from wherever a code is."""
    plane, batch = Direction(FIRST.vector, "w", bias=1.0), codes([5.0, 2.0], [-3.0, 4.0], [0.0, 0.0])
    placed = Place(direction=plane, distance=2.5).run(batch, PLAIN)
    assert placed.codes.tolist() == [[1.5, 2], [1.5, 4], [1.5, 0]]
    several = Place(direction=plane, distance=[0.0, 1.0]).run(batch, PLAIN)
    assert several.codes.tolist() == [[-1, 2], [0, 2], [-1, 4], [0, 4], [-1, 0], [0, 0]]
    layered = Place(direction=plane, distance=2.5, layers="1-2").run(batch, PLAIN)
    assert layered.codes[1].tolist() == [[-3, 4], [1.5, 4], [1.5, 4]]


def swept(batch, **fields):
    return Sweep(**{"directions": {"a": FIRST, "b": SECOND}, "strengths": [1, 2, 3], **fields}).run(
        batch, PLAIN
    )


def test_a_sweep_is_a_row_a_direction():
    found = swept(codes([100.0, 0.0], [200.0, 0.0], seeds=torch.tensor([8, 9])))
    assert found.codes.tolist() == [
        [100 + a, b] if name == "a" else [100, a] for name in "ab" for a, b in ((1, 0), (2, 0), (3, 0))
    ] + [[200 + a, 0] if name == "a" else [200, a] for name in "ab" for a in (1, 2, 3)]
    assert found.seeds.tolist() == [8] * 6 + [9] * 6
    assert found.grid == Grid(("+1", "+2", "+3"), rows=("a", "b"))


def test_a_sweep_of_several_ranges_of_layers_is_a_row_each():
    found = swept(codes([100.0, 0.0]), directions={"7": FIRST, "b": SECOND}, layers=["0", "1-2"])
    assert found.grid.rows == tuple(
        f"{name}, layers {layers}" for name in ("direction 7", "b") for layers in ("0", "1-2")
    )
    rows = found.codes.view(4, 3, 3, 2)
    assert rows[1, 2].tolist() == [[100, 0], [103, 0], [103, 0]]
    assert rows[2, 0].tolist() == [[100, 1], [100, 0], [100, 0]]
    one = swept(codes([100.0, 0.0]), layers=["0"])
    assert one.grid.rows == ("a", "b") and one.codes[0].tolist() == [[101, 0], [100, 0], [100, 0]]


def test_a_sweep_of_a_sweep_has_rows_and_columns_of_both():
    first = swept(codes([100.0, 0.0], [200.0, 0.0], seeds=torch.tensor([8, 9])), strengths=[0, 10])
    found = Sweep(directions={"c": FIRST, "d": SECOND}, strengths=[0, 0.5, 0.25]).run(first, PLAIN)
    assert found.grid.rows == ("a, c", "a, d", "b, c", "b, d") and found.grid.origin == 0
    assert found.grid.columns == tuple(f"{a}, {b}" for a in ("0", "+10") for b in ("0", "+0.5", "+0.25"))
    rows = found.codes.view(2, 4, 6, 2)
    assert rows[1, 0, 3].tolist() == [210, 0] and rows[1, 0, 4].tolist() == [210.5, 0]
    assert rows[0, 3, 5].tolist() == [100, 10.25]
    assert found.seeds.view(2, 24).tolist() == [[8] * 24, [9] * 24]
