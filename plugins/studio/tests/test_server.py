"""Who may talk to a studio, what it lets the page do, and what it outlives."""

import json
import re
import secrets
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from interpgan_core import make_plan, read_picture

pytestmark = pytest.mark.long

TOKEN = "a-token-for-tests"
COMMAND = Path(sys.executable).parent / "interpgan-studio"


def get(url, **headers):
    """Status, headers and content."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def socket_status(served, token=TOKEN, **headers):
    """The status with which a socket is refused; None where it is not."""
    tab = secrets.token_hex(8)
    try:
        with connect(f"ws://{served.host}/live?token={token}&tab={tab}", **headers):
            return None
    except InvalidStatus as error:
        return error.response.status_code


def test_the_page_comes_with_a_strict_policy(served):
    status, headers, content = get(served.address)
    assert (
        status == 200
        and b'<script type="module"' in content
        and b"://" not in content.replace(b"://www.w3.org", b"")
    )
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"


def test_without_the_token_there_is_nothing_but_the_files_of_the_page(served):
    for path in (
        "/",
        "/?token=guess",
        "/save/recipe?tab=0123456789abcdef",
        "/save/all?token=x&tab=0123456789abcdef",
    ):
        status, _, content = get(f"http://{served.host}{path}")
        assert status == 403 and b"token" in content
    assert socket_status(served, token="guess") == 403
    assert socket_status(served) is None
    assert get(f"http://{served.host}/style.css")[0] == 200


def test_another_host_is_refused(served):
    status, _, content = get(served.address, Host="evil.example")
    assert status == 403 and b"does not serve that host" in content
    assert socket_status(served, additional_headers={"Host": "evil.example"}) in (400, 403)


def test_the_page_of_another_site_is_refused(served):
    assert get(served.address, Origin="http://evil.example")[0] == 403
    assert socket_status(served, origin="http://evil.example") == 403
    assert socket_status(served, origin="null") == 403
    assert socket_status(served, origin=f"http://{served.host}") is None


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/cli.py",
        "/page/../cli.py",
        "/cli.py",
        "//etc/passwd",
    ],
)
def test_only_the_files_of_the_page_are_served(served, path):
    status, _, content = get(f"http://{served.host}{path}")
    assert status == 404 and b"root:" not in content and b"import" not in content


@pytest.mark.parametrize("name", ["/etc/passwd", "..", "~/x", "a/b", "C:\\x", "x\0y"])
def test_no_path_comes_from_the_page(tab, name):
    tab.do(do="find", use="directions", fields={"file": name, "space": "w"})
    tab.do(do="find", use="stylespace", fields={"channels": name})
    tab.do(do="generator", name=name)
    tab.do(do="save", name=name)
    assert len(tab.said) == 4 and not tab.state["edits"]
    assert all(
        "cannot name a file" in said or "a name is made of" in said or "no parameter" in said
        for said in tab.said
    )


def test_messages_that_make_no_sense_are_answered(tab):
    for message in (
        {"do": "nonsense"}, {"do": "_work"}, {"do": "slide"}, {"do": "slide", "direction": 3, "value": 1, "done": True},
        {"do": "slide", "direction": "$model.x", "value": "wide", "done": True},
        {"do": "add", "use": "generator", "fields": {}},
        {"do": "add", "use": "shift", "fields": {"direction": "$nowhere", "strength": 1}},
        {"do": "field", "step": "people", "field": "seeds", "value": "1", "done": True},
        {"do": "remove", "step": "people"}, {"do": "remove", "step": "nobody"}, {"do": "show", "what": "everything"},
        {"do": "stroke", "how": "remove", "target": {"layer": "x"}, "mask": "", "strength": 1},
        {"do": "take", "part": "hair", "layer": "nowhere"}, {"do": "refine"},
        {"do": "people", "seeds": "0-99999999999"},
        {"do": "people", "seeds": "0-9999999"},
    ):  # fmt: skip
        before = len(tab.said)
        tab.do(**message)
        assert len(tab.said) == before + 1, message
        assert "Traceback" not in tab.said[-1] and len(tab.said[-1]) < 400
    tab.socket.send("[1, 2]")
    tab.do(do="slide", direction="$avatars-directions.smile", value=1, layers="all", done=True)
    assert [edit["id"] for edit in tab.state["edits"]] == ["smile"]


def test_two_tabs_do_not_mix(served, open_tab):
    one, other = open_tab(served), open_tab(served)
    one.do(do="slide", direction="$avatars-directions.smile", value=2, layers="all", done=True)
    other.do(do="people", seeds="4")
    assert one.state["people"]["seeds"] == "9" and not other.state["edits"]
    one.close()
    other.close()


def test_a_tab_that_comes_back_finds_its_edits(served, open_tab):
    one = open_tab(served)
    one.do(do="slide", direction="$avatars-directions.smile", value=2, layers="all", done=True)
    for value in range(1, 21):  # killed in the middle of a drag; at 0 there would be no edit
        one.send(
            do="slide", direction="$avatars-directions.smile", value=value / 10, layers="all", done=False
        )
    one.close()
    again = open_tab(served, one.name)
    assert [edit["id"] for edit in again.state["edits"]] == ["smile"]
    again.do(do="undo")
    assert not again.state["edits"]
    again.close()


def test_a_hundred_tabs_are_served(served, open_tab):
    tabs = [secrets.token_hex(8) for _ in range(100)]
    sockets = [
        connect(f"ws://{served.host}/live?token={TOKEN}&tab={tab}", max_size=None).__enter__() for tab in tabs
    ]
    for socket in sockets:
        assert isinstance(socket.recv(timeout=60), bytes)
    for socket in sockets:
        socket.close()
    one = open_tab(served)
    one.do(do="people", seeds="3")
    assert one.state["people"]["seeds"] == "3"
    one.close()


def test_picture_recipe_and_everything_are_files(tab, served):
    tab.do(do="slide", direction="$avatars-directions.smile", value=2, layers="all", done=True)
    status, headers, picture = get(served.url("save/picture", tab=tab.name))
    assert status == 200 and 'filename="picture.png"' in headers["content-disposition"]
    assert read_picture(picture).tobytes() == tab.picture().tobytes()
    _, headers, recipe = get(served.url("save/recipe", tab=tab.name))
    assert 'filename="recipe.yaml"' in headers["content-disposition"] and b"use: shift" in recipe
    _, _, everything = get(served.url("save/all", tab=tab.name))
    with zipfile.ZipFile(BytesIO(everything)) as archive:
        assert archive.read("picture.png") == picture and archive.read("recipe.yaml") == recipe
    assert get(served.url("save/secrets", tab=tab.name))[0] == 404


def test_the_command_serves_prints_one_line_and_keeps_what_was_saved(tmp_path):
    command = [COMMAND, "--weights", "toy", "--no-browser", "--out", "mine"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        line = process.stdout.readline()
        address, token = re.search(r"(http://127\.0\.0\.1:\d+)/\?token=(\S+)", line).groups()
        with connect(
            f"{address.replace('http', 'ws')}/live?token={token}&tab=0123456789abcdef", max_size=None
        ) as socket:
            socket.send(json.dumps({"do": "save", "name": "kept", "number": 1}))
            while True:
                answer = socket.recv(timeout=60)
                if isinstance(answer, str) and "said" in json.loads(answer):
                    break
            assert "interpgan-run" in answer
        process.send_signal(signal.SIGKILL)
        assert process.stderr.read() == ""
    assert make_plan(tmp_path / "mine/kept/recipe.yaml") and (tmp_path / "mine/kept/picture.png").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--weights", "avatar.stylegan2"], "did you mean 'avatars.stylegan2'?"),
        (["nothing.yaml"], "there is no such file"),
        (["nothing.yaml", "--weights", "toy"], "name a recipe or --weights, not both"),
        (["--weights", "toy", "--listen", "0.0.0.0"], "takes one address of this computer"),
        (["--weights", "toy", "--listen", "203.0.113.7"], "nothing can be served at 203.0.113.7"),
        (["--port", "99999"], "99999"),
    ],
)
def test_mistakes_in_the_command_are_said_before_anything_is_served(tmp_path, arguments, said):
    done = subprocess.run([COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    assert not done.stdout


def test_a_port_that_is_taken_is_a_sentence(served, tmp_path):
    port = served.host.partition(":")[2]
    done = subprocess.run(
        [COMMAND, "--weights", "toy", "--port", port],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and "leave --port out" in done.stderr
