"""Learned movers by hand: how codes are moved, how far they spread, what a set says."""

from dataclasses import FrozenInstanceError, dataclass, replace
from types import SimpleNamespace

import pytest
import torch

from interpgan_core import InterpganError, LatentSpace, LearnedMover, MoverSet
from interpgan_core.generators.coded import MAP_ROWS

FLAT = LatentSpace("w", (2,))
LAYERED = LatentSpace("w+", (3, 2), torch.arange(3)[:, None], base="w")


@dataclass(frozen=True, eq=False, kw_only=True)
class Beyond(LearnedMover):
    """Adds `step` times one more than the strength to the codes whose first number is above 0."""

    step: torch.Tensor

    def ahead(self, codes, strengths):
        assert len(codes) == len(strengths) == MAP_ROWS
        return codes + (codes[:, :1] > 0) * (1 + strengths[:, None]) * self.step


def beyond(step=(2.0, -1.0), **values):
    return Beyond(**{"space": "w", "generator": "abcd", "step": torch.tensor(step), **values})


class Drawn:
    """Stands for a generator of given codes, drawn in two parts."""

    def __init__(self, codes, space):
        self.codes, self.spaces = codes, {space.name: space}

    def space_for(self, name):
        return next(iter(self.spaces))

    def stream(self, seeds, space):
        for part in self.codes.chunk(2):
            yield SimpleNamespace(codes=part)


def test_each_code_moves_by_its_own_strength_and_0_leaves_it():
    codes = torch.ones(3, 2)
    moved = beyond().moved(codes, torch.tensor([0.0, 1.0, -3.0]), FLAT)
    assert moved.tolist() == [[1, 1], [5, -1], [-3, 3]]
    assert codes.tolist() == [[1, 1]] * 3


def test_of_layered_codes_the_chosen_layers_move_alone():
    codes = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0]]).repeat(2, 1, 1)
    strengths = torch.tensor([1.0, 0.0])
    default = beyond(layers="0-1").moved(codes, strengths, LAYERED)
    assert default[0].tolist() == [[5, -2], [-1, 0], [2, 0]] and torch.equal(default[1], codes[1])
    chosen = beyond(layers="0-1").moved(codes, strengths, LAYERED, "2")
    assert chosen[0].tolist() == [[1, 0], [-1, 0], [6, -2]] and torch.equal(chosen[1], codes[1])


@pytest.mark.parametrize("count", [0, 1, MAP_ROWS - 1, MAP_ROWS, MAP_ROWS + 1, 2 * MAP_ROWS + 3])
def test_however_many_codes_there_are_they_are_moved_in_blocks_of_one_size(count):
    codes = torch.arange(1.0, 2 * count + 1).view(count, 2)
    strengths = torch.arange(1.0, count + 1)
    moved = beyond().moved(codes, strengths, FLAT)
    assert torch.equal(moved, codes + (1 + strengths[:, None]) * torch.tensor([2.0, -1.0]))


@pytest.mark.parametrize("space", [FLAT, LAYERED])
def test_the_spread_of_codes_along_a_mover(space):
    """The root mean square of ((c - mean) · u) / |u|², over the codes that are moved; u is the move by 1."""
    codes = torch.randn(4096, *space.shape, generator=torch.Generator().manual_seed(0)) + 0.25
    move = (codes[..., :1] > 0) * torch.tensor([0.3, -0.4])
    along = ((codes - codes.mean(0)) * move).flatten(1).sum(1)
    lengths = move.square().flatten(1).sum(1)
    expected = (along[lengths > 0] / lengths[lengths > 0]).square().mean().sqrt()
    mover = beyond((0.15, -0.2), layers="0" if space is LAYERED else "all")
    assert 0 < (lengths == 0).sum() < 4096
    assert mover.spread(Drawn(codes, space)) == pytest.approx(float(expected), rel=1e-5)
    assert beyond(notes={"sigma": 7}).spread(None) == 7
    with pytest.raises(InterpganError, match="this mover moves no code, so that it has no standard"):
        beyond((0.0, 0.0)).spread(Drawn(codes, space))


def test_a_mover_does_not_change_and_is_itself_alone():
    mover = beyond()
    with pytest.raises(FrozenInstanceError):
        mover.layers = "1"
    assert len({mover, replace(mover)}) == 2
    with pytest.raises(TypeError, match="positional"):
        Beyond("w", "abcd", step=torch.ones(2))


def test_tensors_of_a_mover_ask_for_no_gradient():
    @dataclass(frozen=True, eq=False, kw_only=True)
    class Both(Beyond):
        parts: dict[str, torch.Tensor]

    weight = torch.ones(2, requires_grad=True)
    mover = Both(space="w", generator="", step=weight * 2, parts={"a": weight})
    assert not mover.step.requires_grad and not mover.parts["a"].requires_grad


def test_a_mover_survives_saving(tmp_path):
    beyond(notes={"sigma": 0.5}, layers="1").save(tmp_path)
    found = Beyond.load(tmp_path)
    assert torch.equal(found.step, beyond().step)
    assert (found.space, found.generator, found.layers, found.notes) == ("w", "abcd", "1", {"sigma": 0.5})


class Several(MoverSet[Beyond]):
    mover = Beyond


def test_a_set_survives_saving(tmp_path):
    Several({"b": beyond(), "a": beyond((1.0, 1.0))}).save(tmp_path)
    found = Several.load(tmp_path)
    assert list(found) == ["b", "a"] and found["a"].step.tolist() == [1, 1]


def test_a_name_comes_before_a_place():
    found = Several({"1": beyond(layers="3"), "x": beyond(layers="4")})
    assert found["1"].layers == "3" and found["0"].layers == "3" and found["x"].layers == "4"
    for name in ("2", "-1", "y"):
        with pytest.raises(KeyError, match=f"there is no mover '{name}' here"):
            found[name]


@pytest.mark.parametrize(
    ("count", "names"),
    [(1, "0"), (8, "0, 1, 2, 3, 4, 5, 6, 7"), (9, "0, 1, 2, 3, 4, 5, 6, 7, …")],
)
def test_a_set_says_its_first_names(count, names):
    assert repr(Several({str(i): beyond() for i in range(count)})) == f"<Several: {names}>"


def test_the_table_has_the_numbers_that_all_know():
    movers = {"a": {"gain": 1, "share": 0.5, "word": "x"}, "b": {"gain": 2.5, "share": "?", "word": "y"}}
    (table,) = Several({name: beyond(notes=notes) for name, notes in movers.items()}).summary().tables
    assert (table.title, table.columns) == ("Movers", ("name", "space", "layers", "gain"))
    assert table.rows == (("a", "w", "all", 1), ("b", "w", "all", 2.5))


def test_movers_that_are_not_there_yet_stand_in_for_those_that_will_be():
    generator = SimpleNamespace(fingerprint="abcd")
    found = Several.expected(("a", "b"), "w", generator, "1", {"score_per_unit": 2.0})
    assert (found["a"].layers, found["b"].generator) == ("1", "abcd")
    assert found["a"].notes == {"sigma": 1.0, "score_per_unit": 2.0}
    assert len({found["a"], replace(found["a"])}) == 2


def test_a_mover_is_shown_in_a_line_without_its_tensors():
    @dataclass(frozen=True, eq=False, kw_only=True)
    class Away(LearnedMover):
        centre: torch.Tensor

        def ahead(self, codes, strengths):
            return codes

    assert repr(Away(space="w", generator="toy-1", centre=torch.zeros(9))) == "<Away of w, generator toy-1>"
