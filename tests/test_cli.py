"""`interpgan-run` as a person types it."""

import hashlib
import json
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from interpgan_core import cli
from interpgan_core.plugins import plugins

BIN = Path(sys.executable).parent
RECIPE = """\
interpgan: 1
title: Between people
steps:
  - {use: generator, weights: toy}
  - {use: sample, id: first, seeds: 0-1}
  - {use: sample, id: second, seeds: 5}
  - {use: interpolate, batch: $first, to: $second, steps: 3}
  - {use: truncate, psi: 0.8}
  - {use: render}
"""
NAPPING = """\
import time
from pathlib import Path
from interpgan_core import Operator, Report, hookimpl

class Nap(Operator):
    def run(self, folder: Path) -> Report:
        (folder / "dream.txt").write_text("half of it")
        Path("asleep").touch()
        time.sleep(60)

@hookimpl
def interpgan_operators():
    return {"nap": "nap:Nap"}
"""
SAYING = """\
from interpgan_core import Operator, Report, hookimpl

class Say(Operator):
    words: tuple[str, ...]
    def run(self) -> Report:
        return Report(notes=self.words)

@hookimpl
def interpgan_operators():
    return {"say": "say:Say"}
"""
SAY = "interpgan: 1\nsteps:\n  - {use: say, words: [hello]}\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with a recipe; the registry of plugins is as it was afterwards."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.yaml").write_text(RECIPE)
    yield tmp_path
    plugins.cache_clear()


