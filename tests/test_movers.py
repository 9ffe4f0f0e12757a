"""Movers: learned ones, in steps, in files, and the promises of all."""

from dataclasses import dataclass, replace

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import (
    Direction,
    InterpganError,
    LearnedMover,
    LoadMovers,
    Mover,
    MoverSet,
    Place,
    Reach,
    Save,
    Shift,
    Sweep,
    Walk,
    seeded_normal,
    sigma,
)
from interpgan_core.testing import conformance, toy

TOY = toy()


@dataclass(frozen=True, eq=False, kw_only=True)
class Turn(LearnedMover):
    """Turns codes in a plane by a nonlinear amount."""

    weights: dict[str, torch.Tensor]
    push: float = 1.0

    def ahead(self, codes, strengths):
        turned = torch.tanh(codes @ self.weights["in"]) @ self.weights["out"]
        return codes + self.push * strengths[:, None] * turned


class Turns(MoverSet[Turn]):
    mover = Turn


def turn(**values):
    weights = {name: seeded_normal(range(16), (16,), i) / 4 for i, name in enumerate(("in", "out"))}
    return Turn(**{"space": "w", "generator": TOY.fingerprint, "weights": weights, **values})


def people(space="w", count=3):
    return TOY.to_space(TOY.sample(range(count)), space)


test_of_a_direction = conformance(
    Direction(torch.arange(1.0, 17.0), "w", generator=TOY.fingerprint, layers="0-2"), toy
)
test_of_one = conformance(turn(), toy)
test_of_a_set = conformance(Turns({"one": turn(), "other": turn(push=-0.5, layers="1-2")}), toy)
test_shift = conformance(Shift(direction=turn(), strength=2.0), toy)
test_walk = conformance(Walk(direction=turn(), strengths=[-1, 0, 1], layers="1-2", unit="sigma"), toy)


def test_a_direction_moves_as_it_always_did():
    direction, batch = Direction(torch.arange(1.0, 17.0), "w"), people("w+")
    found = direction.moved(batch.codes, torch.tensor([1.0, 0.0, -2.5]), batch.space, "1-2")
    step = direction.step(batch.space, "1-2")
    assert torch.equal(found, batch.codes + torch.stack([s * step for s in (1.0, 0.0, -2.5)]))


def test_layers_move_one_by_one():
    """Codes of w+ are moved as those of w that they are made of."""
    batch = people("w+")
    strengths = torch.tensor([1.0, -2.0, 0.5])
    found = turn().moved(batch.codes, strengths, batch.space, "1,3")
    in_w = turn().moved(people().codes, strengths, TOY.spaces["w"])
    assert torch.equal(found[:, 1], in_w) and torch.equal(found[:, 3], in_w)
    assert torch.equal(found[:, [0, 2]], batch.codes[:, [0, 2]])


def test_walk_starts_anew_for_each_strength():
    batch = people()
    walked = Walk(direction=turn(), strengths=[-2, 0, 1]).run(batch, TOY)
    for i, strength in enumerate((-2.0, 0.0, 1.0)):
        assert torch.equal(
            walked.codes[i::3], Shift(direction=turn(), strength=strength).run(batch, TOY).codes
        )
    assert torch.equal(walked.codes[1::3], batch.codes) and walked.grid.origin == 1


def test_sweep_takes_both():
    straight = Direction(torch.eye(16)[0], "w")
    swept = Sweep(directions={"bent": turn(), "straight": straight}, strengths=(-1, 1)).run(people(), TOY)
    assert swept.grid.rows == ("bent", "straight") and len(swept) == 12
    whole = Sweep(directions=Turns({"a": turn()}), strengths=(1,)).run(people(), TOY)
    assert torch.equal(whole.codes, Shift(direction=turn(), strength=1.0).run(people(), TOY).codes)


def test_reach_takes_it():
    class Brightness:
        names = ("brightness",)

        def __call__(self, images):
            return images.mean((1, 2, 3))[:, None]

    reach = Reach(direction=turn(), scorer=Brightness(), by=0.02, most=4)
    assert reach.run(people(), TOY).codes.isfinite().all()


