"""The families of the second set of answers, each through a checkpoint in the original's layout.

As `test_parity.py`; the folder is that which INTERPGAN_PARITY2 names.
"""

import importlib
import re

import pytest

from parity.second import SECOND, SecondCase, second_cases

OBSERVERS = {"dcgan": "dcgan", "lucid": "lucidrains", "r3gan": "r3gan", "alae": "alae"}

pytestmark = [
    pytest.mark.parity,
    pytest.mark.skipif(
        not SECOND.is_dir(), reason="the answers of the original code are not beside this checkout"
    ),
]


@pytest.mark.parametrize("name", second_cases(OBSERVERS))
def test_computes_what_the_original_computed(name, tmp_path):
    case = SecondCase(name)
    observer = importlib.import_module(f"parity.{OBSERVERS[case.family]}")
    compared: set[str] = set()
    for base, found in observer.observe(case, tmp_path):
        forms = case.check(base, found)
        assert forms, f"the original has no answer called {base}"
        compared.update(forms)
    left = {n for n in case.arrays if n not in compared and not re.fullmatch(observer.INPUTS, n)}
    assert not left, f"answers of the original that nothing was held against: {sorted(left)}"
