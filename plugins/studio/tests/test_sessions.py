"""What a tab does, and that the saved recipe gives the same bytes."""

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from interpgan_core import make_plan, quiet, read_picture, run

SMILE, AGE = "$avatars-directions.smile", "$avatars-directions.age"


def mask(box=(10, 10, 40, 40), size=64):
    picture = Image.new("L", (size, size))
    ImageDraw.Draw(picture).ellipse(box, fill=255)
    data = BytesIO()
    picture.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


def slide(tab, direction, value, layers="all", done=True):
    return tab.do(do="slide", direction=direction, value=value, layers=layers, done=done)


def edits(tab):
    return [edit["id"] for edit in tab.state["edits"]]


def saved(tab, name):
    """The folder that a save makes."""
    before = set(tab.served.out.glob("*")) if tab.served.out.exists() else set()
    tab.do(do="save", name=name)
    (folder,) = set(tab.served.out.glob("*")) - before
    return folder


def rendered(folder, out):
    """What `interpgan-run` renders of a saved recipe: of a row that compares, the last picture."""
    run(make_plan(folder / "recipe.yaml"), out, device="cpu", progress=quiet)
    (render,) = out.glob("*render")
    files = sorted(render.glob("0*.png"))
    return [file.read_bytes() for file in files if not file.stem.endswith("_before")]


def assert_same_bytes(tab, tmp_path):
    folder = saved(tab, "saved")
    pictures = sorted(folder.glob("picture*.png"), key=lambda file: (len(file.name), file.name))
    assert [file.read_bytes() for file in pictures] == rendered(folder, tmp_path / folder.name)


pytestmark = pytest.mark.long

EDITS = {
    "shift": lambda tab: slide(tab, SMILE, 2.5),
    "shift of some layers": lambda tab: slide(tab, AGE, 3, layers="0-3"),
    "truncate": lambda tab: tab.do(do="psi", value=0.6, done=True),
    "ablate": lambda tab: tab.do(
        do="stroke", how="remove", target={"layer": "synthesis.b16.conv1"}, mask=mask(), strength=0.7
    ),
    "insert": lambda tab: tab.do(
        do="stroke", how="draw", target={"layer": "synthesis.b16.conv0"}, mask=mask(), strength=0.5
    ),
    "exchange": lambda tab: tab.do(do="take", part="hair", layer="synthesis.b16.conv0"),
    "exaggerate": lambda tab: tab.do(do="add", use="example.exaggerate", fields={"factor": 1.2}),
    "several people": lambda tab: tab.do(do="people", seeds="7-9"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_each_kind_of_edit_is_saved_as_a_recipe_of_the_same_bytes(tab, tmp_path, edit):
    before = tab.pictures["picture", 0][1]
    EDITS[edit](tab)
    assert not tab.said
    if edit != "several people":
        assert tab.pictures["picture", 0][1] != before
    assert_same_bytes(tab, tmp_path)


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from([*EDITS, "undo", "redo", "remove", "reset"]), min_size=2, max_size=6))
def test_any_sequence_of_edits_is_saved_as_a_recipe_of_the_same_bytes(
    served, open_tab, tmp_path_factory, sequence
):
    tab = open_tab(served)
    for edit in sequence:
        if edit in EDITS:
            EDITS[edit](tab)
        elif edit == "remove":
            if tab.state["edits"]:
                tab.do(do="remove", step=tab.state["edits"][0]["id"])
        else:
            tab.do(do=edit)
    # Codes do not go back: an edit of earlier codes behind one of later codes is refused, and nothing changes.
    assert all("cannot" in sentence for sentence in tab.said)
    assert_same_bytes(tab, tmp_path_factory.mktemp("runs"))
    tab.close()


def test_moves_of_a_drag_are_no_steps_of_the_history(tab):
    for value in (0.5, 1, 1.5):
        slide(tab, SMILE, value, done=False)
    slide(tab, SMILE, 2)
    assert tab.state["history"] == {"undo": "smile +2", "redo": None}
    assert edits(tab) == ["smile"]
    tab.do(do="undo")
    assert edits(tab) == [] and tab.state["history"]["redo"] == "smile +2"
    tab.do(do="redo")
    assert edits(tab) == ["smile"]


def test_a_slider_at_0_takes_its_step_away(tab):
    slide(tab, SMILE, 2)
    slide(tab, SMILE, 0)
    assert edits(tab) == []
    slide(tab, AGE, 0)
    assert tab.state["history"]["undo"] == "smile +0"


def test_any_step_of_the_history_can_be_deleted(tab):
    first = tab.pictures["picture", 0][1]
    slide(tab, SMILE, 2)
    smiling = tab.pictures["picture", 0][1]
    slide(tab, AGE, 2)
    tab.do(do="remove", step="age")
    assert tab.pictures["picture", 0][1] == smiling
    tab.do(do="remove", step="smile")
    assert tab.pictures["picture", 0][1] == first


