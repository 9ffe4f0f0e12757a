"""Each row of the table of published direction files, as files of that form."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from interpgan_core import Direction, DirectionSet, InterpganError, LatentSpace, Save, load_directions

BOUNDARIES = Path(__file__).parents[2] / "shared" / "boundaries" / "interfacegan"
RANDOM = np.random.default_rng(0)
UNIT = RANDOM.standard_normal((1, 512))
UNIT /= np.linalg.norm(UNIT)


def same(direction, array):
    array = np.asarray(array, dtype=np.float64).squeeze()
    np.testing.assert_allclose(
        direction.vector.numpy(), array / np.linalg.norm(array) * _rows(array), atol=1e-12
    )


def _rows(array):
    return 1 if array.ndim == 1 else len(array) ** 0.5


@pytest.mark.parametrize("shape", [(512,), (1, 512), (18, 512), (1, 14, 512)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_npy(tmp_path, shape, dtype):
    array = RANDOM.standard_normal(shape).astype(dtype)
    np.save(tmp_path / "smile.npy", array)
    found = load_directions(tmp_path / "smile.npy", space="w", layers="0-5")
    assert list(found) == ["smile"]
    same(found["smile"], array)
    assert found["smile"].space == ("w" if array.squeeze().ndim == 1 else "w+")
    assert found["smile"].layers == "0-5"
    assert found["smile"].notes["norm"] == pytest.approx(float(np.linalg.norm(array)))


def test_higan_and_idinvert(tmp_path):
    """A dict, pickled inside the .npy; read without unpickling anything but data."""
    for name, boundary, layers, expected in (
        ("indoor.npy", UNIT, "6-11", "6-11"),
        ("age.npy", RANDOM.standard_normal((1, 14, 512)), [0, 1, 2, 5], "0,1,2,5"),
    ):
        content = {"boundary": boundary, "meta_data": {"manipulate_layers": layers}}
        np.save(tmp_path / name, np.array(content, dtype=object), allow_pickle=True)
        (found,) = load_directions(tmp_path / name, space="w").values()
        same(found, boundary)
        assert found.layers == expected


@pytest.mark.parametrize("shape", [(1, 512), (1, 18, 512)])
@pytest.mark.parametrize("legacy", [False, True])
def test_e4e(tmp_path, shape, legacy):
    tensor = torch.randn(shape)
    torch.save(tensor, tmp_path / "pose.pt", _use_new_zipfile_serialization=not legacy)
    (found,) = load_directions(tmp_path / "pose.pt", space="w").values()
    same(found, tensor)


def test_e4e_pose_that_was_saved_on_a_graphics_card(tmp_path):
    """Made here by writing that card's name into a file, as there may be none."""
    tensor = torch.randn(1, 18, 512)
    torch.save(tensor, tmp_path / "cpu.pt")
    with zipfile.ZipFile(tmp_path / "cpu.pt") as old, zipfile.ZipFile(tmp_path / "pose.pt", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0"))
    assert b"cuda:0" in (tmp_path / "pose.pt").read_bytes()
    (found,) = load_directions(tmp_path / "pose.pt", space="w").values()
    same(found, tensor)
    assert found.space == "w+"


def test_equal_rows_are_one_direction_of_w(tmp_path):
    """As the community shares them: a row for each of 18 layers, all the same, 0.2 to 11 long."""
    row = 7 * UNIT
    np.save(tmp_path / "smile.npy", np.repeat(row, 18, axis=0))
    (found,) = load_directions(tmp_path / "smile.npy", space="w").values()
    same(found, row)
    assert found.space == "w" and found.notes["norm"] == pytest.approx(7)
    # So it fits a model of any number of layers, whichever of the two spaces the step says.
    (said,) = load_directions(tmp_path / "smile.npy", space="w+").values()
    short = LatentSpace("w+", (14, 512), torch.arange(14)[:, None], base="w")
    assert torch.equal(found.step(short), said.step(short)) and found.step(short).shape == (14, 512)


def test_the_name_of_a_boundary_says_its_space(tmp_path):
    for name, space in (("pggan_celebahq_age_boundary", "z"), ("stylegan_ffhq_big_nose_w_boundary", "w")):
        np.save(tmp_path / f"{name}.npy", UNIT)
        (found,) = load_directions(tmp_path / f"{name}.npy").values()
        assert found.space == space
        other = "w" if space == "z" else "z"
        with pytest.raises(
            InterpganError, match=f"is named as a boundary of {space}, not {other}, .* rename"
        ):
            load_directions(tmp_path / f"{name}.npy", space=other)
    assert found.notes["attribute"] == "big_nose"


def test_a_name_that_says_less_is_left_to_the_caller(tmp_path):
    """HiGAN's boundaries of W end alike, and say no space."""
    np.save(tmp_path / "indoor_lighting_boundary.npy", UNIT)
    (found,) = load_directions(tmp_path / "indoor_lighting_boundary.npy", space="w").values()
    assert found.space == "w" and "attribute" not in found.notes


def test_a_boundary_that_would_run_code(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path}/sprung",)

    np.save(tmp_path / "a.npy", np.array({"boundary": Trap()}, dtype=object), allow_pickle=True)
    torch.save({"boundary": Trap()}, tmp_path / "a.pt")
    for name in ("a.npy", "a.pt"):
        with pytest.raises(InterpganError, match="system"):
            load_directions(tmp_path / name, space="w")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("shape", [(512,), (14, 512)])
def test_the_plain_file_that_old_tools_read(tmp_path, shape):
    """(1, 512) or (1, 14, 512) float64, and nothing to unpickle: as they save their own."""
    vector = RANDOM.standard_normal(shape)
    direction = Direction(torch.from_numpy(vector), "w" if len(shape) == 1 else "w+", bias=0.3)
    Save(file="smile.npy", what=direction).run(tmp_path)
    array = np.load(tmp_path / "smile.npy", allow_pickle=False)
    assert array.shape == (1, *shape) and array.dtype == np.float64
    np.testing.assert_allclose(np.linalg.norm(array, axis=-1).mean(), 1, atol=0.1)
    (again,) = load_directions(tmp_path / "smile.npy", space=direction.space).values()
    assert torch.equal(again.vector, direction.vector)


def test_what_a_score_gained_is_not_true_the_other_way(tmp_path):
    notes = {"score_per_unit": 0.5, "attribute": "smile"}
    DirectionSet({"a": Direction(torch.from_numpy(UNIT[0]), "w", layers="0-3", notes=notes)}).write(
        tmp_path / "a.safetensors"
    )
    assert load_directions(tmp_path / "a.safetensors")["a"].notes == notes
    for changed in ({"flip": True}, {"layers": "0-5"}):
        found = load_directions(tmp_path / "a.safetensors", **changed)
        assert dict(found["a"].notes) == {"attribute": "smile"}


def test_ganspace_npz(tmp_path):
    components = RANDOM.standard_normal((5, 1, 512)).astype(np.float32)
    np.savez(
        tmp_path / "pca.npz",
        act_comp=RANDOM.standard_normal((5, 1, 16)),
        act_mean=np.zeros((1, 16)),
        act_stdev=np.ones(5),
        lat_comp=components,
        lat_mean=np.zeros((1, 512)),
        lat_stdev=np.arange(5.0),
        var_ratio=np.ones(5),
        random_stdevs=np.ones(5),
    )
    found = load_directions(tmp_path / "pca.npz", space="w")
    assert list(found) == ["0", "1", "2", "3", "4"]
    same(found["3"], components[3])
    assert found["3"].notes["sigma"] == 3.0


def test_ganspace_pt_and_pkl(tmp_path):
    content = {"mean": torch.zeros(1, 512), "comp": torch.randn(4, 1, 512), "std": torch.arange(4.0)}
    torch.save(content, tmp_path / "pca.pt")
    (tmp_path / "pca.pkl").write_bytes(pickle.dumps({k: v.numpy() for k, v in content.items()}))
    for name in ("pca.pt", "pca.pkl"):
        found = load_directions(tmp_path / name, space="w")
        same(found["2"], content["comp"][2])
        assert found["2"].notes["sigma"] == 2.0


def test_our_own_file_knows_its_space(tmp_path):
    np.save(tmp_path / "a.npy", UNIT)
    load_directions(tmp_path / "a.npy", space="w", flip=True).write(tmp_path / "a.safetensors")
    found = load_directions(tmp_path / "a.safetensors", layers="0-3")
    same(found["a"], -UNIT)
    assert (found["a"].space, found["a"].layers) == ("w", "0-3")
    with pytest.raises(InterpganError, match="holds directions of w, not z; leave out 'space'"):
        load_directions(tmp_path / "a.safetensors", space="z")


def test_what_the_file_does_not_say_the_caller_must(tmp_path):
    np.save(tmp_path / "a.npy", UNIT)
    with pytest.raises(
        InterpganError, match=r"does not say which space its directions live in; add space: w"
    ):
        load_directions(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"weights": 3.0}, "holds weights: no direction that interpgan knows of"),
        ({str(i): 0.5 for i in range(512)}, "holds 0, 1, 2, 3, 4, 5 and 506 more: no direction"),
        (
            {"w": np.ones((1, 18, 512))},
            "holds codes, called w, and no directions; read them by the step load",
        ),
        ({"boundary": np.ones((2, 3, 4))}, r"holds an array \(2, 3, 4\); a direction is"),
        ({"boundary": np.zeros(4)}, "must be finite and longer than 0"),
        ({"boundary": "smile"}, "not numbers where a direction should be"),
    ],
)
def test_files_that_hold_something_else(tmp_path, content, message):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content))
    with pytest.raises(InterpganError, match=message):
        load_directions(tmp_path / "a.pkl", space="w")


