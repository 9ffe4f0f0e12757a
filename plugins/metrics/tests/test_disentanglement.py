"""Movers of a generator whose axes are known: a perfect set, a mixed one, and one that reaches nothing."""

import json
from dataclasses import dataclass

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import Direction, DirectionSet, InterpganError, LearnedMover, MoverSet, Shift, quiet
from interpgan_core.testing import conformance, recorded, toy
from interpgan_metrics.agreement import by_chance
from interpgan_metrics.disentanglement import MeasureMovers
from interpgan_metrics.disentanglement_report import Disentanglement
from interpgan_metrics.side_effects import Judge

AXES = 4
FEW = {"seeds": "0-15", "searched": "100-115", "drawn": "200-299", "batch_size": 16}


class Pixels:
    """Scores that are the first numbers of the code, as the generator `Plain` draws them."""

    name = "pixels"
    names = tuple("abcd")

    def __call__(self, images):
        return images.flatten(1)[:, :AXES]

    def features(self, images):
        return images.flatten(1) + 2  # so that identities are far from opposite


class Alone(Pixels):
    """One score."""

    names = ("a",)

    def __call__(self, images):
        return super().__call__(images)[:, :1]


class Rows:
    """Two parts: the upper row of pixels, and the lower."""

    parts = ("upper", "lower")

    def __call__(self, images):
        rows = torch.arange(images.shape[2])[:, None] * 2 // images.shape[2]
        return rows.expand(len(images), *images.shape[2:])


def directions(matrix, space="w"):
    return DirectionSet({str(i): Direction(row, space) for i, row in enumerate(matrix)})


def axes(kit, rows=AXES):
    return torch.eye(kit.Plain().spaces["w"].shape[0])[:rows]


def measured(kit, sets, generator=None, **more):
    step = MeasureMovers(directions=sets, scorer=Pixels(), **{**FEW, **more})
    generator = generator or kit.Plain()
    step.check(generator)
    return step.run(generator, quiet)


def test_the_planted_axes_are_perfect(kit):
    found = measured(kit, directions(axes(kit)))
    figures = found.figures()[""]
    assert figures["disentanglement"] == figures["completeness"] == figures["coverage"] == 1.0
    assert figures["dependency"] == pytest.approx(0.0, abs=1e-6)
    assert figures["moves reached"] == 1.0
    moves = found.sets[""].moves
    assert [m.label for m in moves[:2]] == ["0+", "0-"]
    assert [m.target for m in moves[::2]] == [0, 1, 2, 3]
    for move in moves:  # the scores are the code's own numbers, of standard deviation 1
        assert move.effects[move.target] == pytest.approx(move.sense, abs=0.25)
        assert abs(move.strength) == pytest.approx(1.0, abs=0.25)


def test_a_mixed_set_is_worse_in_every_figure(kit):
    turned = axes(kit)
    turned = torch.cat([turned[:1] + 0.6 * turned[1:2], turned[1:2] - 0.6 * turned[:1], turned[2:]])
    mixed = measured(kit, {"pure": directions(axes(kit)), "mixed": directions(turned)})
    pure, worse = mixed.figures()["pure"], mixed.figures()["mixed"]
    for figure in ("disentanglement", "completeness"):
        assert worse[figure] < pure[figure] - 0.1
    assert worse["dependency"] == pytest.approx(
        0.5 * 0.6 / 3, abs=0.02
    )  # two of four movers, one of three others
    assert worse["dependency, largest"] == pytest.approx(0.3, abs=0.04)


def test_strengths_are_in_the_movers_own_units(kit):
    """And what is reached is the same."""
    halved = DirectionSet({"half": Direction(axes(kit)[0], "w", notes={"sigma": 0.5})})
    move = measured(kit, halved).sets[""].moves[0]
    assert move.effects[0] == pytest.approx(1.0, abs=0.25)
    assert move.strength == pytest.approx(1.0, abs=0.25) and move.sigmas == pytest.approx(2 * move.strength)


def test_a_factor_that_changes_too_little_is_not_reached(kit):
    """At 8 standard deviations of the codes by a twentieth of itself."""
    slow = torch.nn.functional.normalize(axes(kit, 6)[5:] + 0.05 * axes(kit, 1), dim=1)
    for move in measured(kit, directions(slow)).sets[""].moves:
        assert not move.reached and 0 < abs(move.effects[0]) < 1
        assert move.dependency is None and move.dependency_max is None


