"""The engine `ray`: the scores are those of one process to the bit, also when workers are lost."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
import torch

from interpgan_core import InterpganError, Score, load_generator, quiet
from interpgan_core.testing import plugin_conformance, recipe_error, toy

ray = pytest.importorskip("ray", reason="Ray is not installed; it comes with interpgan-ray")

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
TWO = {"use": "ray", "workers": 2}

test_plugin = plugin_conformance("ray")

COLOURS = """
import os
from pathlib import Path
from interpgan_core import Operator, hookimpl

class Colours:
    names = ("bright", "red")

    def __call__(self, images):
        import torch
        return torch.stack([images.mean((1, 2, 3)), images[:, 0].mean((1, 2))], 1)

class LoadColours(Operator):
    "A scorer of colours."
    keep = False
    def run(self) -> Colours:
        return Colours()

@hookimpl
def interpgan_operators():
    return {"colours": f"{__name__}:LoadColours"}
"""


class Colours:
    """How bright and how red; each call takes its time."""

    names = ("bright", "red")

    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def __call__(self, images):
        time.sleep(self.seconds)
        return torch.stack([images.mean((1, 2, 3)), images[:, 0].mean((1, 2))], 1)


class Wrong(Colours):
    names = ("bright", "red", "green")


class Deadly(Colours):
    def __call__(self, images):
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Two workers on two cores have one each; this process too, for the same bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def cluster():
    """A cluster for several tests; the engine uses a connection that there is."""
    from interpgan_ray.cluster import joined

    with joined(None, 2):
        yield


def scores(engine="local", seeds="0-255", scorer=None, generator=None, **more):
    step = Score(seeds=seeds, scorer=scorer or Colours(), batch_size=4, engine=engine)
    return step.run(generator or toy(), quiet, **more)


def working(process=None):
    """The workers that are doing a part right now."""
    children = (process or psutil.Process()).children(recursive=True)
    return [child for child in children if "ray::Worker" in line_of(child)]


def line_of(process):
    """Its command line; "" of one that has ended meanwhile."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def when_working(act):
    """Do something, in a thread, as soon as there are two workers that have begun."""

    def watch():
        while len(found := working()) < 2:
            time.sleep(0.02)
        time.sleep(1)
        done.append(act(found))

    done = []
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread, done


@pytest.mark.long
def test_the_scores_of_one_process(cluster):
    alone, shared = scores(), scores(TWO)
    assert shared.values.equal(alone.values) and shared.seeds.equal(alone.seeds)
    assert ray.is_initialized()  # a connection of others is left open


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_real_networks_with_any_number_of_threads(cluster, threads):
    """Whose bits do depend on that number."""
    from interpgan_avatars.scorer import AvatarScorer

    generator, scorer = load_generator("avatars.stylegan2"), AvatarScorer.shipped()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        alone = scores("local", "0-39", scorer, generator)
        assert scores(TWO, "0-39", scorer, generator).values.equal(alone.values)
    finally:
        torch.set_num_threads(before)


@pytest.mark.long
def test_a_worker_is_killed_half_way(cluster):
    alone = scores()
    thread, killed = when_working(lambda found: os.kill(found[0].pid, signal.SIGKILL) or found[0].pid)
    assert scores(TWO, scorer=Colours(0.16)).values.equal(alone.values)
    thread.join(timeout=5)
    assert len(killed) == 1


@pytest.mark.long
def test_it_goes_on_where_any_engine_was(cluster, tmp_path):
    alone = scores(scratch=tmp_path)
    parts = sorted(tmp_path.iterdir())
    assert len(parts) == 8
    for part in parts[::2]:
        part.unlink()
    assert scores(TWO, scratch=tmp_path).values.equal(alone.values)
    assert sorted(tmp_path.iterdir()) == parts