def test_no_file(tmp_path):
    with pytest.raises(InterpganError, match="there is no file"):
        load_directions(tmp_path / "a.npy", space="w")


@pytest.mark.skipif(not BOUNDARIES.is_dir(), reason="the published boundaries are not beside this checkout")
def test_the_published_boundaries():
    files = sorted(BOUNDARIES.glob("*.npy"))
    assert len(files) == 39
    for file in files:
        (found,) = load_directions(file).values()
        same(found, np.load(file))
        assert found.space == ("w" if "_w_" in file.name else "z")
        # A conditional one is not what its attribute's boundary is.
        assert ("attribute" in found.notes) == ("_c_" not in file.name)


@pytest.mark.skipif(not BOUNDARIES.is_dir(), reason="the published boundaries are not beside this checkout")
def test_the_published_conditional_boundaries_are_joint_projections():
    checked = 0
    for file in BOUNDARIES.glob("*_c_*.npy"):
        model, _, rest = file.stem.rpartition("_boundary")[0].partition("_c_")
        prefix, primal = model.rsplit("_", 1)
        conditions = [f"{prefix}_{name}_boundary.npy" for name in rest.split("_")]
        names = [BOUNDARIES / f"{prefix}_{primal}_boundary.npy", *(BOUNDARIES / c for c in conditions)]
        first, *others = (next(iter(load_directions(n, space="z").values())) for n in names)
        np.testing.assert_allclose(first.without(*others).vector.numpy(), np.load(file)[0], atol=1e-12)
        checked += 1
    assert checked == 13


