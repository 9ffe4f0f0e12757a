"""Whatever wraps a network, it is found by its tensors, and is the same; nothing in the file is run."""

import copy
import pickle
import sys
import types
from collections import OrderedDict, defaultdict
from datetime import datetime
from functools import cache
from itertools import cycle
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from interpgan_alae import testing as alae
from interpgan_biggan import testing as biggan
from interpgan_core import InterpganError, load_generator
from interpgan_core.errors import Remark
from interpgan_core.loading.inspection import inspect
from interpgan_core.plugin import Checkpoint
from interpgan_dcgan import testing as dcgan
from interpgan_lucidrains import testing as lucidrains
from interpgan_pggan import testing as pggan
from interpgan_projected import testing as projected
from interpgan_r3gan import testing as r3gan
from interpgan_stylegan.testing import v1, v2, v3
from interpgan_stylegan.v2.conversion import convert

FAMILIES = {
    "StyleGAN 1": lambda: v1.generator(),
    "StyleGAN 1, InterFaceGAN's": lambda: v1.interfacegan(v1.generator()),
    "StyleGAN 2": lambda: v2.generator(),
    "StyleGAN 2, genforce's": lambda: convert(v2.generator(), "genforce"),
    "StyleGAN 2, rosinality's": lambda: convert(v2.generator(), "rosinality"),
    "StyleGAN 3": lambda: v3.state("t"),
    "PGGAN": lambda: pggan.generator(),
    "BigGAN": lambda: biggan.ajbrock(),
    "DCGAN": lambda: dcgan.generator(),
    "StyleGAN 2 of lucidrains": lambda: lucidrains.networks(discriminator=False),
    "R3GAN": lambda: r3gan.generator(),
    "Projected GAN": lambda: projected.generator(),
    "ALAE": lambda: {f"{net}.{n}": t for net, s in alae.models(averages=False).items() for n, t in s.items()},
}
RAW = "raw weights"  # in place of the averaged ones


@cache
def network(family):
    """A state dict; made when it is needed, not while tests are collected."""
    return FAMILIES[family]()


def changed(state):
    """The same network with other numbers."""
    return {n: t * 1.5 if t.is_floating_point() and t.ndim > 1 else t for n, t in state.items()}


def nested(state):
    """Dicts of dicts, by the parts of the names."""
    found = {}
    for name, tensor in state.items():
        *path, last = name.split(".")
        place = found
        for part in path:
            place = place.setdefault(part, {})
        place[last] = tensor
    return found


class Munch(dict):  # as munch's and yacs's: a dict of another class
    pass


class Settings:  # as omegaconf's: refers to types, and to torch's functions
    def __init__(self):
        self.ref, self.kind, self.act = dict, (int, list), torch.nn.functional.leaky_relu
        self.random, self.number = np.random.RandomState(0), np.float32


class Config:  # of a program that is not here when the file is read
    def __init__(self):
        self.size, self.paths = 64, [PurePosixPath("/data")]


