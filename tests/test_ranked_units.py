"""Ranked units: what they are made of, the best of them, their levels, their file."""

from dataclasses import FrozenInstanceError, replace
from types import SimpleNamespace

import pytest
import torch

from interpgan_core import InterpganError, RankedUnits
from interpgan_core.files.checkpoints import write_safetensors

LEVELS = {"mean": torch.tensor([1.0, -2.0, 3.0]), "map": torch.arange(12.0).view(3, 2, 2)}
RANKED = RankedUnits("layers.3", (5, 1, 7), torch.tensor([0.5, 0.4, 0.3]), LEVELS, "glasses by ace", "abcd")


def test_units_do_not_change_and_are_themselves_alone():
    with pytest.raises(FrozenInstanceError):
        RANKED.layer = "layers.4"
    assert len({RANKED, replace(RANKED)}) == 2


@pytest.mark.parametrize("units", [(), (1, 1, 2)])
def test_there_is_one_unit_at_least_and_each_once(units):
    with pytest.raises(InterpganError, match="ranked units of layer x need one unit at least, each once"):
        RankedUnits("x", units, torch.zeros(len(units)))


@pytest.mark.parametrize(
    ("name", "shape"),
    [("scores", (3,)), ("scores", (2, 1)), ("scores", (2, 4, 4)), ("mean", (3,)), ("mean", (2, 4))],
)
def test_scores_and_levels_fit_the_units(name, shape):
    scores = torch.zeros(shape if name == "scores" else 2)
    levels = {} if name == "scores" else {name: torch.zeros(shape)}
    with pytest.raises(InterpganError, match=f"2 units came with {name} of shape"):
        RankedUnits("x", (1, 2), scores, levels)


@pytest.mark.parametrize(
    ("count", "names"), [(1, "0"), (8, "0, 1, 2, 3, 4, 5, 6, 7"), (9, "0, 1, 2, 3, 4, 5, 6, 7")]
)
def test_units_say_what_they_are(count, names):
    plain = RankedUnits("x", tuple(range(count)), torch.zeros(count))
    assert repr(plain) == f"<RankedUnits: {count} of x: {names}>"
    assert repr(RANKED) == "<RankedUnits glasses by ace: 3 of layers.3: 5, 1, 7>"


def test_the_best_are_the_first():
    two = RANKED.first(2)
    assert two.units == (5, 1) and two.scores.tolist() == RANKED.scores[:2].tolist()
    assert two.level("mean").tolist() == [1, -2] and two.level("map").shape == (2, 2, 2)
    assert RANKED.first(1).units == (5,) and RANKED.first(3).units == RANKED.units
    for count in (0, 4):
        with pytest.raises(InterpganError, match=f"'count' {count}: 3 units are ranked; give 1 to 3"):
            RANKED.first(count)


def test_levels_where_units_are_set():
    """A map of two columns is spread over four as pixels are: their centres coincide, not their corners."""
    assert RANKED.level_at("mean", (4, 4)).flatten().tolist() == [1, -2, 3]
    assert RANKED.level_at("mean", (4, 4)).shape == (1, 3, 1, 1)
    spread = RANKED.level_at("map", (2, 4))
    assert spread.shape == (1, 3, 2, 4) and spread[0, 0, 0].tolist() == [0, 0.25, 0.75, 1]
    with pytest.raises(InterpganError, match="these units have no level 'maep'; did you mean"):
        RANKED.level("maep")


def test_units_of_another_generator_are_refused():
    RANKED.require_generator(SimpleNamespace(fingerprint="abcd"))
    replace(RANKED, generator="").require_generator(SimpleNamespace(fingerprint="efgh"))
    with pytest.raises(InterpganError, match=r"ranked in another generator \(abcd, not efgh\)"):
        RANKED.require_generator(SimpleNamespace(fingerprint="efgh"))


def test_units_survive_saving(tmp_path):
    RANKED.save(tmp_path)
    found = RankedUnits.load(tmp_path)
    for name in ("layer", "units", "title", "generator"):
        assert getattr(found, name) == getattr(RANKED, name)
    assert torch.equal(found.scores, RANKED.scores) and list(found.levels) == ["map", "mean"]
    assert all(torch.equal(found.levels[name], LEVELS[name]) for name in LEVELS)


def test_a_file_that_lacks_something_is_damaged(tmp_path):
    header = {"layer": "x", "units": [1], "title": "", "generator": ""}
    write_safetensors(tmp_path / "units.safetensors", {"level.mean": torch.zeros(1)}, "units", header)
    with pytest.raises(InterpganError, match=r"units\.safetensors is damaged: it has no 'scores'; run again"):
        RankedUnits.load(tmp_path)


def test_the_table_has_levels_that_are_numbers():
    (table,) = RANKED.summary().tables
    assert table.title == "Units of layers.3: glasses by ace"
    assert table.columns == ("unit", "score", "level mean")
    assert [row[0] for row in table.rows] == [5, 1, 7] and [row[2] for row in table.rows] == [1, -2, 3]
    assert replace(RANKED, title="").summary().tables[0].title == "Units of layers.3"