def test_units():
    batch = people()
    known = turn(notes={"sigma": 2.0, "score_per_unit": 0.5})
    moved = {
        unit: Shift(direction=known, strength=1.0, unit=unit).run(batch, TOY).codes
        for unit in ("space", "sigma", "score")
    }
    assert torch.equal(moved["sigma"], moved["score"])
    assert torch.equal(moved["sigma"], Shift(direction=known, strength=2.0).run(batch, TOY).codes)
    assert not torch.equal(moved["sigma"], moved["space"])
    with pytest.raises(InterpganError, match="how much a score changes along this mover is not known"):
        Shift(direction=turn(), strength=1.0, unit="score").run(batch, TOY)


def test_sigma_of_a_straight_mover_is_that_of_its_direction():
    @dataclass(frozen=True, eq=False, kw_only=True)
    class Straight(LearnedMover):
        step: torch.Tensor

        def ahead(self, codes, strengths):
            return codes + strengths[:, None] * self.step

    vector = torch.nn.functional.normalize(torch.arange(1.0, 17.0), dim=0)
    straight = Straight(space="w", generator=TOY.fingerprint, step=2 * vector)
    assert sigma(straight, TOY) == pytest.approx(sigma(Direction(vector, "w"), TOY) / 2, rel=1e-3)
    still = Straight(space="w", generator=TOY.fingerprint, step=0 * vector)
    with pytest.raises(InterpganError, match="this mover moves no code"):
        sigma(still, TOY)


def test_a_mover_of_another_space_or_generator_is_refused():
    with pytest.raises(InterpganError, match="this mover lives in w and the codes in z"):
        turn().moved(people("z").codes, torch.ones(3), TOY.spaces["z"])
    with pytest.raises(InterpganError, match="this mover was found on another generator"):
        Shift(direction=turn(generator="0123456789abcdef"), strength=1.0).run(people(), TOY)


def test_place_needs_a_plane():
    with pytest.raises(ValidationError, match="is not a Direction"):
        Place(direction=turn(), distance=1.0)


def test_a_set_is_a_mapping():
    found = Turns({"one": turn(), "other": turn(push=2.0)})
    assert list(found) == ["one", "other"] and found["1"] is found["other"] and len(found) == 2
    with pytest.raises(KeyError, match="there is no mover 'onee' here; did you mean 'one'"):
        found["onee"]
    assert [row[0] for row in found.summary().tables[0].rows] == ["one", "other"]


def test_what_is_shared_is_written_once(tmp_path):
    one = turn()
    shared = Turns({str(i): replace(one, push=float(i)) for i in range(50)})
    shared.write(tmp_path / "shared.safetensors")
    Turns({"0": one}).write(tmp_path / "one.safetensors")
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("shared", "one")]
    assert sizes[0] < sizes[1] + 50 * 400
    again = Turns.read(tmp_path / "shared.safetensors")
    assert again["0"].weights["in"].data_ptr() == again["49"].weights["in"].data_ptr()
    assert again["49"].push == 49.0


def test_files_say_what_is_wrong(tmp_path):
    @dataclass(frozen=True, eq=False, kw_only=True)
    class Other(Turn):
        made_by = "other.step"

    turn().save(tmp_path)
    with pytest.raises(InterpganError, match=r"holds movers of the step '', not of 'other.step'"):
        Other.load(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    Save(file="theirs.safetensors", what=Other(**turn().values_by_field())).run(other)
    with pytest.raises(
        InterpganError, match=r"'other.step', which is not installed; install .* interpgan-other"
    ):
        LoadMovers(file=other / "theirs.safetensors").run()


def test_expected_stands_for_what_is_not_there_yet():
    standing = Turns.expected(("a", "b"), "w", TOY, notes={"score_per_unit": 1.0})
    assert list(standing) == ["a", "b"] and isinstance(standing["a"], Mover)
    assert torch.equal(
        Shift(direction=standing["a"], strength=2.0, unit="score").run(people(), TOY).codes, people().codes
    )
