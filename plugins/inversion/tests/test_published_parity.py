"""Published encoders against the answers of the original code, each through a file in its authors' layout."""

import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from interpgan_core import load_generator
from interpgan_core.plugin import Checkpoint
from interpgan_inversion.encode import LoadEncoder
from interpgan_inversion.published.files import find

FOLDER = Path(os.environ.get("INTERPGAN_PARITY2", Path(__file__).parents[4] / "shared" / "parity2"))
FAMILIES = ("e4e_", "psp_", "restyle_", "idinvert_")
NAMES = sorted(p.stem for p in FOLDER.glob("*.json") if p.name.startswith(FAMILIES))
LARGE = ("1024", "256_bn")  # hundreds of megabytes each
SMALL = [n for n in NAMES if not n.endswith(LARGE)]
SECONDS = ("_whole", "_backbone64", "_single32")
CASES = [
    pytest.param(
        n,
        marks=[pytest.mark.slow] if n.endswith(LARGE) else [pytest.mark.long] if n.endswith(SECONDS) else [],
    )
    for n in NAMES
]
WHOLE = [n for n in NAMES if n.endswith("_whole")]
MAPS = {"IR-SE50": (6, 20, 23), "ResNet-34": (6, 12, 15)}

pytestmark = [
    pytest.mark.parity,
    pytest.mark.skipif(not NAMES, reason="the answers of the original code are not beside this checkout"),
]


