"""Names of channels, how far samples spread along them, and sets that answer to parts and attributes."""

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import InterpganError, Ranges, Shift, load_generator, quiet
from interpgan_core.testing import conformance, plugin_conformance, recipe_error, toy
from interpgan_stylespace.channels import Channels, channel, channel_names, find_channels, spread, style_space
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
