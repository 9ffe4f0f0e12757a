"""The output folder as the cache, by hand: results that are found, renamed, kept beside, and why one must run."""

import hashlib
import json
import os
import time
from types import SimpleNamespace

import pytest

from interpgan_core import InterpganError, Report
from interpgan_core.recipes.plan import PlannedStep
from interpgan_core.recipes.store import Store

CONTENT = {"use": "shift", "version": 1, "parameters": {"strength": 2}, "flows": {"batch": "0123"}}


def step(number, name, word, keep=True, **content):
    """A step whose key is the hash of a word."""
    key = hashlib.sha256(word.encode()).hexdigest()
    operator = SimpleNamespace(keep=keep)
    return PlannedStep(number, name, "shift", operator, {}, {}, 0, Report, {**CONTENT, **content}, key)


def written(store, one, **files):
    """Write a result whose files hold a word each; `a__b` is a file in a folder."""
    record = {"seconds": 1.5, "key": one.key, "content": dict(one.content)}
    with store.writing(one, record) as folder:
        for name, text in files.items():
            path = folder / name.replace("__", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture
def store(tmp_path):
    found = Store(tmp_path / "out")
    with found.locked():
        yield found


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InterpganError, match="file is a file; choose another folder with --out"):
        Store(tmp_path / "file")
    with pytest.raises(InterpganError, match="is not empty and not the output of a run; choose another"):
        Store(tmp_path)
    Store(tmp_path / "none")
    for name in ("run.json", ".lock"):
        (tmp_path / name).write_text("")
        Store(tmp_path)
        (tmp_path / name).unlink()
    (tmp_path / "file").unlink()
    Store(tmp_path)


def test_two_runs_do_not_share_a_folder(tmp_path, monkeypatch):
    """The second is refused at once, without a wait."""

    def no_wait(seconds):
        raise AssertionError(seconds)

    folder = tmp_path / "new" / "out"
    monkeypatch.setattr(time, "sleep", no_wait)
    with (
        Store(folder).locked(),
        pytest.raises(InterpganError, match=f"another run is writing to {folder}; wait until it ends"),
        Store(folder).locked(),
    ):
        pytest.fail("the block must not run")
    with Store(folder).locked():
        pass


def test_what_is_unfinished_is_removed_and_links_are_not_followed(tmp_path):
    out = tmp_path / "out"
    with Store(out).locked():
        pass
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo").write_text("")
    (out / ".a.partial-1").write_text("")
    (out / ".b.partial-1").mkdir()
    (out / ".b.partial-1" / "inside").write_text("")
    (out / ".c.partial-1").symlink_to(tmp_path / "mine")
    with Store(out).locked():
        assert names(out) == []
    assert names(tmp_path / "mine") == ["photo"]


def test_a_folder_that_was_removed_meanwhile_is_said(store):
    store.write("run.json", "{}")
    assert (store.folder / "run.json").read_text() == "{}"
    (store.folder / ".lock").unlink()
    with pytest.raises(InterpganError, match="was removed or moved while a run was writing to it"):
        store.write("run.json", "{}")


def test_a_result_has_a_record_of_its_files(store):
    one = step(1, "a", "x")
    assert store.record(one) == {} and store.reasons([one]) == ["no earlier result"]
    written(store, one, b="two", deep__a="one")
    assert names(store.folder) == ["01-a"] and store.reasons([one]) == [""]
    assert store.record(one)["files"] == [
        {"name": name, "bytes": 3, "sha256": hashlib.sha256(text).hexdigest()}
        for name, text in (("b", b"two"), ("deep/a", b"one"))
    ]
    lines = (store.folder / "01-a" / "step.json").read_text().splitlines()
    assert lines[:2] == ["{", ' "content": {'] and lines[-2] == ' "seconds": 1.5'


def test_a_file_that_is_missing_or_changed_is_a_reason(store):
    one = step(1, "a", "x")
    written(store, one, b="two", c="three")
    (store.folder / "01-a" / "b").write_text("new")
    assert store.reasons([one]) == ["b was changed"]
    (store.folder / "01-a" / "b").unlink()
    assert store.reasons([one]) == ["b is missing"]
    assert store.reasons([step(1, "a", "x", keep=False)]) == ["not kept"]


LONG = "x" * 40


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"use": "walk"}, "shift -> walk"),
        ({"version": 2}, "version of shift 1 -> 2"),
        ({"sources": ["0123"]}, "what shift reads changed"),
        ({"parameters": {"strength": 3}}, "strength 2 -> 3"),
        ({"parameters": {}}, "strength 2 -> null"),
        ({"parameters": {"strength": {"of": 1}}}, "strength changed"),
        ({"parameters": {"strength": 2, "a": LONG}}, f"a null -> {LONG}"),
        ({"parameters": {"strength": 2, "a": LONG + "y"}}, f"a null -> {LONG[:37]}..."),
        ({"flows": {"batch": "4567"}}, "batch changed"),
        ({"version": 2, "parameters": {"strength": 3}}, "version of shift 1 -> 2, strength 2 -> 3"),
    ],
)
def test_what_changed_is_said_in_words(store, changed, reason):
    written(store, step(1, "a", "x"))
    assert store.reasons([step(1, "a", "y", **changed)]) == [reason]


