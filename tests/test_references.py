"""References to parts of a set: by any name, by position, and a set of one as the one."""

import numpy as np
import pytest

from interpgan_core import InterpganError, make_plan, run
from interpgan_core.testing import recipe_error

RECIPE = """interpgan: 1
steps:
  - {{use: generator, weights: toy}}
  - {{use: directions, id: d, file: "{file}", space: w}}
  - {{use: sample, seeds: [1, 2]}}
  - {{use: shift, direction: "{reference}", strength: 2}}
"""


def ran(folder, file, reference):
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.format(file=file, reference=reference))
    run(make_plan(recipe), folder / "out", device="cpu", fresh=True)


@pytest.mark.parametrize("name", ["smile (1)", "age.v2", "Big Nose", "5_o_Clock", "größer", "a+b"])
def test_a_file_of_any_name(name, tmp_path):
    np.save(tmp_path / f"{name}.npy", np.ones((1, 16)))
    for reference in (f"$d.{name}", f"$d.'{name}'", "$d", "$d.0"):
        ran(tmp_path, f"{name}.npy", reference)


def test_a_set_of_several_is_not_one(tmp_path):
    np.savez(tmp_path / "two.npz", smile=np.ones(16), age=np.ones(16))
    ran(tmp_path, "two.npz", "$d.smile")
    ran(tmp_path, "two.npz", "$d.1")
    with pytest.raises(InterpganError, match=r"\$d holds 2 things: smile, age; pick one, as \$d\.smile"):
        ran(tmp_path, "two.npz", "$d")


def test_what_is_no_reference(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((1, 16)))
    for reference in ("$", "$d.", "$d. x", "$ d"):
        said = recipe_error(RECIPE.format(file="a.npy", reference=reference), tmp_path)
        assert f"'{reference}' is not a reference; write $step, $step.item" in said
