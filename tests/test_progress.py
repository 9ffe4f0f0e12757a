"""The bar: shown on a terminal only, with rate and remaining time."""

import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

CODE = """
import sys, time
from interpgan_core.progress import bars

done = []

def slow():
    for i in range(5):
        time.sleep(0.3)
        done.append(i)
        yield i

what = "drawing" if int(sys.argv[1]) else lambda: f"drawing, {len(done)} done"
print(list(bars(slow(), total=int(sys.argv[1]) or None, what=what)))
"""


@pytest.mark.parametrize("total", [5, 0])
def test_on_a_terminal(total):
    master, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", CODE, str(total)],
        stderr=terminal,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        assert process.communicate(timeout=60) == (b"[0, 1, 2, 3, 4]\n", None)
    os.close(terminal)
    parts = []
    with suppress(OSError):  # the end of what a terminal was told
        while part := os.read(master, 100_000):
            parts.append(part)
    os.close(master)
    shown = b"".join(parts).decode()
    assert "drawing" in shown
    assert total or all(f"drawing, {count} done" in shown for count in (1, 3))
    assert re.search(r"[2-4](\.\d+)?/s", shown), shown
    assert bool(re.search(r"0:00:0\d", shown)) == bool(total)


def test_elsewhere():
    done = subprocess.run(
        [sys.executable, "-c", CODE, "5"], capture_output=True, cwd=Path(__file__).parents[1], check=True
    )
    assert (done.stdout, done.stderr) == (b"[0, 1, 2, 3, 4]\n", b"")
