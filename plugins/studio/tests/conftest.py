"""A studio that is really served, tabs that talk to it, and a browser."""

import json
import secrets
import socket
import struct
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
import uvicorn
from browsing import browser, found_browser
from PIL import Image
from websockets.sync.client import connect

from interpgan_studio.opening import opened, started
from interpgan_studio.server import Studio
from interpgan_studio.workshop import Workshop

__all__ = ["browser", "found_browser"]

TOKEN = "a-token-for-tests"


@dataclass
class Served:
    """A studio, the address of its page, and its output folder."""

    host: str
    out: Path
    studio: Studio
    workshop: Workshop
    server: uvicorn.Server

    @property
    def address(self) -> str:
        return f"http://{self.host}/?token={TOKEN}"

    def url(self, path: str, **query: str) -> str:
        more = "".join(f"&{name}={value}" for name, value in query.items())
        return f"http://{self.host}/{path}?token={TOKEN}{more}"


@dataclass
class Tab:
    """The socket of a tab, without a page."""

    served: Served
    name: str = field(default_factory=lambda: secrets.token_hex(8))
    number: int = 0
    state: dict = field(default_factory=dict)
    pictures: dict = field(default_factory=dict)
    said: list = field(default_factory=list)

    def __post_init__(self):
        self.open = ExitStack()
        address = f"ws://{self.served.host}/live?token={TOKEN}&tab={self.name}"
        self.socket = self.open.enter_context(connect(address, max_size=None))
        self.until(lambda message: message.get("state", {}).get("operators", {}).get("edits"))

    def until(self, there, timeout=60):
        """Take what comes until something is there."""
        while True:
            data = self.socket.recv(timeout=timeout)
            if isinstance(data, bytes):
                length = struct.unpack("<I", data[:4])[0]
                message = json.loads(data[4 : 4 + length])
                self.pictures[message["kind"], message["index"]] = message, data[4 + length :]
            else:
                message = json.loads(data)
                self.state = message.get("state", self.state)
                if "said" in message:
                    self.said.append(message["said"])
            if there(message):
                return message

    def send(self, **message):
        self.number += 1
        self.socket.send(json.dumps({**message, "number": self.number}))
        return self.number

    def do(self, **message):
        """Send it, and take what comes until it is done."""
        number = self.send(**message)
        self.until(lambda answer: answer.get("done") == number)
        return self

    def picture(self, kind="picture", index=0):
        return Image.open(BytesIO(self.pictures[kind, index][1]))

    def close(self):
        self.open.close()


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """`serve(recipe)` or `serve(weights="toy")`: a studio in a thread."""
    running = []

    def start(recipe=None, weights="avatars.stylegan2"):
        folder = tmp_path_factory.mktemp("studio")
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{bound.getsockname()[1]}"
        document = opened(recipe, folder) if recipe else started(weights, folder)
        workshop = Workshop("cpu")
        studio = Studio(document, workshop, folder / "saved", folder, [host], TOKEN)
        server = uvicorn.Server(
            uvicorn.Config(
                studio.app(), log_level="warning", ws="websockets-sansio", timeout_graceful_shutdown=1
            )
        )
        thread = threading.Thread(target=lambda: server.run(sockets=[bound]), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        running.append((server, thread, workshop))
        return Served(host, folder / "saved", studio, workshop, server)

    yield start
    for server, _, _ in running:
        server.should_exit = True
    for _, thread, workshop in running:
        thread.join(10)
        workshop.close()


@pytest.fixture(scope="session")
def served(serve):
    return serve()


@pytest.fixture(scope="session")
def open_tab():
    """`open_tab(served)`: a new tab of a studio."""
    return Tab


@pytest.fixture
def tab(served):
    one = Tab(served)
    yield one
    one.close()
