"""Plans that are run in memory, and what a page is told of an operator's parameters."""

from typing import Annotated, Literal

import pytest
import torch
from pydantic import Field

from interpgan_core import (
    Direction,
    DirectionSet,
    EditOperator,
    Exchange,
    Input,
    InputFile,
    InterpganError,
    LatentBatch,
    Live,
    Shift,
    Shown,
    controls_of,
    make_plan,
)
from interpgan_core.files import paths
from interpgan_core.recipes.schema import step_schema


def recipe(*steps):
    return {"interpgan": 1, "steps": [{"use": "generator", "weights": "toy", "id": "model"}, *steps]}


def shifted(psi):
    return recipe(
        {"use": "sample", "seeds": 7}, {"use": "truncate", "psi": psi}, {"use": "truncate", "id": "twice"}
    )


def test_only_what_a_change_concerns_is_computed_again(monkeypatch):
    live, ran = Live("cpu"), []
    from interpgan_core.recipes import live as module

    perform = module.perform
    monkeypatch.setattr(
        module, "perform", lambda plan, step, *rest: ran.append(step.id) or perform(plan, step, *rest)
    )
    live.result(make_plan(shifted(0.5)), "twice")
    assert ran == ["model", "sample", "truncate", "twice"]
    ran.clear()
    live.result(make_plan(shifted(0.4)), "twice")
    assert ran == ["truncate", "twice"]
    ran.clear()
    live.result(make_plan(shifted(0.5)), "twice")
    assert ran == []


def test_the_results_are_those_of_a_run():
    found = Live("cpu").result(make_plan(shifted(0.5)), "twice")
    from interpgan_core import Truncate, load_generator

    generator = load_generator("toy")
    once = Truncate(psi=0.5).run(generator.sample([7]), generator)
    assert torch.equal(found.codes, Truncate().run(once, generator).codes)


def test_what_was_computed_elsewhere_is_taken():
    plan = make_plan(shifted(0.5))
    live, other = Live("cpu"), Live("cpu").result(plan, "truncate")
    assert not live.knows(plan, "truncate")
    live.remember(plan, "truncate", other)
    assert live.knows(plan, "truncate") and live.result(plan, "truncate") is other


def test_a_step_that_fails_is_named_in_the_sentence():
    live = Live("cpu")
    person = {"use": "sample", "seeds": 7, "id": "p"}
    plan = make_plan(recipe(person, {"use": "exchange", "source": "$p", "layer": "deep"}))
    with pytest.raises(InterpganError, match=r"^exchange: this generator has no layer 'deep'"):
        live.result(plan, "exchange")
    with pytest.raises(InterpganError, match="no step 'nowhere'"):
        live.result(make_plan(shifted(0.5)), "nowhere")


def test_a_recipe_of_plain_values_is_checked_as_a_file_is_and_left_as_it_was(tmp_path):
    given = recipe({"use": "truncate"})
    with pytest.raises(InterpganError) as error:
        make_plan(given)
    assert str(error.value).startswith("truncate needs a batch") and ":1:1" not in str(error.value)
    with pytest.raises(InterpganError, match="'psi' of truncate must be a number, not 'much'"):
        make_plan(recipe({"use": "sample", "seeds": 7}, {"use": "truncate", "psi": "much"}))
    with pytest.raises(InterpganError, match=r"\$late stands below, as step 3"):
        make_plan(recipe({"use": "render", "batch": "$late"}, {"use": "sample", "seeds": 7, "id": "late"}))
    (tmp_path / "here.png").write_bytes(b"a picture")
    given = recipe(
        {"use": "sample", "seeds": 7}, {"use": "ablate", "layer": "layers.1", "region": "here.png"}
    )
    before = repr(given)
    assert make_plan(given, ["sample.seeds=8"], tmp_path).steps[1].operator.seeds == "8"
    assert repr(given) == before


def test_a_file_that_changes_has_another_hash(tmp_path, monkeypatch):
    file = tmp_path / "file"
    monkeypatch.setattr(paths, "_SETTLED", -1)  # as if it had lain there for long
    file.write_text("one")
    first = paths.sha256_of(file)
    assert paths.sha256_of(file) == first
    file.write_text("two")
    assert paths.sha256_of(file) != first


class Many(EditOperator):
    """All kinds of parameters."""

    direction: Input[Direction]
    other: Input[LatentBatch] | None = None
    angle: Annotated[float, Shown(-90, 90, unit="degrees")] = 0.0
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    size: float = 2.0
    count: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    quick: bool = False
    how: Literal["soft", "hard"] = "soft"
    parts: tuple[str, ...] = ()
    file: InputFile | None = None

    def apply(self, batch, generator):
        return batch


def test_each_kind_of_parameter_has_its_control():
    found = {control.field: control for control in controls_of(Many)}
    assert {name: control.kind for name, control in found.items()} == {
        "direction": "step", "other": "step", "angle": "slider", "share": "slider", "size": "number", "count": "whole",
        "seed": "whole", "quick": "check", "how": "choice", "parts": "list", "file": "text",
    }  # fmt: skip
    assert next(iter(found)) == "direction" and found["direction"].needed and not found["other"].needed
    angle = found["angle"]
    assert (angle.low, angle.high, angle.step, angle.unit, angle.default) == (-90, 90, 1.8, "degrees", 0.0)
    assert found["how"].choices == ("soft", "hard")
    assert found["direction"].takes(Direction) and not found["direction"].takes(DirectionSet)
    assert not found["size"].takes(Direction)


def test_the_schema_says_how_a_parameter_is_shown():
    shown = step_schema("many", Many)["properties"]["angle"]["shown"]
    assert shown == {"low": -90, "high": 90, "unit": "degrees"}


def test_every_operator_that_is_installed_has_controls():
    from interpgan_core import installed

    for name, provided in installed("operators").items():
        operator = provided.load()
        assert {control.field for control in controls_of(operator)} <= set(operator.model_fields), name
    assert [control.field for control in controls_of(Shift) if control.needed] == ["direction", "strength"]
    assert any(control.kind == "step" and control.field == "segmenter" for control in controls_of(Exchange))
