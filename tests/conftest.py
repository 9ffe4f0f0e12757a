"""The real command, and a browser, for every test that needs them."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from browsing import browser, found_browser

__all__ = ["browser", "found_browser"]

# Python runs this before the command, and what it registers after it.
_WATCH = """
import atexit, os, sys
def note():
    with open(os.environ["INTERPGAN_TEST_MODULES"], "w") as file:
        file.write("\\n".join(sys.modules))
atexit.register(note)
"""


@dataclass(frozen=True)
class Ran:
    """What became of a command: exit status, what it wrote, and the modules that it had imported."""

    status: int
    out: str
    err: str
    modules: frozenset[str]


@pytest.fixture(scope="session")
def command(tmp_path_factory) -> Callable[..., Ran]:
    """`command("recipe.yaml", "--dry-run", cwd=folder)` runs `interpgan-run`; names are variables."""
    watch = tmp_path_factory.mktemp("watch")
    (watch / "sitecustomize.py").write_text(_WATCH)
    modules = watch / "modules.txt"

    def run(*arguments: str | Path, cwd: Path, path: Path | None = None, **variables: str) -> Ran:
        search = os.pathsep.join(map(str, [watch, *([path] if path else [])]))
        modules.unlink(missing_ok=True)
        done = subprocess.run(
            [Path(sys.executable).parent / "interpgan-run", *arguments],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": search, "INTERPGAN_TEST_MODULES": str(modules)} | variables,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        return Ran(done.returncode, done.stdout, done.stderr, frozenset(modules.read_text().split("\n")))

    return run
