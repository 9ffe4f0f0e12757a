"""Downloads from a real server on this machine that misbehaves as servers do."""

import hashlib
import json
import os
import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from interpgan_core.errors import InterpganError
from interpgan_core.files.downloads import download

CHUNK = 65536
CONTENT = bytes(range(256)) * 4000  # a megabyte
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `content` at any path; what is set here says how it goes wrong."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.etag = '"one"'
        self.ranges = True
        self.break_after = []  # bytes after which the next connections are cut
        self.headers = {}
        self.status = None
        self.length = None
        self.redirects = {}  # path -> address
        self.asked = []  # (path, Range) of every request

    def address(self, path="/file.pt"):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.asked.append((self.path, asked))
        if self.path in server.redirects:
            self.send_response(302)
            self.send_header("Location", server.redirects[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body, status = server.content, 200
        total, start = len(body), 0
        if asked and server.ranges and self.headers.get("If-Range") in (None, server.etag):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            body, status = body[start:], 206 if start < total else 416
        self.send_response(server.status or status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if status == 416:
            self.send_header("Content-Range", f"bytes */{total}")
        self.send_header("Content-Length", str(len(body) if server.length is None else server.length))
        if server.etag:
            self.send_header("ETag", server.etag)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        cut = server.break_after.pop(0) if server.break_after else None
        self.wfile.write(body[:cut])
        if cut is not None:
            self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERPGAN_CACHE", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path


def in_sight(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def ranges(server):
    return [asked for _, asked in server.asked]


def test_a_file_is_fetched_once(server, cache):
    path = download(server.address(), "file.pt", SHA256.upper())
    assert path == cache / "file.pt"
    assert path.read_bytes() == CONTENT
    assert download(server.address(), "file.pt", SHA256) == path
    assert len(server.asked) == 1
    assert in_sight(cache) == ["file.pt"]
    assert not list(cache.glob(".*part*"))


def test_a_damaged_file_in_the_cache_is_fetched_again(server, cache):
    (cache / "file.pt").write_bytes(b"x" + CONTENT[1:])
    assert download(server.address(), "file.pt", SHA256).read_bytes() == CONTENT


def test_a_broken_connection_is_resumed_at_once(server, cache):
    server.break_after = [4 * CHUNK, 3 * CHUNK]
    assert download(server.address(), "file.pt", SHA256).read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={4 * CHUNK}-", f"bytes={7 * CHUNK}-"]


def test_a_broken_download_is_resumed_by_the_next_run(server, cache):
    server.break_after = [CHUNK] * 4
    with pytest.raises(InterpganError, match=r"broke off 4 times, .*run this again to go on"):
        download(server.address(), "file.pt", SHA256)
    assert in_sight(cache) == []
    assert download(server.address(), "file.pt", SHA256).read_bytes() == CONTENT
    assert ranges(server)[4:] == [f"bytes={4 * CHUNK}-"]


def test_a_killed_process_is_resumed(server, cache):
    """All had come, and was not yet in place."""
    server.break_after = [5 * CHUNK]
    code = """
        import os, sys
        from interpgan_core.files import downloads
        downloads.TRIES = 1
        try:
            downloads.download(sys.argv[1], "file.pt", sys.argv[2])
        except ValueError:
            os.kill(os.getpid(), 9)
    """
    assert run(code, server.address(), SHA256).wait() == -9
    part = cache / ".file.pt.part"
    assert part.stat().st_size == 5 * CHUNK
    part.write_bytes(CONTENT)
    assert download(server.address(), "file.pt", SHA256).read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={len(CONTENT)}-"]


def test_a_server_that_ignores_ranges_starts_again(server, cache):
    server.ranges = False
    server.break_after = [4 * CHUNK]
    assert download(server.address(), "file.pt", SHA256).read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={4 * CHUNK}-"]


def test_without_a_mark_of_the_version_nothing_is_resumed(server, cache):
    server.etag = None
    server.break_after = [4 * CHUNK]
    assert download(server.address(), "file.pt", SHA256).read_bytes() == CONTENT
    assert ranges(server) == [None, None]


def test_content_that_changes_between_two_tries(server, cache):
    server.content = bytes(len(CONTENT))
    server.break_after = [CHUNK] * 4
    with pytest.raises(InterpganError):
        download(server.address(), "file.pt", SHA256)
    server.content, server.etag = CONTENT, '"two"'
    assert download(server.address(), "file.pt", SHA256).read_bytes() == CONTENT


def test_content_that_changes_under_the_same_mark(server, cache):
    """The pieces do not fit; a fresh start does."""
    server.content = bytes(len(CONTENT))
    server.break_after = [CHUNK] * 4
    with pytest.raises(InterpganError):
        download(server.address(), "file.pt", SHA256)
    server.content = CONTENT
    assert download(server.address(), "file.pt", SHA256).read_bytes() == CONTENT
    assert ranges(server)[4:] == [f"bytes={4 * CHUNK}-", None]


def test_content_that_shrank_below_the_part(server, cache):
    server.break_after = [CHUNK] * 4
    with pytest.raises(InterpganError):
        download(server.address(), "file.pt", SHA256)
    server.content = CONTENT[: 2 * CHUNK]
    short = hashlib.sha256(server.content).hexdigest()
    assert download(server.address(), "file.pt", short).read_bytes() == server.content
    assert ranges(server)[4:] == [f"bytes={4 * CHUNK}-", None]


def test_a_wrong_hash_is_not_kept(server, cache):
    with pytest.raises(InterpganError, match=f"SHA-256 {SHA256}, but it must be {'0' * 64}.* was not kept"):
        download(server.address(), "file.pt", "0" * 64)
    assert in_sight(cache) == []
    assert not list(cache.glob(".*part*"))


@pytest.mark.parametrize("length", [len(CONTENT) + 1000, 1000])
def test_a_server_that_lies_about_the_length(server, cache, length):
    server.length = length
    server.ranges = False
    with pytest.raises(InterpganError, match=r"broke off 4 times|must be"):
        download(server.address(), "file.pt", SHA256)
    assert in_sight(cache) == []


def test_an_error_page_with_status_200(server, cache):
    server.content = b"<!DOCTYPE html><title>Sign in</title>"
    with pytest.raises(InterpganError, match=r"does not give the file: .* is a web page"):
        download(server.address(), "file.pt")
    server.headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(InterpganError, match="gives a web page, not the file"):
        download(server.address(), "file.pt", SHA256)
    assert in_sight(cache) == []
    assert not list(cache.glob(".*part*"))


def test_an_empty_answer(server, cache):
    server.content = b""
    with pytest.raises(InterpganError, match=r"does not give the file: .* is empty"):
        download(server.address(), "file.pt")


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_server_that_refuses(server, cache, status):
    server.status = status
    with pytest.raises(InterpganError, match=f"answers '{status} .*fetch the file by hand"):
        download(server.address("/file.pt?token=secret"), "file.pt")
    assert in_sight(cache) == []


def test_no_server(server, cache):
    with pytest.raises(InterpganError, match=r"could not be reached: .*refused; check the network"):
        download("http://127.0.0.1:9/file.pt", "file.pt")


def test_redirections(server, cache):
    server.redirects = {"/a": "/b", "/b": server.address("/c")}
    server.break_after = [CHUNK]
    assert download(server.address("/a"), "file.pt", SHA256).read_bytes() == CONTENT
    assert server.asked[-1] == ("/c", f"bytes={CHUNK}-")


@pytest.mark.parametrize(
    "target", ["http://example.org/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "//example.org/x"]
)
def test_redirections_to_unsafe_addresses(server, cache, target):
    server.redirects = {"/a": target}
    with pytest.raises(InterpganError, match="only https addresses are safe"):
        download(server.address("/a"), "file.pt", SHA256)


def test_redirections_without_end(server, cache):
    server.redirects = {"/a": "/b", "/b": "/a"}
    with pytest.raises(InterpganError, match="redirects without end"):
        download(server.address("/a"), "file.pt", SHA256)
    assert len(server.asked) == 10


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x",
        "ftp://example.org/x",
        "file:///etc/passwd",
        "x.pt",
        "",
        "https://",
        "http://[::1",
        "http://127.0.0.1.example.org/x",
    ],
)
def test_unsafe_addresses(url):
    with pytest.raises(InterpganError, match=r"only https addresses are safe|is no address"):
        download(url, "file.pt", SHA256)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/x", ".hidden", "a\\b", "a b", "a\n"])
def test_names_stay_in_the_cache(server, name):
    with pytest.raises(InterpganError, match="cannot name a file in the cache"):
        download(server.address(), name, SHA256)


def test_secrets_stay_out_of_messages_and_records(server, cache):
    url = server.address("/file.pt?token=secret").replace("//", "//user:secret@")
    with pytest.raises(InterpganError) as caught:
        download(url, "file.pt", "0" * 64)
    assert "secret" not in str(caught.value)
    download(url, "file.pt")
    assert "secret" not in (cache / "file.pt.sha256.json").read_text()


def test_a_hash_that_is_none(server):
    with pytest.raises(InterpganError, match="is no SHA-256"):
        download(server.address(), "file.pt", "abc")


# Without a hash


def test_the_first_download_is_recorded_and_demanded(server, cache):
    path = download(server.address(), "file.pt")
    record = cache / "file.pt.sha256.json"
    assert json.loads(record.read_text())["sha256"] == SHA256
    path.unlink()
    server.content = b"x" * 999
    with pytest.raises(InterpganError, match=r"must be .*if that is right, remove .*file.pt.sha256.json"):
        download(server.address(), "file.pt")
    assert not path.exists()
    record.unlink()
    assert download(server.address(), "file.pt").read_bytes() == server.content


def test_a_changed_file_in_the_cache_is_noticed(server, cache):
    path = download(server.address(), "file.pt")
    path.write_bytes(b"changed")
    assert download(server.address(), "file.pt").read_bytes() == CONTENT


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"sha256": 5}', '{"sha256": "abc"}', "\x00"])
def test_a_damaged_record(server, cache, text):
    (cache / "file.pt.sha256.json").write_text(text)
    with pytest.raises(InterpganError, match="is damaged; remove it"):
        download(server.address(), "file.pt")


# Processes and disks


def run(code, *args, **env):
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        env=os.environ | env,
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


FETCH = """
    import sys
    from interpgan_core.files.downloads import download
    try:
        print(download(sys.argv[1], "file.pt", sys.argv[2] or None))
    except ValueError as error:
        print(error)
"""


@pytest.mark.parametrize("sha256", [SHA256, ""])
def test_processes_at_once_fetch_once(server, cache, sha256):
    server.break_after = [4 * CHUNK]
    processes = [run(FETCH, server.address(), sha256) for _ in range(3)]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (out, err) == (f"{cache / 'file.pt'}\n", "")
    assert (cache / "file.pt").read_bytes() == CONTENT
    assert ranges(server) == [None, f"bytes={4 * CHUNK}-"]


def test_a_full_disk(server, cache):
    disk = cache / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True)
    if made.returncode:
        pytest.skip("this user cannot mount a small disk")
    try:
        process = run(FETCH, server.address(), SHA256, INTERPGAN_CACHE=str(disk))
        out, err = process.communicate(timeout=60)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
    assert "no space is left there; free some" in out
    assert err == ""


def test_progress_is_shown_on_a_terminal_only(server, cache):
    master, terminal = os.openpty()
    code = "import sys; from interpgan_core.files.downloads import download; download(sys.argv[1], 'file.pt')"
    with subprocess.Popen(
        [sys.executable, "-c", code, server.address()],
        stderr=terminal,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[1],
        env=os.environ | {"TERM": "xterm"},
    ) as process:
        assert process.communicate(timeout=60) == (b"", None)
    os.close(terminal)
    assert b"file.pt" in os.read(master, 100_000)
    os.close(master)