class Case:
    """A configuration of an original network: its weights by rule, its inputs, its answers."""

    def __init__(self, name):
        self.name = name
        self.facts = json.loads((FOLDER / f"{name}.json").read_text())
        with np.load(FOLDER / f"{name}.npz") as file:
            self.arrays = dict(file)

    def state(self, net):
        """The state dict of the net "E" (encoder) or "G" (decoder)."""
        rules = json.loads((FOLDER / "fill_rules.json").read_text())["rulesets"][self.facts["rulesets"][net]]
        state = {}
        for key, entry in self.facts[f"state_{net}"].items():
            rule = next(r for r in rules if re.fullmatch(r["match"], key))
            state[key] = t = self.filled(f"{self.facts['salt']}{net}:{key}", tuple(entry["shape"]), rule)
            assert abs(float(t.double().sum()) - entry["sum"]) <= 1e-6 * (1 + entry["abssum"]), key
        return state

    @staticmethod
    def filled(text, shape, rule):
        if rule["kind"] == "keep":
            line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
            return (
                (line[:, None] * line).clone() if shape == (4, 4) else torch.zeros(shape, dtype=torch.int64)
            )
        values, scale = base(text, shape), rule["scale"]
        if rule["kind"] == "abs":
            values = np.abs(values)
        if rule["kind"] == "fan":
            scale = scale / np.sqrt(values.size / shape[0])
        filled = values * np.float32(scale) + np.float32(rule["offset"])
        return torch.from_numpy(np.asarray(filled, np.float32).reshape(shape))

    def picture(self, *names):
        """The first of the inputs of these names that there is."""
        said = next(self.facts["inputs"][name] for name in names if name in self.facts["inputs"])
        text, shape = re.match(r"image\('([^']*)',\[([\d, ]*)\]\)", said).groups()
        n, c, h, w = map(int, shape.split(","))
        low = base(f"{text}/low", (n, c, 8, 8)).repeat(h // 8, 2).repeat(w // 8, 3)
        fine = base(f"{text}/fine", (n, c, h, w))
        return torch.from_numpy(np.clip(np.float32(0.4) * low + np.float32(0.2) * fine, -1, 1))

    def write(self, path):
        """The file as its authors write it."""
        encoder = self.state("E")
        if self.name.startswith("idinvert"):
            torch.save(encoder, path)
            return path
        shape = self.arrays["in/latent_avg"].shape
        mean = torch.from_numpy(np.float32(0.2) * base(f"{self.facts['salt']}E:latent_avg", shape))
        assert np.array_equal(mean, self.arrays["in/latent_avg"])
        state = {f"encoder.{key}": t for key, t in encoder.items()}
        if "state_G" in self.facts:
            state |= {f"decoder.{key}": t for key, t in self.state("G").items()}
        torch.save({"state_dict": state, "latent_avg": mean, "opts": self.facts["ctor"]["opts"]}, path)
        return path

    def hold(self, name, found):
        """Hold a tensor against every form in which its answer is stored; double precision against `_f64`."""
        whole, forms = found.detach().numpy(), {}
        if name in self.arrays:
            forms[name] = whole.reshape(-1, *self.arrays[name].shape[1:])
        if f"{name}/slice" in self.arrays:
            step = max(1, whole.shape[2] // 8) if whole.ndim == 4 else 1
            forms[f"{name}/slice"] = whole[:2, :8, ::step, ::step] if whole.ndim == 4 else whole[:2, :64]
        if f"{name}/stats" in self.arrays:
            double = whole.astype(np.float64)
            forms[f"{name}/stats"] = np.array([double.mean(), double.std(), np.abs(double).max()])
        assert forms, f"the original has no answer called {name}"
        noise = self.facts.get("fp32_noise", {})
        for form, array in forms.items():
            stored = self.arrays[form].astype(np.float64)
            stored = stored[: len(array)] if form == name else stored  # of double precision the first will do
            far, size = np.abs(array.astype(np.float64) - stored).max(), np.abs(stored).max()
            if name.endswith("_f64"):
                assert found.dtype == torch.float64 and far <= 1e-9 * size, f"{form}: {far:.1e} of {size:.1e}"
                continue
            base_name = form.rpartition("/")[0] if form.endswith("/stats") else form
            known = [v for k, v in noise.items() if k.startswith(base_name)]
            assert far <= max([3 * v for v in known] + [2e-5 * size]), f"{form}: {far:.1e} of {size:.1e}"


def base(text, shape):
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    drawn = np.random.Generator(np.random.PCG64(seed)).standard_normal(
        max(1, int(np.prod(shape))), dtype=np.float32
    )
    return drawn.reshape(shape)


def maps_of(net, case, ending=""):
    """A dictionary that fills with the maps that have an answer."""
    seen = {}

    def keep(name):
        return lambda _m, _i, output: seen.update({f"feat/{name}{ending}": output})

    if case.name.startswith("idinvert"):
        wanted = {name: name for name, _ in net.named_children()}
    else:
        units = zip(("c1", "c2", "c3"), MAPS[net.plan.body], strict=True)
        wanted = {"body0": "body.0", **{name: f"body.{unit}" for name, unit in units}}
    for name, path in wanted.items():
        net.get_submodule(path).register_forward_hook(keep(name))
    return seen


@pytest.mark.parametrize("name", CASES)
@torch.no_grad()
def test_computes_what_the_original_computed(name, tmp_path):
    case, path = Case(name), tmp_path / "net.pt"
    case.write(path)
    found = find(Checkpoint(path))
    net = found.network()
    pictures = case.picture("x", "x_256x256", "picture_256x256")
    np.testing.assert_allclose(
        pictures[:, :, :: pictures.shape[2] // 8, :: pictures.shape[3] // 8], case.arrays["in/x/slice"]
    )
    seen = maps_of(net, case)
    mean = torch.zeros(()) if found.mean is None else found.mean
    if found.looks_again:
        twice(case, net, pictures, mean)
    else:
        codes = net(pictures)
        case.hold("codes", as_stored(codes, case.arrays["codes"]))
        if found.mean is not None:
            case.hold("codes_plus_avg", codes + mean)
    for key, maps in seen.items():
        case.hold(key, maps)
    if "codes_192x256" in case.arrays:
        seen.clear()
        cars = net(case.picture("x_192x256"))
        case.hold("codes_192x256", cars)
        case.hold("codes_plus_avg_192x256", cars + mean)
        for key, maps in list(seen.items()):
            case.hold(f"{key}_192x256", maps)
    if "codes_f64" in case.arrays:
        codes = net.double()(pictures[:1].double())
        case.hold("codes_f64", as_stored(codes, case.arrays["codes_f64"]))
    if name in WHOLE:  # the file has the generator, too, and takes longer to write than to read
        del net, found
        draws_what_the_original_drew(case, path)


def as_stored(codes, stored):
    """One code for all layers is stored once, or once a layer."""
    return codes.expand(-1, *stored.shape[1:]) if codes.shape[1] == 1 and stored.ndim == 3 else codes


def twice(case, net, pictures, mean):
    """Two looks, with a stand-in of what the codes draw."""
    average = case.picture("avg_image").expand(len(pictures), -1, -1, -1)
    first = net(torch.cat([pictures, average], 1))
    case.hold("enc1", first)
    step = torch.arange(256) // 32

    def standin(codes):
        return (0.2 * codes[:, :3, 8 * step[:, None] + step]).clamp(-1, 1)

    drawn = standin(first + mean)
    np.testing.assert_allclose(drawn[:, :, ::32, ::32], case.arrays["standin1/slice"], atol=3e-6)
    case.hold("codes2", first + mean + net(torch.cat([pictures, drawn], 1)))
    net.double()
    one = pictures[:1].double()
    codes = net(torch.cat([one, average[:1].double()], 1)) + mean.double()
    case.hold("codes2_f64", codes + net(torch.cat([one, standin(codes)], 1)))
    net.float()
    net(torch.cat([pictures, average], 1))  # the maps that are held are those of the first look


def draws_what_the_original_drew(case, path):
    """The generator and the encoder of one file."""
    generator = load_generator(path)
    encoder = LoadEncoder(file=path, iterations=2 if case.name.startswith("restyle") else None).run(generator)
    pictures = case.picture("x_256x256", "picture_256x256")
    held(case, generator, encoder, pictures, "")
    encoder.net.double()
    generator.module.double()
    double = type(encoder)(**{**vars(encoder), "mean": encoder.mean.double()})
    held(case, generator, double, pictures[:1].double(), "_f64")


def held(case, generator, encoder, pictures, ending):
    """The answers of the whole model: codes and pictures, of ReStyle after both looks."""
    looks = encoder.raw(pictures)
    names = [f"codes{k}" for k in (1, 2)] if len(looks) > 1 else ["latents"]
    for k, (codes, label) in enumerate(zip(looks, names, strict=True), 1):
        if f"whole/{label}{ending}" in case.arrays:
            case.hold(f"whole/{label}{ending}", as_stored(codes, case.arrays[f"whole/{label}"]))
        image = f"whole/img{k if len(looks) > 1 else ''}{ending}"
        if image in case.arrays:
            case.hold(image, generator.forward(encoder.batch(codes)))
    if f"whole/avg_image/slice{ending}" in case.arrays:
        average = encoder.drawn(encoder.mean.expand(1, encoder.found.codes, encoder.found.size))
        np.testing.assert_allclose(average[0, :, ::8, ::8], case.arrays["whole/avg_image/slice"], atol=5e-6)