@pytest.fixture
def typed(here, monkeypatch, capsys):
    """`typed("people.yaml", "--dry-run")`: exit status and what was written, without a new process."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["interpgan-run", *arguments])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = end.code
        return (status, *capsys.readouterr())

    return run


def manifest(folder="out/people"):
    return json.loads(Path(folder, "run.json").read_text())


def contents(folder):
    return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in folder.rglob("*")}


@pytest.mark.long
@pytest.mark.parametrize("option", ["--help", "-h", "--version", "--list", "--schema"])
def test_asking_is_quick_and_writes_nothing(option, here, command):
    before = contents(here)
    ran = command(option, cwd=here)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out
    assert not {"torch", "numpy", "PIL", "sklearn", "scipy"} & ran.modules
    assert contents(here) == before


def test_help_is_short_and_names_every_option(typed):
    status, out, _ = typed("--help")
    assert status == 0
    assert out.startswith("Usage: interpgan-run [OPTIONS] [RECIPE]\n")
    lines = out.splitlines()
    assert len(lines) < 30 and max(map(len, lines)) <= 80
    assert set(re.findall(r"--[a-z-]+", out)) == {
        "--out", "--set", "--dry-run", "--fresh", "--device", "--plugin", "--list", "--inspect", "--schema",
        "--version", "--help",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "name a recipe"),
        (["--lsit"], 2, "Did you mean one of: '--list', '--set'?"),
        (["people.yaml", "--device", "tpu"], 2, "'tpu' is none; write cpu, cuda, cuda:1 or mps"),
        (["people.yaml", "two.yaml"], 2, "unexpected extra argument (two.yaml)"),
        (
            ["--list", "opertors"],
            2,
            "encoders, the name of an operator, or nothing; did you mean 'operators'?",
        ),
        (["poeple.yaml"], 2, "poeple.yaml: there is no such file; did you mean 'people.yaml'?"),
        (["people.yaml", "--set", "first.sedes=1"], 2, "did you mean 'seeds'?"),
        (["people.yaml", "--plugin", "lost.py"], 2, "lost.py is not a plugin"),
        (["people.yaml", "--set", "first.classes=[0]"], 2, "sample: this generator has no classes"),
        (
            ["people.yaml", "--out", "people.yaml"],
            1,
            "people.yaml is a file; choose another folder with --out",
        ),
    ],
)
def test_exit_statuses(arguments, status, said, typed, here):
    found = typed(*arguments)
    assert (found[0], found[1]) == (status, "") or (status == 1 and found[0] == 1)
    assert said in found[2] and "Traceback" not in found[2]
    if status == 2:
        assert [p.name for p in here.iterdir()] == ["people.yaml"]


@pytest.mark.long
def test_a_closed_pipe_is_no_crash(here):
    with subprocess.Popen(
        [BIN / "interpgan-run", "--schema"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""


def test_ctrl_c_says_how_to_go_on(here):
    (here / "nap.py").write_text(NAPPING)
    (here / "nap.yaml").write_text("interpgan: 1\nsteps:\n  - {use: nap}\n")
    arguments = [BIN / "interpgan-run", "nap.yaml", "--plugin", "nap.py", "--device", "cpu"]
    # In the background of a script, where CI may run, SIGINT is ignored, and children inherit that.
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, **pipes, **heard) as process:
        while not Path("asleep").exists() and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.strip() == "stopped; run the same command again to go on"
    assert not [p for p in here.rglob("dream.txt") if not any(part.startswith(".") for part in p.parts)]
    assert manifest("out/nap")["steps"] == []


def test_run_json_holds_the_facts(typed, here):
    status, out, err = typed(
        "people.yaml", "--out", "results", "--set", "truncate.psi=0.5", "--device", "cpu"
    )
    assert (status, err) == (0, "")
    assert out.endswith("Report: results/report.html\n")
    assert (here / "people.yaml").read_text() == RECIPE
    run = manifest("results")
    assert run["interpgan"] == 1
    assert run["status"] == "finished"
    assert run["title"] == "Between people"
    assert run["recipe"] == {"file": "people.yaml", "text": RECIPE}
    assert run["overrides"] == ["truncate.psi=0.5"]
    assert run["device"] == "cpu"
    assert run["generator"]["weights"] == "toy" and re.fullmatch(
        r"[0-9a-f]{16,}", run["generator"]["fingerprint"]
    )
    assert {"python", "system", "torch", "interpgan-core"} <= set(run["versions"])
    assert datetime.fromisoformat(run["started"]) <= datetime.fromisoformat(run["finished"])
    assert 0 <= sum(step["seconds"] for step in run["steps"]) <= run["seconds"] + 0.1
    names = ["generator", "first", "second", "interpolate", "truncate", "render"]
    assert [(step["number"], step["id"]) for step in run["steps"]] == list(enumerate(names, start=1))
    assert {step["id"]: step["parameters"] for step in run["steps"]}["truncate"] == {"psi": 0.5}
    assert len({step["key"] for step in run["steps"]}) == 6
    for step in run["steps"]:
        assert re.fullmatch(r"[0-9a-f]{64}", step["key"])
        assert step["status"] == "ran" and step["reason"]
        if step["folder"] is None:
            assert step["use"] == "generator" and step["files"] == []
            continue
        folder = Path("results", step["folder"])
        on_disk = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()} - {"step.json"}
        assert {file["name"] for file in step["files"]} == on_disk != set()
        for file in step["files"]:
            data = (folder / file["name"]).read_bytes()
            assert file["bytes"] == len(data) and file["sha256"] == hashlib.sha256(data).hexdigest()


@pytest.mark.long
def test_the_second_run_is_read_from_disk(typed, here, command):
    assert typed("people.yaml")[0] == 0
    pictures = {p: p.read_bytes() for p in Path("out/people").rglob("*.png")}
    again = command("people.yaml", cwd=here)
    assert again.status == 0
    assert "torch" not in again.modules
    assert len(re.findall(r"cached", again.out)) == 5 and " ran " not in again.out
    assert {step["status"] for step in manifest()["steps"]} == {"cached", "skipped"}
    assert {p: p.read_bytes() for p in Path("out/people").rglob("*.png")} == pictures


def would(out):
    """What `--dry-run` says: (id, status as in run.json, reason) a step."""
    words = {
        "would run": "ran",
        "cached, would be read": "cached",
        "cached": "cached",
        "skipped": "skipped",
    }
    lines = [re.fullmatch(r" *\d+ (\S+) +(\D+?)(?: \((.*)\))?", line).groups() for line in out.splitlines()]
    return [(name, words[what], reason or "") for name, what, reason in lines]


def edit(old, new):
    def change():
        text = Path("people.yaml").read_text()
        assert text.count(old) == 1
        Path("people.yaml").write_text(text.replace(old, new))

    return change


def lose_a_picture():
    next(Path("out/people").rglob("*.png")).unlink()


def draw_on_a_picture():
    next(Path("out/people").rglob("*.png")).write_bytes(b"mine")


# What changes before each run; the arguments; what runs again, and why.
EVERYTHING = {"first", "second", "interpolate", "truncate", "render"}
SEQUENCE = [
    (None, [], dict.fromkeys(EVERYTHING, "no earlier result")),
    (None, [], {}),
    (None, ["--set", "truncate.psi=0.5"], {"truncate": "psi 0.8 -> 0.5", "render": "batch changed"}),
    (None, [], {"truncate": "psi 0.5 -> 0.8", "render": "batch changed"}),
    (edit("title: Between", "title: Amid"), [], {}),
    (
        edit("seeds: 5", "seeds: 6"),
        [],
        {
            "second": "seeds 5 -> 6",
            "interpolate": "to changed",
            "truncate": "batch changed",
            "render": "batch changed",
        },
    ),
    (edit("{use: render}", "{use: render, format: webp}"), [], {"render": "format png -> webp"}),
    (edit("steps: 3}", "steps: 3, method: lerp}"), [], {}),  # the default, written out
    (lose_a_picture, [], {"render"}),
    (draw_on_a_picture, [], {"render"}),
    (edit("  - {use: truncate, psi: 0.8}\n", ""), [], {"render"}),
    (
        edit("  - {use: render", "  - {use: truncate, layers: 0-2}\n  - {use: render"),
        [],
        {"truncate", "render"},
    ),
    (edit("id: second, ", "id: other, "), ["--set", "interpolate.to=$other"], {}),  # its result is the same
    (
        None,
        ["--fresh", "--set", "interpolate.to=$other"],
        dict.fromkeys({*EVERYTHING, "other"} - {"second"}, "--fresh"),
    ),
]


@pytest.mark.long
def test_a_dry_run_says_what_the_run_then_does(typed, here):
    for change, arguments, expected in SEQUENCE:
        if change:
            change()
        before = contents(here)
        status, out, err = typed("people.yaml", "--dry-run", *arguments)
        assert (status, err) == (0, "")
        assert contents(here) == before
        assert typed("people.yaml", *arguments)[0] == 0
        did = [(step["id"], step["status"], step["reason"]) for step in manifest()["steps"]]
        assert would(out) == did
        again = {name: reason for name, status, reason in did if status == "ran" and name != "generator"}
        assert (again if isinstance(expected, dict) else set(again)) == expected
        again = would(typed("people.yaml", "--dry-run", *(a for a in arguments if a != "--fresh"))[1])
        assert {status for _, status, _ in again} == {"cached", "skipped"}


@pytest.mark.long
def test_a_plugin_from_a_file(here, command):
    Path("say.py").write_text(SAYING)
    Path("say.yaml").write_text(SAY)
    without = command("say.yaml", cwd=here)
    assert without.status == 2
    assert without.err.startswith("say.yaml:3:11: there is no step 'say'")
    ran = command("say.yaml", "--plugin", "say.py", "--plugin", "./say.py", "--device", "cpu", cwd=here)
    assert (ran.status, ran.err) == (0, "")
    assert "hello" in Path("out/say/report.html").read_text()
    listed = command("--list", "operators", "--plugin", "say.py", cwd=here)
    assert re.search(rf"^  say +{re.escape(str(here / 'say.py'))}$", listed.out, re.MULTILINE)


def test_a_plugin_from_a_folder(here, command):
    folder = Path("work", "interpgan_say")
    folder.mkdir(parents=True)
    (folder / "words.py").write_text(SAYING)
    (folder / "__init__.py").write_text(
        "from interpgan_core import hookimpl\n\n@hookimpl\ndef interpgan_operators():\n"
        '    return {"say": "interpgan_say.words:Say"}\n'
    )
    Path("say.yaml").write_text(SAY)
    ran = command("say.yaml", "--plugin", folder, "--device", "cpu", cwd=here)
    assert (ran.status, ran.err) == (0, "")
    assert "hello" in Path("out/say/report.html").read_text()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("say.txt", SAYING, "say.txt is not a plugin: give a .py file, or a folder with __init__.py"),
        ("my-say.py", SAYING, "my-say.py cannot be imported; use letters, digits and _ in its name"),
        ("torch.py", SAYING, "Python has a module called torch already; rename torch.py"),
        ("json.py", SAYING, "Python has a module called json already; rename json.py"),
        ("core.py", SAYING, "a plugin called core is installed already; rename core.py"),
        ("say.py", "import lost", "plugin say.py failed on import: ModuleNotFoundError: No module named 'lost'"),
        ("say.py", "def (", "plugin say.py failed on import: SyntaxError: invalid syntax (say.py, line 1)"),
        ("say.py", "raise SystemExit(0)", "plugin say.py failed on import: SystemExit: 0"),
        (
            "speak.py", SAYING,
            "plugin speak.py cannot be used: it offers 'say', but its names must be 'speak' or 'speak.…'",
        ),
    ],
)  # fmt: skip
def test_files_that_are_no_plugins(file, text, message, typed, here):
    Path(file).write_text(text)
    before = set(sys.modules)
    status, out, err = typed("people.yaml", "--plugin", file)
    assert (status, out) == (2, "")
    assert err.replace(f"{here}/", "") == message + "\n"
    assert Path(file).stem in before or Path(file).stem not in sys.modules or file == "speak.py"


def test_a_folder_without_code_is_no_plugin(typed, here):
    Path("empty").mkdir()
    assert typed("--list", "--plugin", "empty")[0] == 2


def test_list_names_what_there_is(typed):
    _, out, _ = typed("--list")
    kinds = ["operators", "backbones", "models", "engines", "encoders"]
    assert re.findall(r"^(\w+):$", out, re.MULTILINE) == kinds
    assert re.search(r"^  sample +interpgan-core \d", out, re.MULTILINE)
    assert re.search(r"^  toy +interpgan-core \d", out, re.MULTILINE)
    _, models, _ = typed("--list", "models")
    assert "sample" not in models and "toy" in models


def test_list_of_an_operator_says_what_it_takes(typed):
    code, out, _ = typed("--list", "walk")
    assert code == 0
    assert out.startswith(
        "walk: Every sample at several strengths along a direction, or of another mover, side by "
    )
    assert "\n  direction: $step; needed\n" in out
    assert "\n  unit: space or sigma or score; default space\n      space: units of the latent" in out
    assert out.endswith("\n  - {use: walk, direction: $step}\n")
    code, _, err = typed("--list", "wlak")
    assert code == 2 and "did you mean 'walk'?" in err


def test_every_operator_is_described():
    from interpgan_core.plugins import plugins
    from interpgan_core.recipes.manual import manual

    for name, provided in plugins().operators.items():
        page = manual(name)
        for parameter, field in provided.load().model_fields.items():
            assert f"\n  {parameter}: " in page, f"{name} does not list {parameter}"
            assert field.description is None or field.description.splitlines()[0] in page
        assert "as described" not in page, name


LOOK = """
import os
from interpgan_core import Operator, Report, hookimpl

class Look(Operator):
    keep = False
    def run(self) -> Report:
        print("policy", os.environ.get("OMP_WAIT_POLICY"))
        return Report()

@hookimpl
def interpgan_operators():
    return {"look": f"{__name__}:Look"}
"""


@pytest.mark.long
@pytest.mark.parametrize("own", [None, "ACTIVE"])
def test_threads_wait_passively_unless_the_user_says_otherwise(command, tmp_path, own, monkeypatch):
    (tmp_path / "look.py").write_text(LOOK)
    (tmp_path / "recipe.yaml").write_text("interpgan: 1\nsteps:\n  - {use: look}\n")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if own:
        monkeypatch.setenv("OMP_WAIT_POLICY", own)
    ran = command("recipe.yaml", "--plugin", "look.py", cwd=tmp_path)
    assert f"policy {own or 'PASSIVE'}" in ran.out, ran.err
