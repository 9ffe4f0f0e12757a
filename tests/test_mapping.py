"""Large files of torch: their tensors stay where they are until they are used, and are copied out then."""

import sys
from contextlib import suppress

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from processes import output, python

from interpgan_core import InterpganError, read_weights
from interpgan_core.files import mapping
from interpgan_core.plugin import Checkpoint, build

WIDE = 1500  # of a layer: 9 MB


def layer():
    return torch.nn.Linear(WIDE, WIDE)


@pytest.fixture(autouse=True)
def small_files_too(monkeypatch):
    monkeypatch.setattr(mapping, "LEAST", 2**20)


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    wrapped = {"g_ema": layer().state_dict(), "optimizer": {"exp_avg": torch.ones(WIDE, WIDE)}, "step": 3}
    torch.save(wrapped, tmp_path / "net.pt")
    return tmp_path / "net.pt"


def opened(path):
    checkpoint = Checkpoint(path)
    return checkpoint, build(layer, checkpoint.network(["weight", "bias"]).tensors, path)


def test_the_content_is_what_reading_it_whole_gives(path):
    whole, there = read_weights(path), Checkpoint(path).content
    assert whole.keys() == there.keys() and there["step"] == 3
    for name in ("weight", "bias"):
        assert torch.equal(whole["g_ema"][name], there["g_ema"][name])


def test_weights_that_were_copied_out_do_not_change_with_the_file(path):
    checkpoint, network = opened(path)
    before = {name: t.clone() for name, t in network.state_dict().items()}
    checkpoint.own(network, None)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(bytes(size))
    assert all(torch.equal(t, before[name]) for name, t in network.state_dict().items())
    assert all(isinstance(p, torch.nn.Parameter) for p in network.parameters())


def test_only_what_is_in_the_file_is_copied(path):
    checkpoint, network = opened(path)
    checkpoint.own(network)
    weight = network.weight.data_ptr()
    checkpoint.own(network)
    assert network.weight.data_ptr() == weight
    old = path.with_name("old.pt")
    torch.save(read_weights(path), old, _use_new_zipfile_serialization=False)
    checkpoint, network = opened(old)  # was read whole
    weight = network.weight.data_ptr()
    checkpoint.own(network)
    assert network.weight.data_ptr() == weight


def test_tensors_that_share_their_numbers(tmp_path):
    both = torch.arange(float(2 * WIDE * WIDE)).view(2, WIDE, WIDE)
    torch.save({"weight": both[1], "bias": both[1, 0], "first": both[0]}, tmp_path / "net.pt")
    checkpoint = Checkpoint(tmp_path / "net.pt")
    state = checkpoint.network(["weight", "bias"]).tensors
    network = build(layer, {name: state[name] for name in ("weight", "bias")}, tmp_path / "net.pt")
    checkpoint.own(network)
    assert torch.equal(network.weight, both[1]) and torch.equal(network.bias, both[1, 0])
    assert torch.equal(checkpoint.content["first"], both[0])


@pytest.mark.parametrize("name", ["net.safetensors", "net"])
def test_the_name_says_nothing(name, path):
    path.rename(path.with_name(name))
    assert Checkpoint(path.with_name(name)).content["step"] == 3


def test_a_file_that_is_packed_is_read_or_refused_whole(path, tmp_path):
    import zipfile

    with (
        zipfile.ZipFile(path) as old,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for member in old.namelist():
            new.writestr(member, old.read(member))
    with pytest.raises(InterpganError, match="unpacks to more than it holds"):
        _ = Checkpoint(tmp_path / "packed.pt").content


READ = """
import sys
from contextlib import suppress
from pathlib import Path
import torch
from interpgan_core.plugin import Checkpoint, build

def most(what):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(what))

def taken(path, size):
    checkpoint = Checkpoint(path)
    before = most("VmHWM")
    network = build(lambda: torch.nn.Linear(size, size), checkpoint.network(["weight", "bias"]).tensors, path)
    network(torch.ones(1, size))
    checkpoint.own(network)
    network(torch.ones(1, size))
    return most("VmHWM") - before, most("VmRSS") - before

taken(Path(sys.argv[1]), 1000)  # what torch itself brings into memory at its first use is not ours
print(*taken(Path(sys.argv[2]), 4000))
"""


@pytest.mark.long
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux says how much memory a process took"
)
def test_what_is_not_used_takes_no_memory(tmp_path):
    """64 MB of 400 are used; they are in memory twice for as long as one tensor takes to be copied, and once then."""
    for name, size, more in (("small.pt", 1000, 0), ("net.pt", 4000, 5)):
        net = torch.nn.Linear(size, size).state_dict()
        torch.save({"g_ema": net, **{f"m{i}": torch.ones(2**24) for i in range(more)}}, tmp_path / name)
    peak, left = map(int, output(python(READ, tmp_path / "small.pt", tmp_path / "net.pt")).split())
    used = 4 * 4000 * 4000
    assert peak <= 2.2 * used
    assert left <= 1.3 * used


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_mapped_file_that_is_damaged(data, tmp_path, monkeypatch):
    """Whatever is changed in it, it is read or refused, and nothing reaches beyond it."""
    monkeypatch.setattr(mapping, "LEAST", 0)
    monkeypatch.setattr(mapping, "SMALL", 0)
    path = tmp_path / "net.pt"
    torch.save({"g_ema": {"weight": torch.ones(300, 20), "bias": torch.ones(300)}, "step": 3}, path)
    content = bytearray(path.read_bytes())
    ends = [i for i in range(len(content)) if not 700 < i < 24000]  # not only the numbers
    for place in data.draw(st.lists(st.sampled_from(ends), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.one_of(st.just(len(content)), st.integers(1, len(content))))])
    with suppress(InterpganError):
        checkpoint = Checkpoint(path)
        for network in checkpoint.networks(["weight"]):
            for tensor in network.tensors.values():
                tensor.double().sum()