def test_a_mover_that_changes_no_factor_is_not_reached(kit):
    found = measured(kit, directions(torch.cat([axes(kit, 1), axes(kit, 6)[5:]])))
    assert [m.dependency is None for m in found.sets[""].moves] == [False, False, True, True]
    assert [m.reached for m in found.sets[""].moves] == [True, True, False, False]
    assert found.figures()[""]["moves reached"] == 0.5
    assert found.sets[""].moves[2].sigmas == 8.0


def test_sets_that_hold_the_same_agree_whatever_their_order_and_sign(kit):
    found = measured(
        kit,
        {
            "one": directions(axes(kit)),
            "two": directions(-axes(kit).flip(0)),
            "three": directions(axes(kit, 8)[4:]),
        },
    )
    pairs = {(one.first, one.second): one.cosine for one in found.agreements}
    assert pairs["one", "two"] == pytest.approx(1.0, abs=1e-6)
    assert pairs["one", "three"] == pytest.approx(0.0, abs=1e-6)
    assert 0.2 < found.agreements[0].chance < 0.6
    assert [one.chance for one in found.agreements] == [by_chance(4, 4, 12)] * 3


def test_chance_is_of_as_many_movers(kit):
    found = measured(kit, {"few": directions(axes(kit, 1)), "many": directions(axes(kit, 5))})
    assert found.agreements[0].chance == by_chance(1, 5, 12) != by_chance(5, 1, 12)


@pytest.mark.parametrize(("seconds", "said"), [((3.5, 3.5), 3.5), ((3.5, 4.0), None), ((None, None), None)])
def test_how_long_it_took_to_find_them(kit, seconds, said):
    """Where all of a set say the same."""
    notes = [{} if value is None else {"seconds": value} for value in seconds]
    movers = DirectionSet({str(i): Direction(row, "w", notes=notes[i]) for i, row in enumerate(axes(kit, 2))})
    assert measured(kit, movers).sets[""].seconds == said


@dataclass(frozen=True, eq=False, kw_only=True)
class Bend(LearnedMover):
    """Moves the second number, and the first by the square of the strength: the other sense of it is no mirror."""

    made_by = "bend"

    def ahead(self, codes, strengths):
        return codes + torch.stack([strengths**2, strengths, *[0 * strengths] * (codes.shape[1] - 2)], 1)


def test_a_mover_that_bends_is_measured_in_both_senses(kit):
    bend = MoverSet({"bend": Bend(space="w", generator="plain", notes={"sigma": 0.5})})
    both = measured(kit, {"bend": bend, "axes": directions(axes(kit, 2))})
    more, less = both.sets["bend"].moves
    assert (more.sense, less.sense) == (1, -1)
    assert more.effects[1] == pytest.approx(-less.effects[1])
    assert more.effects[0] == pytest.approx(less.effects[0]) and more.effects[0] > 0.5
    assert more.sigmas == pytest.approx(2 * more.strength)
    assert both.agreements[0].cosine == pytest.approx(
        0.5**0.5
    )  # moved by 1: along the diagonal of the two axes


def test_parts_realism_and_identity(kit):
    found = measured(kit, directions(axes(kit)), segmenter=Rows(), features=Pixels(), identity=Pixels())
    move = found.sets[""].moves[0]
    assert (move.part, move.locality) == (
        "upper",
        pytest.approx(0.0),
    )  # of 2 x 2 pixels in red, the first two are above
    assert move.realism < 0  # the moved samples are farther from the others
    assert 0 < move.identity < 1
    assert found.realism == "distance"
    heads = found.summary().tables[0].columns
    assert {"locality", "realism", "identity"} <= set(heads)


def test_realism_is_that_after_less_that_before(kit):
    plain = kit.Plain()
    move = measured(kit, directions(axes(kit, 1)), plain, features=Pixels()).sets[""].moves[0]
    judge = Judge(plain, Pixels())
    for i in range(200, 300):
        judge.learn(plain.images(plain.sample([i])), None)
    judge.learned()
    samples = plain.sample(range(16))
    moved = Shift(direction=Direction(axes(kit)[0], "w"), strength=move.strength).run(samples, plain)
    after, before = (judge(plain.images(batch, 16), None).mean() for batch in (moved, samples))
    assert move.realism == pytest.approx(float(after - before), rel=1e-4)


