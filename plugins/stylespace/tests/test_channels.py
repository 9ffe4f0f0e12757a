"""Names of channels, how far samples spread along them, and sets that answer to parts and attributes."""

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from interpgan_core import (
    Generator,
    InterpganError,
    LatentSpace,
    Ranges,
    Shift,
    load_generator,
    quiet,
    seeded_normal,
)
from interpgan_core.testing import conformance, plugin_conformance, recipe_error, recorded, toy
from interpgan_stylespace.channels import (
    Channels,
    channel,
    channel_names,
    expected,
    find_channels,
    spread,
    style_space,
)
from interpgan_stylespace.operators import ChooseChannels

test_plugin = plugin_conformance("stylespace")
test_choosing = conformance(ChooseChannels(channels=("1.15", "3.0"), seeds="0-99"), toy)


def test_names_are_layers_and_places_within():
    names = channel_names(style_space(toy()))
    assert names[0] == "0.0" and names[17] == "1.1" and names[95] == "5.15" and len(set(names)) == 96
    assert find_channels(["1.1", "5.15"], style_space(toy())) == [17, 95]


@pytest.mark.parametrize(
    ("name", "said"),
    [("1.16", "layer 1 has channels 0 to 15"), ("9.0", "no channel '9.0' in s"), ("x", "no channel")],
)
def test_channels_that_do_not_exist(name, said):
    with pytest.raises(InterpganError, match=said):
        ChooseChannels(channels=(name,)).check(toy())


def test_a_number_in_place_of_a_name(tmp_path):
    text = (
        "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: stylespace, channels: [6.10]}\n"
    )
    assert "write the channel in quotes, as '6.10'" in recipe_error(text, tmp_path)
    with pytest.raises(ValidationError, match="in quotes"):
        ChooseChannels(channels=(6.1,))


def test_a_generator_without_s():
    with pytest.raises(InterpganError, match="has no space s, whose channels style the layers"):
        ChooseChannels(channels=("0.0",)).check(load_generator("avatars.pggan"))


def test_spread_is_that_of_all_samples_together():
    generator = toy()
    codes = generator.to_space(generator.sample(range(150)), "s").codes.double()
    mean, deviation = spread(generator, Ranges("0-149"), quiet)
    assert torch.allclose(mean, codes.mean(0), atol=1e-9)
    assert torch.allclose(deviation, codes.std(0), rtol=1e-7)


class Styled(Generator):
    """Three channels of S, of standard deviations 3e-6, 1 and 3e-7, which the median, 3e-6, makes enough."""

    fingerprint = "styled"

    def __init__(self):
        self.module = nn.Identity()
        mean = torch.tensor([0.5, -2.0, 0.0])
        self.spaces = {
            "z": LatentSpace("z", (3,)),
            "s": LatentSpace("s", (3,), torch.tensor([0, 1, 1]), mean=mean),
        }

    def prior(self, seeds):
        return seeded_normal(seeds, (3,))

    def map(self, codes, source, target, labels):
        return codes * torch.tensor([3e-6, 1.0, 3e-7])

    def forward(self, batch):
        return batch.codes[:, :, None, None]


def test_a_channel_that_hardly_differs_is_the_same_in_all_samples():
    """By less than a millionth of the median; a tenth of the median is enough."""
    _, deviation = spread(Styled(), Ranges("0-99"), quiet)
    assert deviation[:2].tolist() == pytest.approx([3e-6, 1.0], rel=0.3) and deviation[2] > 0

    class Still(Styled):
        def map(self, codes, source, target, labels):
            return codes * torch.tensor([1.0, 1.0, 5e-7])

    assert spread(Still(), Ranges("0-99"), quiet)[1].tolist()[2] == 0


def test_two_samples_have_a_spread_and_one_has_none():
    _, deviation = spread(Styled(), Ranges("5-6"), quiet)
    assert float(deviation[1]) == pytest.approx(float(Styled().prior([5, 6])[:, 1].std()), rel=1e-5)
    mean, deviation = spread(Styled(), Ranges("5"), quiet)
    assert deviation.tolist() == [0, 0, 0] and mean[1] == pytest.approx(float(Styled().prior([5])[0, 1]))


def test_progress_of_a_spread_is_in_batches():
    said = []
    spread(Styled(), Ranges("0-129"), recorded(said))
    assert said == [("measuring channels of 130 samples", 3, 3)]


def test_the_direction_along_a_channel():
    """Its distance counts from the mean of the channel."""
    found = channel(1, Styled().spaces["s"], 0.75, Styled(), {"part": "eyes"})
    assert found.vector.tolist() == [0, 1, 0] and found.bias == 2.0 and found.space == "s"
    assert found.notes["sigma"] == 0.75 and found.notes["part"] == "eyes" and found.generator == "styled"
    bare = LatentSpace("s", (3,), torch.tensor([0, 1, 1]))
    assert channel(0, bare, 1.0, Styled(), {}).bias == 0


def test_what_is_expected_before_any_channel_is_found():
    found = expected(Styled(), ["eyes", "mouth"])
    assert list(found) == ["0.0", "1.0", "1.1"] and found["1.1"].notes["sigma"] == 1
    assert found["eyes"].notes["of"] == {"eyes": 1, "mouth": 1} and found["eyes"].vector.tolist() == [1, 0, 0]


def test_styles_in_rows_are_no_s():
    rows = Styled()
    rows.spaces = {"s": LatentSpace("s", (2, 3), torch.arange(2)[:, None])}
    with pytest.raises(InterpganError, match="has no space s"):
        style_space(rows)


def test_a_channel_moves_alone():
    generator = toy()
    found = ChooseChannels(channels=("2.5",), seeds="0-99").run(generator, quiet)
    before = generator.to_space(generator.sample([3]), "s").codes
    after = (
        Shift(direction=found["2.5"], strength=2.0, unit="sigma").run(generator.sample([3]), generator).codes
    )
    moved = (after - before)[0].nonzero().flatten().tolist()
    assert moved == [37]
    assert float((after - before)[0, 37]) == pytest.approx(2 * found["2.5"].notes["sigma"], rel=1e-5)


def test_a_set_answers_to_what_its_channels_are_of(tmp_path):
    generator = toy()
    space = style_space(generator)
    made = Channels(
        {
            "0.1": channel(1, space, 1.0, generator, {"of": {"smile": -1}}),
            "0.2": channel(2, space, 1.0, generator, {"of": {"smile": 1, "age": 1}}),
        }
    )
    made.save(tmp_path)
    for found in (made, Channels.load(tmp_path)):
        assert found["smile"].vector[1] == -1 and found["smile"].notes["attribute"] == "smile"
        assert found["0.1"].vector[1] == 1 and found["age"].vector[2] == 1 and found["1"].vector[2] == 1
        with pytest.raises(InterpganError, match="no channel was found for 'smlie'; did you mean 'smile'"):
            found["smlie"]
        with pytest.raises(InterpganError, match=r"7\.0") as unknown:  # no attribute is called so
            found["7.0"]
        assert "was found for" not in str(unknown.value)
