"""What people get who install with pip: wheels, in an environment of their own, run from another folder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PASSED_OVER = shutil.ignore_patterns(".*", "build", "out", "tiny", "*.egg-info", "__pycache__")


def run(*command, cwd):
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.network
def test_interpgan_from_wheels_draws_what_the_checkout_draws(tmp_path):
    """`pip install interpgan` brings the core and every plugin, with weights; quickstart has the same bytes."""
    # A copy: setuptools builds in the folder, and would take up what an earlier build has left there.
    copy = Path(shutil.copytree(ROOT, tmp_path / "copy", ignore=PASSED_OVER))
    folders = [copy, *(file.parent for file in sorted(copy.glob("plugins/*/pyproject.toml")))]
    wheels, recipe = tmp_path / "wheels", ROOT / "recipes/quickstart.yaml"
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", wheels, *folders, cwd=tmp_path)
    assert len(list(wheels.glob("*.whl"))) == len(folders)
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python, elsewhere = tmp_path / "venv/bin/python", tmp_path / "elsewhere"
    elsewhere.mkdir()
    run(
        python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", "--find-links", wheels,
        "interpgan", cwd=elsewhere,
    )  # fmt: skip
    listed = run(tmp_path / "venv/bin/interpgan-run", "--list", cwd=elsewhere)
    for name in ("sefa", "interfacegan.verify", "training", "interpretable.train", "mobilestylegan.ffhq"):
        assert f"  {name} " in listed
    assert str(ROOT) not in run(
        python, "-c", "import interpgan_core; print(interpgan_core.__file__)", cwd=elsewhere
    )
    (elsewhere / "quickstart.yaml").write_bytes(recipe.read_bytes())
    run(tmp_path / "venv/bin/interpgan-run", "quickstart.yaml", cwd=elsewhere)
    run(sys.executable, "-m", "interpgan_core", recipe, "--out", tmp_path / "here", cwd=tmp_path)
    drawn = sorted(path.relative_to(tmp_path / "here") for path in (tmp_path / "here").rglob("*.png"))
    assert len(drawn) > 20
    for file in drawn:
        there = elsewhere / "out/quickstart" / file
        assert there.read_bytes() == (tmp_path / "here" / file).read_bytes(), file
