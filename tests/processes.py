"""Code in processes of its own, for tests of what a process leaves behind."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path


def python(code, *args, **env):
    """Run code in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | env,
        cwd=Path(__file__).parents[1],
    )


def output(process):
    """What a process wrote, once it has ended well."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def names(folder):
    """The names of what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())
