"""Documents: edits in order, and recipes that are read as they were written."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interpgan_core import InterpganError, make_plan
from interpgan_studio.document import Document
from interpgan_studio.history import History
from interpgan_studio.opening import opened, started
from interpgan_studio.saving import finished, yaml_of

STEPS = (
    {"use": "generator", "id": "model", "weights": "toy"},
    {"use": "sample", "id": "people", "seeds": "7"},
    {"use": "truncate", "id": "t", "batch": "$people", "psi": 0.5},
    {"use": "render", "id": "shown", "batch": "$t"},
)


def toy(*steps, shown="t"):
    return Document((*STEPS, *steps), shown)


def test_an_edit_comes_last_and_outputs_follow_it():
    made = toy().edited({"use": "ablate", "id": "off", "layer": "layers.1"})
    assert [step["id"] for step in made.chain] == ["people", "t", "off"]
    assert made["shown"]["batch"] == "$off" and made.plan()


def test_an_edit_that_is_deleted_leaves_those_behind_it():
    made = toy().edited({"use": "ablate", "id": "off", "layer": "layers.1"}).without("t")
    assert [step["id"] for step in made.chain] == ["people", "off"] and made.plan()


def test_what_others_refer_to_is_not_deleted():
    made = toy({"use": "render", "id": "both", "batch": "$people", "compare": "$t"})
    with pytest.raises(InterpganError, match="the step 'both' uses 't'; delete that one first"):
        made.without("t")
    with pytest.raises(InterpganError, match="everything is made from it"):
        made.without("people")


def test_a_person_goes_with_the_only_part_that_was_taken():
    donor = {"use": "sample", "id": "person-9", "seeds": "9"}
    exchange = {"use": "exchange", "id": "mouth", "source": "$person-9", "layer": "layers.1"}
    made = toy().edited(donor, exchange)
    assert "person-9" in made and made.plan()
    assert "person-9" not in made.without("mouth")


def test_what_was_idle_in_the_recipe_stays():
    made = toy({"use": "sample", "id": "idle", "seeds": "1"}, shown="t").without("t")
    assert "idle" in made


def test_other_people_take_the_same_edits():
    made = toy().based_on({"use": "sample", "id": "others", "seeds": "1-3"})
    assert [step["id"] for step in made.chain] == ["others", "t"] and "people" not in made
    assert made.plan()


def test_what_is_undone_is_forgotten_by_the_next_edit():
    history = History(toy())
    history.add("one", toy().changed("t", psi=0.1))
    history.add("two", toy().changed("t", psi=0.2))
    history.undo()
    assert (history.undoes, history.redoes) == ("one", "two")
    history.add("three", toy().changed("t", psi=0.3))
    assert (history.undoes, history.redoes) == ("three", None)
    for _ in range(5):
        history.undo()
    assert history.now == toy() and history.undoes is None


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12)


@pytest.mark.long
@settings(deadline=None)
@given(
    words.filter(lambda word: not word.startswith("$")),
    words.filter(lambda word: not word.startswith("$")),
    st.floats(-9, 9),
)
@example("0", ":0", 0.0)
def test_yaml_is_read_as_it_was_written(tmp_path_factory, title, caption, psi):
    file = tmp_path_factory.mktemp("yaml") / "recipe.yaml"
    step = {"use": "render", "id": "odd", "batch": "$t", "title": title, "compare": {caption: "$people"}}
    file.write_text(yaml_of(toy(step).changed("t", psi=psi)), encoding="utf-8")
    read = opened(file, file.parent)
    assert read.steps[-1] == step and read["t"]["psi"] == psi


def test_a_saved_document_is_opened_as_it_was(tmp_path):
    made, _ = finished(started("toy", tmp_path).edited({"use": "truncate", "id": "t", "psi": 0.3}))
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml_of(made))
    assert opened(file, tmp_path).steps == made.steps
    assert [step.key for step in make_plan(file).steps] == [step.key for step in made.plan().steps]


def test_a_recipe_that_draws_nobody_is_refused(tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text("interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n")
    with pytest.raises(InterpganError, match="draws nobody"):
        opened(file, tmp_path)
