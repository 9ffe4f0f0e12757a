"""How far a step is: a bar on a terminal, with rate and remaining time; elsewhere lines."""

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


CORE = Path(__file__).parents[1]
RECIPE = """\
interpgan: 1
steps:
  - {use: generator, weights: toy}
  - {use: sample, seeds: 0-2}
  - {use: render, id: pictures}
"""
RUN = """
import sys
from functools import partial
from interpgan_core import progress, run

run(f"{sys.argv[1]}/recipe.yaml", f"{sys.argv[1]}/out", progress=partial(progress.bars, seconds=0))
"""


@pytest.mark.long
@pytest.mark.parametrize("total", [5, 0])
def test_on_a_terminal(total):
    master, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", CODE, str(total)],
        stderr=terminal,
        stdout=subprocess.PIPE,
        cwd=CORE,
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


LINES = CODE.replace("what=what", "what=what, seconds=float(sys.argv[2])")


@pytest.mark.long
@pytest.mark.parametrize(
    ("total", "line"), [(5, r"drawing: (\d) of 5, 0:00:0\d left"), (0, r"drawing, \d done: (\d) done")]
)
def test_lines_in_a_log_file(tmp_path, total, line):
    with (tmp_path / "log.txt").open("w") as log:
        subprocess.run(
            [sys.executable, "-c", LINES, str(total), "0.5"], stdout=log, stderr=log, cwd=CORE, check=True
        )
    *lines, last = (tmp_path / "log.txt").read_text().splitlines()
    assert last == "[0, 1, 2, 3, 4]"
    far = [int(re.fullmatch(line, one)[1]) for one in lines]
    assert len(far) >= 2 and far == sorted(set(far))


@pytest.mark.long
def test_what_is_soon_done_says_nothing():
    done = subprocess.run([sys.executable, "-c", CODE, "5"], capture_output=True, cwd=CORE, check=True)
    assert (done.stdout, done.stderr) == (b"[0, 1, 2, 3, 4]\n", b"")


@pytest.mark.long
def test_a_run_names_the_step(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    with (tmp_path / "log.txt").open("w") as log:
        subprocess.run([sys.executable, "-c", RUN, tmp_path], stderr=log, cwd=CORE, check=True)
    lines = (tmp_path / "log.txt").read_text().splitlines()
    done = [
        re.fullmatch(r"3/3 pictures: rendering 3 pictures: (\d) of 3(, 0:00:0\d left)?", line)[1]
        for line in lines
    ]
    assert done == ["0", "1", "2"]