PREFIXES = [
    "module.",
    "_orig_mod.",
    "G.",
    "generator.",
    "decoder.",
    "netG.",
    "module._orig_mod.",
    "model.G_ema.",
]
KEYS = [
    "state_dict", "model", "params_ema", "netG", "generator_ema", "G_ema", "g_ema", "ema", "weights", "net", "gan",
    "generator_state_dict", "model_state_dict", 0,
]  # fmt: skip
prefixed = st.sampled_from(PREFIXES).map(lambda p: lambda value: {f"{p}{n}": t for n, t in value.items()})
under = st.sampled_from(KEYS).map(lambda key: lambda value: {key: value})
wrappers = st.tuples(
    st.lists(prefixed, max_size=3), st.sampled_from([dict, OrderedDict, nested]), st.lists(under, max_size=3)
)
beside = st.fixed_dictionaries(
    {},
    optional={
        "step": st.just(7),
        "epoch": st.just(torch.tensor(3)),
        "n_averaged": st.just(torch.tensor(100)),
        "optimizer": st.just({"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}),
        "date": st.just(datetime(2026, 1, 1)),
        "path": st.just(Path("/data/run")),
        "device": st.just(torch.device("cpu")),
        "counts": st.just(defaultdict(int, a=1)),
        "config": st.builds(Config),
        "munch": st.builds(Munch, lr=st.just(0.1), nested=st.just(Munch(a=[1]))),
        "settings": st.builds(Settings),
        "optimiser": st.just(torch.optim.Adam([torch.nn.Parameter(torch.ones(2))])),
        "augment_pipe": st.none(),
    },
)


def written(path, value, how):
    if how == "torch":
        torch.save(value, path)
    elif how == "torch, old format":
        torch.save(value, path, _use_new_zipfile_serialization=False)
    elif how == "pickle of arrays":
        path.write_bytes(pickle.dumps(arrays(value), 4))
    else:
        save_file({n: t.contiguous().clone() for n, t in value.items()}, path)
    return path


def arrays(value):
    if isinstance(value, dict):
        return {key: arrays(inside) for key, inside in value.items()}
    return value.numpy() if isinstance(value, torch.Tensor) else value


@pytest.fixture(scope="module")
def fingerprints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    return {
        name: load_generator(written(folder / "net.pt", network(name), "torch")).fingerprint
        for name in FAMILIES
    }


@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wrapper=wrappers, more=beside, how=st.sampled_from(["torch", "torch, old format", "pickle of arrays"]))
def test_one_fingerprint_in_every_wrapper(family, wrapper, more, how, fingerprints, tmp_path):
    prefixes, kind, keys = wrapper
    value = network(family)
    for wrap in prefixes:
        value = wrap(value)
    value = kind(value)
    for wrap in keys:
        value = wrap(value)
    if how == "pickle of arrays":
        more = {
            name: inside for name, inside in more.items() if name not in ("device", "epoch", "n_averaged")
        }
    path = written(tmp_path / "net.pt", {**value, **more}, how)
    assert load_generator(path).fingerprint == fingerprints[family]
    facts = inspect(path)
    assert facts["family"] == family.partition(",")[0] and facts["loads"] == "yes"
    if "config" in more:
        assert facts["objects"].startswith("kept as names, not made: ") and "Config" in facts["objects"]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("prefix", ["", "module.", "netG_ema."])
def test_safetensors(family, prefix, fingerprints, tmp_path):
    value = {f"{prefix}{n}": t for n, t in network(family).items()}
    assert load_generator(written(tmp_path / "a", value, "safetensors")).fingerprint == fingerprints[family]


AVERAGES = [
    "g_ema", "G_ema", "g_running", "ema", "generator_smooth", "generator_ema", "netG_ema", "shadow", "averaged",
    "params_ema", "G_avg", "swa", "ema_model", "Gs",
]  # fmt: skip


@pytest.mark.parametrize(
    ("average", "raw"), [*zip(AVERAGES, cycle(["g", "generator", "netG"]), strict=False)]
)
def test_the_average_is_taken_by_every_name(average, raw, fingerprints, tmp_path):
    state = network("StyleGAN 2")
    for order in ((raw, average), (average, raw)):
        nets = {raw: changed(state), average: state}
        path = written(tmp_path / "net.pt", {name: nets[name] for name in order}, "torch")
        assert load_generator(path).fingerprint == fingerprints["StyleGAN 2"]
        note = next(fact for label, fact in inspect(path).items() if "passed over" in fact)
        assert f"{average} was taken, the average; passed over: {raw}" in note


def test_where_no_name_says_which_is_the_average_it_is_said(fingerprints, tmp_path):
    state = network("StyleGAN 2")
    path = written(tmp_path / "net.pt", {"first": state, "second": changed(state)}, "torch")
    with pytest.warns(
        Remark, match=r"first was taken, the first; none is named as an average; passed over: second"
    ):
        assert load_generator(path).fingerprint == fingerprints["StyleGAN 2"]


@pytest.mark.parametrize("shape", [(10,), (1, 10), (8, 10)])
def test_the_mean_of_w_in_all_its_shapes(shape, tmp_path):
    """As rosinality keeps it beside its state dict, and encoders once a layer."""
    state = {n: t for n, t in network("StyleGAN 2, rosinality's").items() if n != "latent_avg"}
    mean = torch.arange(10.0)
    content = {"state_dict": {f"decoder.{n}": t for n, t in state.items()}, "latent_avg": mean.expand(shape)}
    content["state_dict"]["encoder.input_layer.0.weight"] = torch.zeros(8, 3, 3, 3)
    content["state_dict"]["encoder.input_layer.0.bias"] = torch.zeros(8)
    path = written(tmp_path / "e4e.pt", content, "torch")
    assert torch.equal(load_generator(path).spaces["w"].mean, mean)
    assert "Beside it, and not read: encoder (2 tensors)" in inspect(path).values()


def persistent(tmp_path, monkeypatch):
    """NVIDIA's own way of pickling a network: a function that would run the source in the file."""
    module = types.ModuleType("torch_utils.persistence")
    parent = types.ModuleType("torch_utils")

    def _reconstruct_persistent_obj(meta):
        raise SystemExit("would run the source in the file")

    _reconstruct_persistent_obj.__module__ = module.__name__
    _reconstruct_persistent_obj.__qualname__ = "_reconstruct_persistent_obj"
    module._reconstruct_persistent_obj = _reconstruct_persistent_obj
    monkeypatch.setitem(sys.modules, "torch_utils", parent)
    monkeypatch.setitem(sys.modules, module.__name__, module)

    class Part(torch.nn.Module):
        def __reduce__(self):
            meta = {"type": "class", "version": 6, "module_src": f"open({str(tmp_path / 'ran')!r}, 'w')",
                    "class_name": "Generator", "state": self.__dict__}  # fmt: skip
            return _reconstruct_persistent_obj, (meta,)

    return Part


def as_module(state, part):
    """A module with these tensors, by their names."""
    root = part()
    for name, tensor in state.items():
        *path, last = name.split(".")
        place = root
        for step in path:
            if step not in place._modules:
                place.add_module(step, part())
            place = place._modules[step]
        place.register_parameter(last, torch.nn.Parameter(tensor.clone(), requires_grad=False))
    return root


@pytest.mark.parametrize("how", ["pickle", "torch", "torch, old format"])
def test_a_network_saved_whole_is_that_of_its_pickle(how, tmp_path, monkeypatch):
    """PTI saves by torch.save the very object that NVIDIA's pickle holds."""
    net = as_module(network("StyleGAN 2"), persistent(tmp_path, monkeypatch))
    net._init_kwargs, net._init_args = {"synthesis_kwargs": {"conv_clamp": 256}}, ()
    (tmp_path / "ffhq.pkl").write_bytes(pickle.dumps({"G_ema": net}))
    if how == "pickle":
        (tmp_path / "model").write_bytes(pickle.dumps(net))
    else:
        written(tmp_path / "model", net, how)
    found = {load_generator(tmp_path / name).fingerprint for name in ("ffhq.pkl", "model")}
    assert len(found) == 1 and not (tmp_path / "ran").exists()


def test_a_module_of_somebodys_own_class(fingerprints, tmp_path):
    """torch.save of a whole network, and of torch's own average of it: classes are not made, tensors are found."""
    net = as_module(network("StyleGAN 2"), Own)
    for value in (net, {"G": net}, torch.optim.swa_utils.AveragedModel(copy.deepcopy(net))):
        path = written(tmp_path / "net.pt", value, "torch")
        assert load_generator(path).fingerprint == fingerprints["StyleGAN 2"]


class Own(torch.nn.Module):
    """Of a person's own program."""


@pytest.mark.parametrize(
    "content", [{}, {"a": 1}, {"w": torch.ones(3, 3)}, {"a": {"b": [torch.ones(2)]}}, 3, None]
)
def test_what_inspect_says_is_what_load_says(content, tmp_path):
    path = written(tmp_path / "a.pt", content, "torch")
    with pytest.raises(InterpganError) as refused:
        load_generator(path)
    try:
        facts = inspect(path)
    except InterpganError as error:
        facts = {"error": str(error)}
    assert facts.get("family") in ("arrays", "directions (1)") or facts == {"error": str(refused.value)}


@pytest.mark.long
@pytest.mark.parametrize("family", FAMILIES)
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_of_a_damaged_network_inspect_says_what_load_says(family, data, tmp_path):
    state = dict(network(family))
    name = data.draw(st.sampled_from(sorted(state)))
    state[name] = data.draw(
        st.sampled_from([torch.zeros(2), torch.zeros(3, 3), torch.zeros(1, 2, 3, 4), torch.ones(())])
    )
    path = written(tmp_path / "net.pt", state, "torch")
    try:
        load_generator(path)
        said = "yes"
    except InterpganError as error:
        said = str(error)
    try:
        found = inspect(path).get("loads", "")
    except InterpganError as error:
        found = str(error)
    assert found in (said, f"no: {said}")


def test_networks_are_found_in_the_order_of_the_file(tmp_path):
    path = written(
        tmp_path / "a.pt", {"b": {"x.w": torch.ones(2)}, "a": {"y": {"w": torch.ones(2)}}}, "torch"
    )
    assert [network.place for network in Checkpoint(path).networks(["w"])] == ["b.x", "a.y"]
