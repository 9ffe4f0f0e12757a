"""Named models: the tables of published files, fetching one, and what `--list models` says of them."""

import re
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from interpgan_core import InterpganError, load_generator
from interpgan_core.plugin import NamedModel, Published
from interpgan_core.plugins import Plugins, plugins
from interpgan_stylegan.testing.v3 import state

MODELS = {name: provided.load() for name, provided in plugins().models.items()}
PUBLISHED = {name: model for name, model in MODELS.items() if isinstance(model, Published)}


@pytest.fixture
def server(tmp_path):
    """Serves the folder `site`; `server.asked` counts what was asked for."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path / "site")

        def log_message(self, *_):
            pass

        def do_GET(self):
            self.server.asked += 1
            super().do_GET()

    (tmp_path / "site").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = 0
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def published(server, **more):
    url = f"http://127.0.0.1:{server.server_port}/net.pt?share=1"
    return Published("StyleGAN 3", 16, "noise", "as you like", url, **more)


def test_it_is_fetched_once_and_loaded(server, tmp_path, monkeypatch):
    monkeypatch.setenv("INTERPGAN_CACHE", str(tmp_path / "cache"))
    torch.save(state(), tmp_path / "site" / "net.pt")
    model = published(server)
    first, second = model(device="cpu"), model(precision="bfloat16")
    assert server.asked == 1
    assert (tmp_path / "cache" / "net.pt").is_file()
    assert first.licence == second.licence == "as you like"
    assert first.fingerprint == load_generator(tmp_path / "site" / "net.pt").fingerprint
    # Trusted on first use: the same file or none.
    torch.save(state("r"), tmp_path / "site" / "net.pt")
    (tmp_path / "cache" / "net.pt").unlink()
    with pytest.raises(InterpganError, match="but it must be"):
        model()


def test_a_file_that_is_not_the_published_one(server, tmp_path, monkeypatch):
    monkeypatch.setenv("INTERPGAN_CACHE", str(tmp_path / "cache"))
    torch.save(state(), tmp_path / "site" / "net.pt")
    with pytest.raises(InterpganError, match="it was changed, at its source or on the way"):
        published(server, file="other.pt", sha256="0" * 64)()
    assert not (tmp_path / "cache" / "other.pt").exists()


def test_every_model_says_what_it_is():
    assert len(PUBLISHED) > 60
    for name, model in MODELS.items():
        assert isinstance(model, NamedModel | Published), name
        assert model.family and model.data and model.licence, name
        assert model.resolution & (model.resolution - 1) == 0 < model.resolution


def test_every_published_file_has_an_address_and_a_place_of_its_own():
    files = [model.name for model in PUBLISHED.values()]
    assert len(set(files)) == len(files)
    assert len({model.url for model in PUBLISHED.values()}) == len(files)
    for name, model in PUBLISHED.items():
        assert model.url.startswith("https://"), name
        assert re.fullmatch(r"\w[\w.+@=-]*\.(pkl|pth|pt|bin)", model.name), name


def test_a_name_says_the_resolution():
    for name, model in PUBLISHED.items():
        assert name.endswith(f"-{model.resolution}"), name


def test_a_named_model_imports_when_it_is_called():
    with pytest.raises(InterpganError, match="32 pixels"):
        MODELS["toy"](resolution=64)
    assert load_generator("toy").fingerprint == MODELS["toy"]().fingerprint


def test_listing_shows_what_is_known(command, tmp_path):
    ran = command("--list", "models", cwd=tmp_path)
    assert (ran.status, ran.err) == (0, "")
    assert not {"torch", "numpy"} & ran.modules
    lines = {line.split()[0]: re.split(r"  +", line.strip()) for line in ran.out.splitlines()[1:]}
    assert set(lines) == set(MODELS)
    for name, model in MODELS.items():
        assert lines[name][2:] == [model.family, f"{model.resolution} px", model.data, model.licence]


def test_a_bare_function_is_a_model_too(command, tmp_path):
    (tmp_path / "glow.py").write_text(
        "from interpgan_core import hookimpl\n\ndef lamp(**options): ...\n\n"
        '@hookimpl\ndef interpgan_models():\n    return {"glow.lamp": "glow:lamp", "glow.gone": "gone:x"}\n'
    )
    ran = command("--list", "models", "--plugin", "glow.py", cwd=tmp_path, INTERPGAN_PLUGINS="")
    assert (ran.status, ran.err) == (0, "")
    assert re.search(r"^  glow.lamp +\S*glow.py$", ran.out, re.MULTILINE)
    assert re.search(r"^  glow.gone +\S*glow.py$", ran.out, re.MULTILINE)
    assert set(Plugins(only=[]).models) == {"toy"}
