"""What `run.json` says of a run."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from interpgan_core.recipes import manifest as module

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def said(monkeypatch):
    """The manifest of a run of two steps that took 62.34567 seconds."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return STARTED + timedelta(seconds=62.34567)

    known = SimpleNamespace(
        operators={"find": SimpleNamespace(origin="my-plugin 1.2.3"), "own": SimpleNamespace(origin="a.py")},
        models={"faces": SimpleNamespace(origin="my-faces 0.1")},
    )
    monkeypatch.setattr(module, "datetime", Clock)
    monkeypatch.setattr(module, "plugins", lambda: known)

    def of(title):
        source = SimpleNamespace(file=Path("folder/recipe.yaml"), text="interpgan: 1")
        steps = [
            SimpleNamespace(use="find", operator=SimpleNamespace(weights="faces")),
            SimpleNamespace(use="own", operator=SimpleNamespace()),
        ]
        plan = SimpleNamespace(title=title, source=source, overrides=("a.b=1",), steps=steps)
        return module.manifest(
            plan=plan, status="finished", started=STARTED, device="cpu",
            licences=["MIT"], generator={"fingerprint": "abcd"}, steps=[{"id": "a"}],
        )  # fmt: skip

    return of


def test_a_manifest_says_what_was_run_and_how_long(said):
    found = said("Faces")
    assert (found["interpgan"], found["title"], found["seconds"]) == (1, "Faces", 62.346)
    assert (found["started"], found["finished"]) == ("2026-01-02T03:04:05+00:00", "2026-01-02T03:05:07+00:00")
    assert found["recipe"] == {"file": "recipe.yaml", "text": "interpgan: 1"}
    assert (found["overrides"], found["licences"], found["steps"]) == (["a.b=1"], ["MIT"], [{"id": "a"}])


def test_a_recipe_without_a_title_is_called_by_its_file(said):
    assert said("")["title"] == "recipe"


def test_versions_are_those_of_the_packages_that_were_used(said):
    found = said("")["versions"]
    assert (found["my-plugin"], found["my-faces"]) == ("1.2.3", "0.1")
    assert {"python", "system", "torch", "numpy", "pillow", "interpgan-core"} < set(found)
    assert "a.py" not in found and list(found) == sorted(found)