# What files state


def pickled(path, content):
    path.write_bytes(pickle.dumps(content))
    return path


def test_advstyle_states_its_layers(tmp_path):
    for stated, layers in (("3", "3"), ([1, 2], "1,2"), ("0-3", "0-3"), ("all", "all")):
        content = {"boundary": UNIT, "manipulate_layers": stated, "shift_range": [-20, 20]}
        np.save(tmp_path / "smile.npy", content, allow_pickle=True)
        found = load_directions(tmp_path / "smile.npy", space="w")["smile"]
        assert found.layers == layers and found.notes["shift_range"] == [-20, 20]
    np.save(tmp_path / "smile.npy", {"boundary": UNIT, "manipulate_layers": "first"}, allow_pickle=True)
    with pytest.raises(InterpganError, match="states layers that are none"):
        load_directions(tmp_path / "smile.npy", space="w")


def test_a_named_edit_of_ganspace_states_space_layers_and_name(tmp_path):
    content = {
        "lat_comp": UNIT, "lat_stdev": 1.03, "latent_space": "W", "edit_start": 8, "edit_end": 10,
        "name": "Light", "component_index": 15, "model_name": "StyleGAN2", "output_class": "ffhq",
    }  # fmt: skip
    (found,) = load_directions(pickled(tmp_path / "light.pkl", content)).values()
    assert (found.space, found.layers) == ("w", "8-9")
    expected = {"name": "Light", "component": 15, "model": "StyleGAN 2", "sigma": 1.03}
    assert expected.items() <= dict(found.notes).items()
    with pytest.raises(InterpganError, match="states that it is of w, not z"):
        load_directions(tmp_path / "light.pkl", space="z")