def test_a_field_of_a_step_is_its_control(tab):
    tab.do(do="add", use="example.exaggerate", fields={})
    (control,) = tab.state["edits"][0]["controls"]
    assert (control["field"], control["kind"], control["default"]) == ("factor", "number", 1.5)
    before = tab.pictures["picture", 0][1]
    tab.do(do="field", step="example-exaggerate", field="factor", value=0.5, done=True)
    assert tab.pictures["picture", 0][1] != before
    tab.do(do="field", step="example-exaggerate", field="factor", value="much", done=True)
    assert tab.said[-1] == "'factor' is a number"


def test_directions_are_found_beside_the_pictures(tab):
    tab.send(do="find", use="sefa", fields={"layers": "0-3", "count": 3})
    tab.until(
        lambda message: any(found["id"] == "sefa" for found in message.get("state", {}).get("sets", ()))
    )
    (found,) = (each for each in tab.state["sets"] if each["id"] == "sefa")
    assert [each["name"] for each in found["directions"]] == ["0", "1", "2"] and found["layers"] == "0-3"
    before = tab.pictures["picture", 0][1]
    slide(tab, "$sefa.0", 2, layers="0-3")
    assert tab.pictures["picture", 0][1] != before


FOUND = {
    "ganspace": {"count": 2, "seeds": "0-499"},
    "resefa": {"region": "0.6, 0.3, 0.8, 0.7", "count": 2, "seeds": "0"},
    "stylespace": {"channels": "4.3, 5.10"},
    "latentclr.conditional": {"count": 2, "steps": 2, "batch_size": 2},
}


@pytest.mark.parametrize("use", FOUND)
def test_sliders_along_components_regions_and_single_channels(tab, tmp_path, use):
    tab.send(do="find", use=use, fields=FOUND[use])
    name = use.replace(".", "-")
    tab.until(lambda message: any(found["id"] == name for found in message.get("state", {}).get("sets", ())))
    (found,) = (each for each in tab.state["sets"] if each["id"] == name)
    assert len(found["directions"]) == 2
    before = tab.pictures["picture", 0][1]
    slide(tab, found["directions"][0]["reference"], 3)
    assert tab.pictures["picture", 0][1] != before and not tab.said
    assert_same_bytes(tab, tmp_path)


def test_directions_in_words(tab, tmp_path):
    """Texts share a step; a slider of the first stays where it is when a second is typed."""
    assert tab.state["words"]

    def type_(text):
        known = [len(each["directions"]) for each in tab.state["sets"] if each["id"] == "words"]
        tab.send(do="describe", text=text)
        tab.until(
            lambda message: any(
                found["id"] == "words" and len(found["directions"]) == sum(known) + 1
                for found in message.get("state", {}).get("sets", ())
            )
        )

    type_("a  smiling person ")
    before = tab.pictures["picture", 0][1]
    slide(tab, "$words.a-smiling-person", 4)
    smiling = tab.pictures["picture", 0][1]
    assert smiling != before and not tab.said
    type_("an old man")
    assert edits(tab) == ["a-smiling-person"] and tab.pictures["picture", 0][1] == smiling
    slide(tab, "$words.an-old-man", 3)
    assert_same_bytes(tab, tmp_path)
    for text, answer in (("", "type what should be seen"), ("x" * 301, "in 1 to 300 characters")):
        tab.do(do="describe", text=text)
        assert answer in tab.said[-1]
    tab.send(do="describe", text="a zeppelin")
    tab.until(lambda message: "zeppelin" in message.get("said", ""))
    assert len(tab.state["sets"][-1]["directions"]) == 2


def test_no_words_where_nothing_reads(tab):
    tab.do(do="generator", name="toy")
    assert not tab.state["words"]
    tab.do(do="describe", text="a smiling person")
    assert tab.said[-1] == "nothing here reads texts about these pictures"


def test_a_part_is_taken_from_another_person(tab):
    tab.do(do="show", what="parts")
    names = tab.pictures["parts", 0][0]["names"]
    parts = np.asarray(tab.picture("parts"))
    assert {"hair", "eyes", "mouth"} <= set(names) and tab.state["take"]["parts"] == names
    before = np.asarray(tab.picture(), dtype=int)
    tab.do(do="donor", seeds="12")
    tab.do(do="take", part="hair", layer="")
    after = np.asarray(tab.picture(), dtype=int)
    changed = np.abs(after - before).mean(2)
    hair = parts == names.index("hair")
    assert changed[hair].mean() > 4 * changed[parts == names.index("mouth")].mean()
    tab.do(do="take", part="wings", layer="")
    assert tab.said[-1].startswith("there is no part 'wings' here")


