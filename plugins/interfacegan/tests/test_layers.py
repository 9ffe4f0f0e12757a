"""Which layers carry an attribute, on a network of two layers in which that is known."""

import pytest
import torch
from torch import nn

from interpgan_core import (
    Direction,
    DirectionSet,
    Generator,
    InterpganError,
    LatentSpace,
    load_generator,
    quiet,
    seeded_normal,
)
from interpgan_core.testing import conformance, toy
from interpgan_interfacegan.layers import FindLayers

NAMES = ("red", "green", "blue")


class Net(nn.Module):
    """Layer a paints red, layer b green, and both paint blue."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Identity(), nn.Identity()

    def forward(self, codes):
        a, b = (
            layer(codes[:, i, :, None, None].expand(-1, -1, 2, 2)) for i, layer in enumerate((self.a, self.b))
        )
        return torch.stack([a[:, 0], b[:, 1], a[:, 2] - b[:, 2]], 1)


class Layered(Generator):
    """z -> w -> w+ (2, 3) -> s (6,); an entry of a code is a unit of its layer's maps."""

    fingerprint = "layered"
    layers = ("a", "b")

    def __init__(self):
        self.module = Net().eval()
        numbers = torch.arange(2)
        self.spaces = {
            "z": LatentSpace("z", (3,)),
            "w": LatentSpace("w", (3,)),
            "w+": LatentSpace("w+", (2, 3), numbers[:, None], base="w"),
            "s": LatentSpace("s", (6,), numbers.repeat_interleave(3)),
        }

    def prior(self, seeds):
        return seeded_normal(seeds, (3,))

    def map(self, codes, source, target, labels):
        if target in ("w+", "s") and source in ("z", "w"):
            codes = torch.stack([codes, codes * torch.tensor([1.0, 1.0, -1.0])], 1)
        return codes.flatten(1) if target == "s" else codes

    def forward(self, batch):
        return self.module(self.to_space(batch, "s").codes.view(-1, 2, 3))


class Colours:
    names: tuple[str, ...] = NAMES

    def __call__(self, images):
        return images.mean((2, 3))


RGB = DirectionSet({n: Direction(torch.eye(3)[i], "w") for i, n in enumerate(NAMES)})

test_alone = conformance(FindLayers(scorer=Colours(), seeds="0-9", count=2), toy)
test_with_directions = conformance(
    FindLayers(scorer=Colours(), seeds="0-9", directions={"red": Direction(torch.ones(16), "w")}), toy
)


def tables(generator=None, **parameters):
    step = FindLayers(**{"scorer": Colours(), "seeds": "0-99", "count": 1, **parameters})
    return step.run(generator or Layered(), quiet).tables


def test_the_layer_of_each_colour():
    whole, strongest = tables(directions=RGB)
    assert whole.columns == ("attribute", "moved", "0", "1", "most in layers")
    found = {row[:2]: row[2:4] for row in whole.rows}
    for carrier in ("direction", "units", "channels"):
        assert found["red", carrier] == (pytest.approx(2, rel=0.2), 0)
        assert found["green", carrier] == (0, pytest.approx(2, rel=0.2))
    # Blue is the sum of both layers, which each make half of it.
    for carrier in ("units", "channels"):
        assert found["blue", carrier] == (pytest.approx(1, rel=0.2), pytest.approx(1, rel=0.2))
    assert found["blue", "direction"] == (
        pytest.approx(1, rel=0.2),
        0,
    )  # the direction does not know of the minus
    which = {row[:2]: row[2:4] for row in strongest.rows}
    assert which["red", "units"] == ("0", "0+") and which["green", "channels"] == ("1", "1+")
    assert {row[:2]: row[5] for row in strongest.rows}["red", "channels"] == pytest.approx(1)


def test_units_that_lower_the_score_are_moved_down():
    whole, strongest = tables(attributes=("blue",))
    assert {row[0] for row in whole.rows} == {"blue"}
    second = FindLayers(scorer=Colours(), seeds="0-99", count=1, attributes=("blue",)).run(Layered(), quiet)
    assert second.tables[1].rows == strongest.rows
    in_layer_1 = next(row for row in whole.rows if row[1] == "units")
    assert in_layer_1[3] == pytest.approx(1, rel=0.2)  # unit 2 of layer b paints minus blue


def test_twice_as_far():
    once, twice = (tables(strength=s, attributes=("red",))[0].rows for s in (1.0, 2.0))
    assert twice[0][2] == pytest.approx(2 * once[0][2])


def test_a_generator_without_layered_codes_has_units():
    (whole, _) = tables(load_generator("avatars.pggan"), seeds="0-7", attributes=("red",))
    assert {row[1] for row in whole.rows} == {"units"} and len(whole.columns) == 3 + 10


def test_a_score_that_is_missing_is_left_out():
    class Some(Colours):
        def __call__(self, images):
            scores = super().__call__(images)
            return scores.where(images.mean((1, 2, 3))[:, None] > -0.5, torch.nan)

    whole, _ = tables(scorer=Some(), attributes=("red",))
    assert all(number == number for row in whole.rows for number in row[2:4])


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"seeds": "0-3"}, "4 samples rank nothing"),
        ({"attributes": ("rde",)}, "no attribute 'rde'; did you mean 'red'"),
        ({"directions": {"other": RGB["red"]}}, "none of these directions is of a scored attribute"),
        ({"directions": DirectionSet({})}, "no directions here"),
        ({"directions": {"red": Direction(torch.ones(3), "z")}}, "cannot be moved layer by layer"),
    ],
)
def test_what_the_check_refuses(parameters, said):
    with pytest.raises(InterpganError, match=said):
        FindLayers(**{"scorer": Colours(), **parameters}).check(Layered())
