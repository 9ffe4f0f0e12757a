"""Every network against the answers of the original code, through a checkpoint in the original layout.

One case a file in the folder that INTERPGAN_PARITY names. What a family can show is said by the module of
its name in `parity/`: `observe(case, folder)` writes the checkpoint, loads it, and yields (name, tensor) for
every stored answer; `INPUTS` matches the arrays that are inputs.
"""

import importlib
import re

import pytest

from parity.case import FOLDER, Case, cases
from parity.compare import check

OBSERVERS = {
    "pggan": "pggan",
    "interfacegan-pggan": "pggan",
    "stylegan": "stylegan1",
    "stylegan2": "stylegan2",
    "rosinality": "stylegan2",
    "stylegan2-ada": "stylegan2",
    "stylegan3": "stylegan3",
    "biggan-hf": "biggan_deep",
    "biggan-ajbrock": "biggan",
}

pytestmark = [
    pytest.mark.parity,
    pytest.mark.skipif(
        not FOLDER.is_dir(), reason="the answers of the original code are not beside this checkout"
    ),
]


NAMES = [n for n in cases() if Case(n).family in OBSERVERS]
SIZED = re.compile(r"_real|rosinality|_deep128$")  # most as large as those that were published


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.long] if SIZED.search(n) else []) for n in NAMES]
)
def test_computes_what_the_original_computed(name, tmp_path):
    case = Case(name)
    observer = importlib.import_module(f"parity.{OBSERVERS[case.family]}")
    compared: set[str] = set()
    for base, found in observer.observe(case, tmp_path):
        forms = check(case, base, found)
        assert forms, f"the original has no answer called {base}"
        compared.update(forms)
    left = {n for n in case.arrays if n not in compared and not re.fullmatch(observer.INPUTS, n)}
    assert not left, f"answers of the original that nothing was held against: {sorted(left)}"
