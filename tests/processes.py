"""Code in processes of its own, for tests of what a process leaves behind, or of how much memory it takes."""

import atexit
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from functools import cache
from pathlib import Path

# Imports what nearly all code needs, once; each line that comes in is code for a fork of this process.
_FORKS = """
import json, os, sys, traceback
import numpy, PIL.Image, safetensors, torch
from interpgan_core import load_generator, read_npy, read_weights

for line in sys.stdin:
    job = json.loads(line)
    process = os.fork()
    if process:
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
        continue
    for number, name in enumerate(("out", "err"), 1):
        os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT), number)
    sys.argv, code = ["-c", *job["args"]], 0
    try:
        exec(job["code"], {"__name__": "__main__"})
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
"""


def _environment(**more):
    return os.environ | {"OMP_NUM_THREADS": "1"} | more


def python(code, *args, **env):
    """Run code in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(**env),
        cwd=Path(__file__).parents[1],
    )


def output(process):
    """What a process wrote, once it has ended well."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


@cache
def _forks():
    command, pipe = [sys.executable, "-c", _FORKS], subprocess.PIPE
    server = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, text=True, env=_environment(), cwd=Path(__file__).parents[1]
    )
    atexit.register(server.communicate)
    return server


def forked(code, *args):
    """What code writes in a process of its own that has imported torch and the core: quicker than `python`.

    The process began as a copy of one that has done nothing else, so that its memory says what the code took.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = {name: str(Path(folder, name)) for name in ("out", "err")}
        job = {"code": textwrap.dedent(code), "args": list(map(str, args)), **words}
        server = _forks()
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        assert status == 0, Path(words["err"]).read_text()
        return Path(words["out"]).read_text()


def names(folder):
    """The names of what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())