def test_a_stroke_changes_the_picture_where_it_was_painted(tab):
    before = np.asarray(tab.picture(), dtype=int)
    tab.do(
        do="stroke",
        how="remove",
        target={"layer": "synthesis.b64.conv0"},
        mask=mask((0, 0, 20, 20)),
        strength=1,
    )
    changed = np.abs(np.asarray(tab.picture(), dtype=int) - before).sum(2) > 0
    assert changed[:20, :20].mean() > 0.5 and changed[30:].mean() < 0.02
    (folder,) = {file.parent for file in Path(tab.served.studio.scratch).glob(f"{tab.name}/stroke-*.png")}
    assert folder.name == tab.name


def test_people_are_several_or_of_a_class_that_there_is(tab):
    tab.do(do="people", seeds="3,5")
    assert ("picture", 1) in tab.pictures and tab.state["people"]["seeds"] == "3,5"
    tab.do(do="people", seeds="-1")
    assert "is not a range" in tab.said[-1] and tab.state["people"]["seeds"] == "3,5"
    tab.do(do="people", seeds="1", classes="tabby")
    assert "no classes" in tab.said[-1]


def test_sixteen_people_are_drawn_of_more(tab):
    tab.pictures.clear()
    tab.do(do="people", seeds="0-19")
    assert {index for kind, index in tab.pictures if kind == "picture"} == set(range(16))


def test_another_generator_is_loaded_and_undone(tab):
    tab.do(do="generator", name="avatars.pggan")
    assert tab.state["generator"]["name"] == "avatars.pggan" and tab.state["people"]["psi"] is None
    tab.do(do="undo")
    assert tab.state["generator"]["name"] == "avatars.stylegan2"
    tab.do(do="generator", name="avatars.pgan")
    assert "did you mean 'avatars.pggan'?" in tab.said[-1]


def test_a_recipe_is_opened_with_its_steps_as_controls(serve, open_tab, tmp_path):
    file = tmp_path / "mine.yaml"
    Image.new("L", (8, 8), 255).save(tmp_path / "here.png")
    file.write_text(
        """interpgan: 1
title: Mine
steps:
  - {use: generator, weights: avatars.stylegan2}
  - {use: avatars.directions, id: toward}
  - {use: sample, seeds: "4,5"}
  - {use: ablate, layer: synthesis.b8.conv0, units: 0-3, region: here.png}
  - {use: shift, direction: $toward.beard, strength: 1, unit: sigma}
  - {use: render, title: Both}
"""
    )
    tab = open_tab(serve(file))
    assert edits(tab) == ["ablate", "shift"] and tab.state["title"] == "Mine"
    (beard,) = (d for d in tab.state["sets"][0]["directions"] if d["name"] == "beard")
    assert beard["value"] == 1
    slide(tab, "$toward.beard", 2)
    assert edits(tab) == ["ablate", "shift"]
    folder = saved(tab, "mine")
    assert "title: Both" in (folder / "recipe.yaml").read_text()
    assert [file.read_bytes() for file in sorted(folder.glob("picture*"))] == rendered(
        folder, tmp_path / "run"
    )
    tab.close()


def test_concepts_of_an_interpretable_layer_are_parts_and_targets(serve, open_tab, tmp_path):
    tab = open_tab(serve(weights="avatars.stylegan2-interpretable"))
    assert {"hair", "eyes"} <= set(tab.state["take"]["parts"])
    assert {"concept": "hair"} in [each["target"] for each in tab.state["targets"]]
    tab.do(do="show", what="parts")
    assert len(np.unique(np.asarray(tab.picture("parts")))) > 2
    tab.do(do="take", part="eyes", layer="")
    tab.do(do="stroke", how="draw", target={"concept": "hair"}, mask=mask(), strength=1)
    assert not tab.said
    assert_same_bytes(tab, tmp_path)
    tab.close()


def test_what_is_saved_is_never_overwritten(tab):
    first, second = saved(tab, "twice"), saved(tab, "twice")
    assert second.name.startswith("twice-") and first != second
    tab.do(do="save", name="../elsewhere")
    assert tab.said[-1].startswith("a name is made of letters")
    assert read_picture(first / "picture.png").size == (64, 64)
    assert not list(tab.served.out.glob(".*"))


def test_what_an_opened_recipe_prepares_is_cancelled(serve, open_tab, tmp_path):
    file = tmp_path / "slow.yaml"
    file.write_text(
        """interpgan: 1
steps:
  - {use: generator, weights: avatars.stylegan2}
  - {use: ganspace, id: components, seeds: 0-299999}
  - {use: sample, seeds: 9}
"""
    )
    tab = open_tab(serve(file))
    tab.until(lambda message: (message.get("job") or {}).get("total"))
    tab.do(do="people", seeds="10")
    assert not tab.state["sets"]
    tab.send(do="cancel")
    tab.until(lambda message: message.get("said") == "Cancelled.")
    tab.close()