@pytest.mark.long
def test_what_goes_wrong_in_a_worker_is_said_here(cluster):
    with pytest.raises(InterpganError, match="has 3 attributes and returned scores of shape"):
        scores(TWO, scorer=Wrong())
    unfit = Colours()
    unfit.lock = threading.Lock()
    with pytest.raises(InterpganError, match=r"cannot be sent to other processes: .* use engine: local"):
        scores(TWO, scorer=unfit)


@pytest.mark.slow
def test_workers_that_are_lost_over_one_part_end_the_step(cluster):
    with pytest.raises(InterpganError, match="are lost again and again"):
        scores(TWO, scorer=Deadly())


@pytest.mark.slow
def test_no_cluster_at_the_address():
    code = f"""
        import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_ray
        test_ray.scores({{"use": "ray", "address": "127.0.0.1:1"}})
    """
    env = os.environ | {"RAY_gcs_rpc_server_connect_timeout_s": "1", "RAY_NUM_REDIS_GET_RETRIES": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join(line.strip() for line in code.splitlines())],
        capture_output=True, text=True, env=env, timeout=120,
    )  # fmt: skip
    assert "there is no Ray cluster to be had at 127.0.0.1:1" in ran.stderr


@pytest.fixture
def command(tmp_path):
    """The recipe of the README, as a command in a process of its own."""
    (tmp_path / "recipe.yaml").write_text(re.search(r"```yaml\n(interpgan: 1.*?)```", README, re.DOTALL)[1])
    (tmp_path / "colours.py").write_text(COLOURS)
    words = [Path(sys.executable).parent / "interpgan-run", "recipe.yaml", "--plugin", "colours.py"]

    def start(*more):
        return subprocess.Popen(
            [*words, "--out", "out", "--device", "cpu", *more],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    return start


@pytest.mark.slow  # processes of their own; `make recipes` runs it
def test_the_recipe_of_the_readme(command, tmp_path):
    """With a scorer that no worker could import; and another engine finds the result in the folder."""
    process = command()
    assert process.wait(timeout=120) == 0, process.stdout.read()
    process = command("--set", "scores.engine=local")
    assert process.wait(timeout=120) == 0, process.stdout.read()
    steps = {step["id"]: step for step in json.loads((tmp_path / "out/run.json").read_text())["steps"]}
    assert steps["scores"]["status"] == "cached"


KILLED = pytest.mark.xfail(reason="two of Ray's own helper processes stayed for 30 s and more")


@pytest.mark.slow
@pytest.mark.parametrize("number", [pytest.param(signal.SIGKILL, marks=KILLED), signal.SIGTERM])
def test_a_run_that_is_stopped_leaves_no_process_behind(command, tmp_path, number):
    process = command("--set", "scores.seeds=0-199999")
    while not (family := working(psutil.Process(process.pid))):
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, number)
    said, _ = process.communicate(timeout=60)
    assert number == signal.SIGKILL or said.rstrip().endswith("run the same command again to go on")
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    assert list((tmp_path / "out").glob(".*.scratch"))


def test_the_command_does_not_wait_for_ray():
    code = "import sys, interpgan_ray, interpgan_ray.engine; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert not {"ray", "torch"} & set(ran.stdout.split())


def test_every_option_stands_in_the_readme():
    from interpgan_ray.engine import RayEngine

    assert re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE) == list(RayEngine.model_fields)


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ("rya", "there is no engine 'rya'; did you mean 'ray'?"),
        ("{use: ray, workers: 0}", "must be at least 1"),
        ("{workers: 2}", "an engine is a name, such as local, or a mapping"),
    ],
)
def test_wrong_recipes(engine, message, tmp_path):
    head = "interpgan: 1\nsteps:\n  - {use: generator, weights: toy}\n  - {use: avatars.scorer, id: scorer}\n"
    step = f"  - {{use: score, seeds: 0-3, scorer: $scorer, engine: {engine}}}"
    assert message in recipe_error(head + step, tmp_path)