def test_where_pictures_do_not_change_there_is_no_part(kit):
    class Blind(kit.Plain):
        def forward(self, batch):
            return super().forward(batch) * (torch.arange(3) < 2).view(1, 3, 1, 1)

    found = measured(kit, directions(axes(kit, 12)[11:]), Blind(), segmenter=Rows())
    assert [(m.part, m.locality) for m in found.sets[""].moves] == [("", None)] * 2


def test_of_each_set_the_first_so_many(kit):
    assert len(measured(kit, directions(axes(kit)), count=3).sets[""].moves) == 6


def test_two_samples_and_two_factors_are_enough(kit):
    class Two(Pixels):
        names = Pixels.names[:2]

        def __call__(self, images):
            return super().__call__(images)[:, :2]

    few = {"seeds": "0-1", "searched": "3,5", "drawn": "7-8"}
    step = MeasureMovers(directions=directions(axes(kit)), scorer=Two(), **few)
    step.check(kit.Plain())
    assert len(step.run(kit.Plain(), quiet).factors) == 2


def test_progress_is_in_batches(kit):
    said = []
    few = {"seeds": "0-3", "searched": "4-7", "drawn": "8-17", "batch_size": 4}
    step = MeasureMovers(directions={"some": directions(axes(kit, 2))}, scorer=Pixels(), **few)
    step.run(kit.Plain(), recorded(said))
    assert said == [("looking at 10 samples", 3, 3), ("moving along 2 of some", 4, 4)]


def test_colours_are_factors(kit):
    """Pixel by pixel: red above is a, b; green above is in the code's numbers 4 and 5."""
    found = measured(kit, directions(axes(kit, 6)), segmenter=Rows(), colours=("upper", "lower"))
    assert found.factors == (*"abcd", "upper colour", "lower colour")
    moves = {move.label: move for move in found.sets[""].moves}
    assert found.factors[moves["4+"].target] == "upper colour"
    assert moves["4+"].effects[4] == pytest.approx(1.0, abs=0.3)
    assert moves["4+"].effects[5] == pytest.approx(0.0, abs=1e-6)


def test_what_is_saved_can_be_loaded(kit, tmp_path):
    found = measured(kit, {"one": directions(axes(kit, 2)), "two": directions(axes(kit, 2))})
    found.save(tmp_path)
    assert Disentanglement.load(tmp_path).plain() == json.loads(json.dumps(found.plain()))
    assert len(list((tmp_path / "tables").glob("*.csv"))) == 5
    (tmp_path / "disentanglement.json").write_text("{}")
    with pytest.raises(InterpganError, match="damaged"):
        Disentanglement.load(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"directions": DirectionSet({})}, "the set of directions is empty"),
        ({"directions": {"a": DirectionSet({})}}, "the set 'a' is empty"),
        ({"seeds": "3"}, "one sample of 'seeds' tells nothing"),
        ({"segmenter": Rows(), "colours": ("uper",)}, "no part 'uper'; did you mean 'upper'"),
        ({"segmenter": Rows(), "sizes": ("lover",)}, "no part 'lover'; did you mean 'lower'"),
        ({"drawn": "3"}, "one sample of 'drawn' tells nothing"),
        ({"searched": "3"}, "one sample of 'searched' tells nothing"),
        ({"scorer": Alone()}, "with one factor nothing else can change"),
        ({"directions": directions(torch.eye(5))}, "belong to different models"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(kit, wrong, message):
    given = {"directions": directions(axes(kit)), "scorer": Pixels(), **FEW, **wrong}
    with pytest.raises(InterpganError, match=message):
        MeasureMovers(**given).check(kit.Plain())


def test_colours_need_a_segmenter(kit):
    with pytest.raises(ValidationError, match="colours of parts need a segmenter that finds them"):
        MeasureMovers(directions=directions(axes(kit)), scorer=Pixels(), colours=("upper",))


def test_a_factor_that_never_varies_has_no_unit(kit):
    with pytest.raises(InterpganError, match="'a' is the same in all of 100 samples"):
        measured(kit, directions(axes(kit)), kit.Plain(gain=0.0))


SET = directions(torch.eye(16)[:2])
test_conformance = conformance(
    MeasureMovers(directions=SET, scorer=Pixels(), seeds="0-3", searched="4-7", drawn="8-19", count=1), toy
)