def test_a_step_that_was_stopped_goes_on(store):
    one, other = step(1, "a", "x"), step(2, "b", "y")
    scratch = store.scratch(one)
    assert scratch.name == f".{one.key[:16]}.scratch" and store.scratch(one) == scratch
    assert store.reasons([one, other]) == [
        "no earlier result; goes on where it stopped",
        "no earlier result",
    ]
    written(store, one)
    assert not scratch.exists() and store.reasons([one]) == [""]
    store.scratch(one)
    assert store.reasons([one]) == [""]
    store.drop_scratch(one)
    store.drop_scratch(one)
    assert names(store.folder) == ["01-a"]


def test_steps_that_changed_places_keep_their_results(store):
    for one in (step(1, "a", "x"), step(2, "b", "y"), step(3, "c", "z"), step(4, "d", "v")):
        written(store, one, word=one.id)
    now = [step(1, "new", "w"), step(2, "c", "z"), step(3, "b", "y"), step(4, "d", "v"), step(5, "a", "x")]
    assert store.reasons(now) == ["no earlier result", "", "", "", ""]
    assert {number: path.name for number, path in store.find(now).items()} == {
        2: "03-c",
        3: "02-b",
        4: "04-d",
        5: "01-a",
    }
    store.arrange(now)
    assert names(store.folder) == ["02-c", "03-b", "04-d", "05-a"]
    assert [(store.folder / name / "word").read_text() for name in names(store.folder)] == list("cbda")


def test_of_equal_results_each_step_takes_its_own_first(store):
    for number, name in ((1, "a"), (2, "b"), (3, "c"), (4, "d")):
        written(store, step(number, name, "x"))
    found = store.find([step(2, "b", "x")])
    assert found[2].name == "02-b"
    now = [step(6, "f", "x"), step(3, "c", "x"), step(7, "g", "x"), step(8, "h", "y")]
    assert {number: path.name for number, path in store.find(now).items()} == {
        3: "03-c",
        6: "01-a",
        7: "02-b",
    }
    assert store.find([step(1, "a", "x", keep=False)]) == {}


def test_a_result_that_waits_for_its_name_is_newer_than_what_has_it(store):
    """A run was killed between the last byte and the name."""
    one = step(2, "b", "y")
    waiting, aside = store.folder / f".02-b.{one.key[:8]}.done", store.folder / "aside"
    written(store, one, word="new")
    (store.folder / "02-b").rename(aside)
    written(store, one, word="old")
    aside.rename(waiting)
    (store.folder / ".09-x.01234567.done").mkdir()
    now = [step(1, "a", "x"), one, step(3, "c", "w")]
    assert store.find(now) == {2: waiting}
    store.arrange(now)
    assert names(store.folder) == ["02-b"] and store.find(now) == {2: store.folder / "02-b"}
    assert (store.folder / "02-b" / "word").read_text() == "new"


def test_of_a_step_that_has_ended_the_scratch_is_dropped(store):
    """Of one whose result was changed since, and will be made again, it stays."""
    now = [step(number, name, name) for number, name in enumerate("abcd", 1)]
    for one in now[:3]:
        written(store, one, word=one.id)
    (store.folder / "03-c" / "word").write_text("changed")
    for one in now[1:]:
        store.scratch(one)
    store.arrange(now)
    assert [store._scratch(one).exists() for one in now] == [False, False, True, True]


def test_what_a_run_has_written_is_replaced(store):
    written(store, step(1, "a", "x"), deep__word="old")
    written(store, step(1, "a", "y"), deep__word="new")
    assert names(store.folder) == ["01-a"] and store.kept == []
    assert (store.folder / "01-a" / "deep" / "word").read_text() == "new"


@pytest.mark.parametrize("what", ["more", "changed", "link", "file", "linked", "folder"])
def test_what_a_person_has_put_there_is_kept_beside(store, tmp_path, what):
    place = store.folder / "01-a"
    written(store, step(1, "a", "x"), word="old")
    if what == "more":
        (place / "mine").write_text("")
    elif what == "changed":
        (place / "word").write_text("mine")
    elif what == "link":
        (place / "mine").symlink_to(tmp_path)
    else:
        place.rename(tmp_path / "elsewhere")
        if what == "file":
            place.write_text("mine")
        elif what == "linked":
            place.symlink_to(tmp_path / "elsewhere")
        else:
            place.mkdir()
            (place / "word").write_text("old")
    written(store, step(1, "a", "y"), word="new")
    assert [path.name for path in store.kept] == ["01-a.kept-1"]
    (place / "word").write_text("mine")
    written(store, step(1, "a", "z"), word="newest")
    assert names(store.folder) == ["01-a", "01-a.kept-1", "01-a.kept-2"]
    assert (place / "word").read_text() == "newest"


@pytest.mark.parametrize(
    "damage",
    [
        lambda record: record.pop("key"),
        lambda record: record.update(key=1),
        lambda record: record["content"].update(parameters=[]),
        lambda record: record["content"].update(flows=[]),
        lambda record: record.pop("files"),
        lambda record: record["files"][0].update(sha256=1),
        lambda record: record["files"][0].update(name=1),
    ],
)
def test_a_damaged_record_is_none(store, damage):
    one = step(1, "a", "x")
    written(store, one, word="old")
    path = store.folder / "01-a" / "step.json"
    record = json.loads(path.read_text())
    damage(record)
    path.write_text(json.dumps(record))
    assert store.record(one) == {} and store.reasons([one]) == ["no earlier result"]
