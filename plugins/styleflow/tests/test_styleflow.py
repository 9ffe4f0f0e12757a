"""The flow, its inverse, what is learned where the truth is known, and what people type wrongly."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from interpgan_core import InterpganError, LoadMovers, Save, Score, Scores, Shift, seeded_normal
from interpgan_core.testing import Stopped, conformance, plugin_conformance, run_operator, stop_after, toy
from interpgan_styleflow.edit import EditAttributes
from interpgan_styleflow.flow import started
from interpgan_styleflow.operators import LearnFlow

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
TOY = toy()
NAMES = ("wide", "tall")
AXES = torch.linalg.qr(seeded_normal(range(16), (16,))).Q[:2]


def scores_of(count=400, correlated=0.0):
    """Attributes that are known functions of codes of w."""
    codes = TOY.to_space(TOY.sample(range(count)), "w").codes
    values = codes @ AXES.T
    values = torch.stack([values[:, 0], values[:, 1] + correlated * values[:, 0]], 1)
    return Scores(torch.arange(count), values, NAMES)


QUICK = {"scores": scores_of(150), "couplings": 2, "width": 8, "steps": 4, "batch_size": 16}


@pytest.fixture(scope="module")
def flows(tmp_path_factory):
    operator = LearnFlow(scores=scores_of(1000), couplings=2, width=16, steps=60)
    return run_operator(operator, tmp_path_factory.mktemp("flow"), generator=TOY)


class Sums:
    """A scorer of pictures; what it says is not looked at closely."""

    names = NAMES

    def __call__(self, images):
        return images.flatten(1)[:, :2]


test_plugin = plugin_conformance("styleflow")
test_learning = conformance(LearnFlow(**QUICK), toy)


def test_edit_keeps_the_promises_of_edits(flows, tmp_path):
    from interpgan_core.testing import Case, checks_for

    operator = EditAttributes(flow=flows, by={"wide": 0.5}, to={"tall": 1.0}, scorer=Sums())
    for name, check in checks_for(operator).items():
        folder = tmp_path / name
        folder.mkdir()
        check(Case(operator, TOY, folder))


def test_the_inverse_is_exact(flows):
    codes = TOY.to_space(TOY.sample(range(64)), "w").codes.double()
    flow = flows.one.flow
    own = flow.read(codes)
    normal, grown = flow(codes, own)
    assert float((flow.back(normal, own) - codes).abs().max()) < 1e-5
    assert float((normal - flow.white(codes)).abs().max()) > 1e-3  # it is no identity
    # The logarithm of the determinant, against that of the derivative.
    for i in range(2):
        jacobian = torch.autograd.functional.jacobian(
            lambda code, i=i: flow(code[None], own[i : i + 1])[0][0], codes[i]
        )
        constant = flow.white(codes[:1] + torch.eye(16)) - flow.white(codes[:1])
        expected = torch.linalg.slogdet(jacobian).logabsdet - torch.linalg.slogdet(constant).logabsdet
        assert float(grown[i]) == pytest.approx(float(expected), abs=1e-6)


def test_it_begins_as_a_normal_distribution():
    codes = TOY.to_space(TOY.sample(range(1000)), "w").codes
    values = scores_of(1000).values
    values = (values - values.mean(0)) / values.std(0)
    flow = started(codes, values, width=8, couplings=3, seed=0)
    normal, grown = (t.detach() for t in flow(codes, values))
    assert float(grown.detach().abs().max()) == 0
    assert float(normal.mean(0).abs().max()) < 1e-2
    # What the attributes say of a code is gone from it.
    assert float((normal.T @ values / len(values)).abs().max()) < 0.02


def test_one_attribute_moves_and_the_other_stays(flows):
    batch = TOY.to_space(TOY.sample(range(2000, 2064)), "w")
    for j, name in enumerate(NAMES):
        after = Shift(direction=flows[name], strength=1.0).run(batch, TOY)
        changed = (after.codes - batch.codes) @ AXES.T / scores_of(1000).values.std(0)
        assert float(changed[:, j].mean()) == pytest.approx(1, abs=0.15)
        assert float(changed[:, 1 - j].abs().mean()) < 0.2


def test_attributes_that_go_together_are_told_apart(tmp_path):
    """Where one attribute mostly comes with another, more of it need not bring the other."""
    scores = scores_of(1000, correlated=1.0)
    found = run_operator(LearnFlow(scores=scores, couplings=0, steps=1), tmp_path, generator=TOY)
    batch = TOY.to_space(TOY.sample(range(2000, 2032)), "w")
    after = Shift(direction=found["tall"], strength=1.0).run(batch, TOY)
    wide, rest = ((after.codes - batch.codes) @ AXES.T).mean(0)
    assert float(rest) > 0.5 and abs(float(wide)) < 0.05 * float(rest)


def test_several_at_once(flows):
    batch = TOY.to_space(TOY.sample(range(2000, 2016)), "w")
    deviation = scores_of(1000).values.std(0)
    after = EditAttributes(flow=flows, by={"wide": float(deviation[0]), "tall": -float(deviation[1])}).run(
        batch, TOY
    )
    changed = ((after.codes - batch.codes) @ AXES.T / deviation).mean(0)
    assert changed.tolist() == pytest.approx([1, -1], abs=0.2)
    to = EditAttributes(flow=flows, to={"wide": 0.0}).run(batch, TOY)
    left = (to.codes @ AXES[0]).abs().mean() / (batch.codes @ AXES[0]).abs().mean()
    assert float(left) < 0.3
    alike = EditAttributes(flow=flows, by={"wide": 0.0}).run(batch, TOY)
    torch.testing.assert_close(alike.codes, batch.codes, atol=1e-5, rtol=0)
    layered = EditAttributes(flow=flows, by={"wide": 1.0}, layers="1-2").run(batch, TOY)
    moved = (layered.codes != TOY.to_space(batch, "w+").codes).any(2).any(0)
    assert moved.tolist() == [False, True, True, False, False, False]


class Colours:
    """How light and how red a picture is."""

    names = ("light", "red")

    def __call__(self, images):
        light = images.mean((1, 2, 3))
        return torch.stack([light, images[:, 0].mean((1, 2)) - light], 1)


def test_looks_bring_the_scores_of_the_picture_nearer_to_what_is_wanted(tmp_path):
    scores = Score(scorer=Colours(), seeds="0-299").run(TOY)
    deviation = scores.values.std(0)
    operator = LearnFlow(scores=scores, couplings=1, width=8, steps=20, batch_size=64)
    flow = run_operator(operator, tmp_path, generator=TOY)
    batch = TOY.sample(range(1000, 1006))
    wanted = Colours()(TOY.images(batch)) + torch.tensor([1.0, 0.0]) * deviation

    def missed(looks, layers="all"):
        edit = {"flow": flow, "by": {"light": float(deviation[0])}, "scorer": Colours(), "layers": layers}
        found = Colours()(TOY.images(EditAttributes(looks=looks, **edit).run(batch, TOY)))
        return ((found - wanted) / deviation).square().sum(1)

    before, one, four = (missed(looks) for looks in (0, 1, 4))
    assert (one <= before + 1e-4).all() and (four <= one + 1e-4).all()
    assert float(four.median()) < 0.1 * float(before.median())  # one sample cannot get there
    assert float(missed(4, "0-3").median()) < 0.5 * float(missed(0, "0-3").median())


def test_a_stopped_training_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    operator = LearnFlow(**QUICK | {"steps": 6})
    whole = run_operator(operator, tmp_path / "whole", generator=TOY)
    monkeypatch.setattr("interpgan_styleflow.training._SAVE_SECONDS", 0.0)
    with pytest.raises(Stopped):
        run_operator(operator, tmp_path / "parts", stop_after(3), generator=TOY)
    parts = run_operator(operator, tmp_path / "parts", generator=TOY)
    for name, tensor in whole.one.weights.items():
        assert torch.equal(tensor, parts.one.weights[name]), name
    assert torch.equal(whole.one.curve, parts.one.curve)


def test_one_of_a_set_is_saved_and_read(flows, tmp_path):
    Save(file="tall.safetensors", what=flows["tall"]).run(tmp_path)
    again = LoadMovers(file=tmp_path / "tall.safetensors").run()
    batch = TOY.to_space(TOY.sample(range(3)), "w")
    expected = Shift(direction=flows["tall"], strength=2.0).run(batch, TOY)
    assert torch.equal(Shift(direction=again["0"], strength=2.0).run(batch, TOY).codes, expected.codes)


def test_the_report_has_the_curve(flows):
    directions, curve = flows.summary().tables
    assert [row[0] for row in directions.rows] == list(NAMES) and "read" in directions.columns
    assert curve.rows[-1][0] == 60 and curve.rows[-1][2] <= curve.rows[0][2] + 0.05


def test_scores_that_do_not_serve():
    few = Scores(torch.arange(9), torch.zeros(9, 1), ("a",))
    with pytest.raises(InterpganError, match="100 scored samples at least, and thousands to be good; not 9"):
        LearnFlow(scores=few).check(TOY)
    flat = Scores(torch.arange(200), torch.ones(200, 1), ("a",))
    with pytest.raises(InterpganError, match="every sample has the same score of 'a'; leave it out"):
        LearnFlow(scores=flat).check(TOY)
    holes = Scores(
        torch.arange(200), torch.ones(200, 1).index_fill(0, torch.arange(1, 200), float("nan")), ("a",)
    )
    with pytest.raises(InterpganError, match="only 1 of the samples have a score of every attribute"):
        LearnFlow(scores=holes).check(TOY)
    with pytest.raises(InterpganError, match="no scores of 'widee'; did you mean 'wide'"):
        LearnFlow(scores=scores_of(150), attributes=("widee",)).check(TOY)


def test_edits_that_cannot_be(flows):
    batch = TOY.sample([1])
    with pytest.raises(InterpganError, match="no attribute 'tal'; did you mean 'tall'"):
        EditAttributes(flow=flows, by={"tal": 1.0}).check(batch, TOY)
    with pytest.raises((InterpganError, ValidationError), match="'tall' stands in both"):
        EditAttributes(flow=flows, by={"tall": 1.0}, to={"tall": 1.0})
    with pytest.raises((InterpganError, ValidationError), match="say in 'to' which scores"):
        EditAttributes(flow=flows)
    with pytest.raises((InterpganError, ValidationError), match="'looks' scores pictures; give the 'scorer'"):
        EditAttributes(flow=flows, by={"tall": 1.0}, looks=2)

    class Other:
        names = ("wide",)

        def __call__(self, images):
            return images.flatten(1)[:, :1]

    with pytest.raises(
        InterpganError, match="the scorer has no attribute 'tall', which the flow was trained on"
    ):
        EditAttributes(flow=flows, by={"tall": 1.0}, scorer=Other()).check(batch, TOY)


@pytest.mark.long
def test_the_recipe_of_the_readme(tmp_path):
    text = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    for long, quick in (
        ("avatars.stylegan2", "toy"),
        ("0-9999", "0-119"),
        ("$scores}", "$scores, steps: 9}"),
    ):
        text = text.replace(long, quick)
    (tmp_path / "recipe.yaml").write_text(text)
    command = [Path(sys.executable).parent / "interpgan-run", "recipe.yaml", "--device", "cpu"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert "held out" in (tmp_path / "out/recipe/report.html").read_text()
