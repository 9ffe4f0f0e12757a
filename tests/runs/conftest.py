"""`runs`: interpgan-run in processes of their own, without waiting for torch each time."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

LAB = Path(__file__).with_name("lab.py")

# Imports what a run needs, but computes nothing: each line that comes in is run by a fork of this process.
SERVER = """
import json, os, resource, signal, sys, traceback
import jinja2, PIL.Image, torch
from interpgan_core import cli, progress
from interpgan_core.generators import toy
from interpgan_core.loading import load_generator
from interpgan_core.operators.builtin import render, sample, save, score, shift, walk
from interpgan_core.recipes import runner

for line in sys.stdin:
    job = json.loads(line)
    if "wait" in job:
        print(os.waitstatus_to_exitcode(os.waitpid(job["wait"], 0)[1]), flush=True)
        continue
    process = os.fork()
    if process:
        print(process, flush=True)
        continue
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(job["env"])
    if "largest_file" in job:
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"], resource.RLIM_INFINITY))
    for number, name in enumerate((os.devnull, job["out"], job["err"])):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_APPEND), number)
    sys.argv = ["interpgan-run", *job["args"]]
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
"""


@dataclass
class Run:
    """One process: its number, and where its words go."""

    runs: "Runs"
    pid: int
    words: Path

    def end(self):
        """Wait for it; its exit status (negative: the signal that ended it)."""
        return int(self.runs.ask(wait=self.pid))

    def kill(self, number=signal.SIGKILL):
        """Send a signal, and wait for the end."""
        os.kill(self.pid, number)
        return self.end()

    @property
    def out(self):
        return self.words.with_suffix(".out").read_text()

    @property
    def err(self):
        return self.words.with_suffix(".err").read_text()


class Runs:
    """Starts runs of `interpgan-run`."""

    def __init__(self, server, folder):
        self.server, self.folder, self.count = server, folder, 0

    def ask(self, **job):
        self.server.stdin.write(json.dumps(job) + "\n")
        self.server.stdin.flush()
        return self.server.stdout.readline()

    def start(self, *args, env=None, **limits):
        self.count += 1
        words = self.folder / f"words-{self.count}"
        names = {"out": f"{words}.out", "err": f"{words}.err"}
        pid = self.ask(args=list(map(str, args)), env=env or {}, **names, **limits)
        return Run(self, int(pid), words)

    def __call__(self, *args, status=0, **more):
        """A run from start to end, which must end with this status."""
        run = self.start(*args, **more)
        assert run.end() == status, run.out + run.err
        assert "Traceback" not in run.err
        return run


@pytest.fixture(scope="session")
def server():
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def runs(server, tmp_path):
    return Runs(server, tmp_path)


def _contents(folder):
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name == "report.html":
            continue  # holds times; made of what is compared here
        found[name] = path.read_bytes()
        if path.name == "step.json":
            record = json.loads(found[name])
            del record["seconds"]
            found[name] = record
        if name == "run.json":
            manifest = json.loads(found[name])
            for key in ("started", "finished", "seconds"):
                del manifest[key]
            for step in manifest["steps"]:
                # Whether a step was run just now is the history of the folder, not its content.
                for key in ("seconds", "status", "reason"):
                    del step[key]
            found[name] = manifest
    return found


@pytest.fixture
def contents():
    """The whole of an output folder, name -> bytes, but for times and what was run when."""
    return _contents


@pytest.fixture
def recipe(tmp_path):
    """Writes a recipe, a line a step: `recipe({"use": "sample", "seeds": "0-3"}, …)`; begins with the toy."""

    def write(*steps, name="recipe", **more):
        file = tmp_path / f"{name}.yaml"
        first = {"use": "generator", "weights": "toy"}
        lines = "".join(f"  - {json.dumps(step)}\n" for step in (first, *steps))
        head = "".join(f"{key}: {value}\n" for key, value in more.items())
        file.write_text(f"interpgan: 1\n{head}steps:\n{lines}")
        return file

    return write


@pytest.fixture
def ran(tmp_path):
    """The names of the lab's operators that were run, in order, since it was last asked."""
    file = tmp_path / "ran.txt"
    file.touch()
    read = 0

    def names():
        nonlocal read
        lines = file.read_text().split()
        read, start = len(lines), read
        return lines[start:]

    names.file = file
    return names


@pytest.fixture
def go(runs, ran, tmp_path):
    """A run with the lab as a plugin, into one folder: `go(recipe, "--set", …)`."""

    def start(recipe, *args, out=tmp_path / "out", env=None, wait=True, **more):
        env = {"RAN": str(ran.file), "OUT": str(out)} | (env or {})
        run = runs if wait else runs.start
        return run(recipe, "--out", out, "--plugin", LAB, *args, env=env, **more)

    return start