@pytest.mark.parametrize("names", [("comp", "std", "mean"), ("lat_comp", "lat_stdev", "lat_mean")])
def test_distances_along_components_count_from_their_mean(tmp_path, names):
    components, mean = (
        np.linalg.qr(RANDOM.standard_normal((16, 16)))[0][:4, None],
        RANDOM.standard_normal((1, 16)),
    )
    content = dict(zip(names, (components, np.ones(4), mean), strict=True))
    found = load_directions(pickled(tmp_path / "pca.pkl", content), space="w")
    codes = torch.from_numpy(RANDOM.standard_normal((5, 16)))
    for i, row in enumerate(components[:, 0]):
        expected = (codes.numpy() - mean) @ row
        np.testing.assert_allclose(found[str(i)].distance(codes).numpy(), expected, atol=1e-12)


def test_rosinalitys_directions_are_columns(tmp_path):
    vectors = np.linalg.qr(RANDOM.standard_normal((16, 16)))[0]
    torch.save({"ckpt": "550000.pt", "eigvec": torch.from_numpy(vectors)}, tmp_path / "factor.pt")
    found = load_directions(tmp_path / "factor.pt")
    assert len(found) == 16 and {d.space for d in found.values()} == {"w"}
    same(found["3"], vectors[:, 3])


def test_vectors_by_name_or_in_a_list(tmp_path):
    rows = {"age": UNIT, "smile": 2 * UNIT, "pose": RANDOM.standard_normal(512)}
    torch.save({name: torch.from_numpy(row) for name, row in rows.items()}, tmp_path / "b.pt")
    found = load_directions(tmp_path / "b.pt", space="z")
    assert list(found) == ["age", "smile", "pose"]
    same(found["pose"], rows["pose"])
    listed = load_directions(pickled(tmp_path / "b.pkl", list(rows.values())), space="z")
    assert list(listed) == ["0", "1", "2"]
    with pytest.raises(InterpganError, match="no direction that interpgan knows of"):
        load_directions(pickled(tmp_path / "c.pkl", {"a": np.ones(4), "b": np.ones(5)}), space="z")


def test_codes_are_no_directions(tmp_path):
    np.save(tmp_path / "z.npy", RANDOM.standard_normal((10, 512)))
    with pytest.raises(InterpganError, match=r"an array \(10, 512\), and a direction of z is one vector"):
        load_directions(tmp_path / "z.npy", space="z")


def test_a_direction_by_its_position(tmp_path):
    np.save(tmp_path / "smile (1).npy", UNIT)
    found = load_directions(tmp_path / "smile (1).npy", space="w")
    assert found["0"] is found["smile (1)"]
    with pytest.raises(InterpganError, match=r"no direction '1' here"):
        found["1"]


def test_a_boundary_of_another_model_is_said(tmp_path):
    from interpgan_core import Shift, load_generator
    from interpgan_core.errors import Remark

    generator = load_generator("toy")
    np.save(tmp_path / "pggan_celebahq_age_boundary.npy", np.ones((1, 16)))
    (age,) = load_directions(tmp_path / "pggan_celebahq_age_boundary.npy").values()
    shift = Shift(direction=age, strength=1)
    shift.run(generator.sample([1]), generator)  # of the toy, nobody says what its codes are
    generator.codes_of = "StyleGAN 2"
    with pytest.warns(
        Remark, match="is named as a direction of PGGAN, and the codes of this generator are those of "
    ):
        shift.run(generator.sample([1]), generator)
