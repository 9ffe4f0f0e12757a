"""Disentanglement and completeness: by hand, and what the operator makes of known importances."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from interpgan_core import InterpganError, quiet
from interpgan_core.testing import toy
from interpgan_stylespace import dci
from interpgan_stylespace.dci import MeasureDisentanglement, completeness, disentanglement
from interpgan_stylespace.effects import Effects


class Colours:
    """The red and the green of a picture."""

    names: tuple[str, ...] = ("red", "green")

    def __call__(self, images):
        return images.mean((2, 3))[:, : len(self.names)]


class Red(Colours):
    names = ("red",)


def test_one_entry_for_each_attribute_is_perfect():
    perfect = torch.tensor([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert disentanglement(perfect)[1] == pytest.approx(1) and completeness(perfect)[1] == pytest.approx(1)
    assert disentanglement(perfect)[0].tolist() == [1, 1, 0]
    worst = torch.ones(4, 3)
    assert disentanglement(worst)[1] == pytest.approx(0) and completeness(worst)[1] == pytest.approx(0)


def test_by_hand():
    """Shares ¾ and ¼ have 0.811 bits of entropy."""
    entropy = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    each, mean = disentanglement(torch.tensor([[3.0, 1.0], [0.0, 4.0]]))
    assert each.tolist() == pytest.approx([1 - entropy, 1]) and mean == pytest.approx(1 - entropy / 2)


def test_what_matters_to_nothing_is_not_disentangled():
    for measure in (disentanglement, completeness):
        each, mean = measure(torch.zeros(2, 2))
        assert each.tolist() == [0, 0] and mean == 0


def test_completeness_is_the_plain_mean():
    """However much an attribute matters: of shares ¾ and ¼, and of one entry alone."""
    entropy = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    each, mean = completeness(torch.tensor([[0.03, 0.0], [0.01, 4.0]]))
    assert each.tolist() == pytest.approx([1 - entropy, 1]) and mean == pytest.approx(1 - entropy / 2)


def test_small_effects_count_as_large_ones_do():
    importance = torch.tensor([[3.0, 1.0], [0.0, 4.0]])
    for measure in (disentanglement, completeness):
        assert measure(1e-9 * importance)[1] == pytest.approx(measure(importance)[1])


def known(monkeypatch, **sizes):
    """The operator finds these importances, whatever the generator does; returns what it asks for."""
    asked = []

    def effects(generator, scorer, name, seeds, batch_size, progress):
        asked.append((name, len(seeds), batch_size))
        size = torch.tensor(sizes[name]).double()
        return Effects(size, size, torch.ones(len(size)).double())

    monkeypatch.setattr(dci, "effects", effects)
    return asked


def test_the_tables(monkeypatch):
    """Of all spaces of single vectors; the entries are those of the space."""
    perfect, poor = [[3.0, 0.0], [0.0, 0.01]], [[0.25, 0.5], [0.75, 0.5]]
    asked = known(monkeypatch, z=perfect, w=poor, s=[[0.0, 0.0], [0.0, 0.0]])
    report = MeasureDisentanglement(scorer=Colours()).run(toy(), quiet)
    assert asked == [("z", 256, 16), ("w", 256, 16), ("s", 256, 16)]
    whole, most = report.tables
    assert whole.columns == ("space", "entries", "disentanglement", "completeness", "red", "green")
    entropy = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    apart = (
        1.25 * (1 + 0.6 * math.log2(0.6) + 0.4 * math.log2(0.4)) + 0.75 * (1 - (math.log2(3) - 2 / 3))
    ) / 2
    assert whole.rows[0] == ("z", 16, 1, 1, 1, 1)
    assert whole.rows[1] == (
        "w",
        16,
        pytest.approx(apart),
        *map(pytest.approx, ((1 - entropy) / 2, 1 - entropy, 0)),
    )
    assert whole.rows[2] == ("s", 96, 0, 0, 0, 0)
    assert "over 256 samples" in whole.note
    assert most.columns == ("space", "red", "green")
    assert most.rows == (("z", 1, 1), ("w", 0.75, 0.5), ("s", 0, 0))


def test_a_space_that_is_named(monkeypatch):
    """One with a vector for each layer is taken entry by entry."""
    asked = known(monkeypatch, **{"w+": [[1.0, 0.0], [0.0, 1.0]]})
    step = MeasureDisentanglement(scorer=Colours(), spaces=("w+",), seeds="0-9", batch_size=1)
    report = step.run(toy(), quiet)
    assert asked == [("w+", 10, 1)] and report.tables[0].rows[0][:2] == ("w+", 96)


def test_two_samples_and_two_attributes_are_enough():
    MeasureDisentanglement(scorer=Colours(), seeds="0-1").check(toy())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"spaces": ("q",)}, "no space 'q'"),
        ({"seeds": "4"}, "one sample has no standard deviation"),
        ({"scorer": Red()}, "with one attribute everything is disentangled"),
    ],
)
def test_what_is_refused(fields, said):
    with pytest.raises(InterpganError, match=said):
        MeasureDisentanglement(**{"scorer": Colours(), **fields}).check(toy())


@pytest.mark.parametrize("fields", [{"batch_size": 0}, {"batch_size": "4"}, {"spaces": ()}])
def test_wrong_parameters(fields):
    with pytest.raises(ValidationError):
        MeasureDisentanglement(scorer=Colours(), **fields)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 9), st.integers(2, 6), st.integers(0, 2**31))
def test_between_0_and_1_and_whatever_the_scale(entries, attributes, seed):
    random = torch.Generator().manual_seed(seed)
    # In float64, so that seven times it is not rounded.
    importance = torch.rand(entries, attributes, generator=random, dtype=torch.float64)
    for measure in (disentanglement, completeness):
        each, mean = measure(importance)
        assert each.ge(-1e-9).all() and each.le(1 + 1e-9).all() and -1e-9 <= mean <= 1 + 1e-9
        assert measure(7 * importance)[1] == pytest.approx(mean)
