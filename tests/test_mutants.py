"""The table of `make mutants`, and how a module is changed; the mutants themselves take minutes."""

from pathlib import Path

import mutants
import pytest
from processes import forked

MODULES = mutants.table()


@pytest.mark.parametrize("module", MODULES)
def test_a_module_of_the_table_has_tests(module):
    assert (mutants.ROOT / module).is_file()
    assert MODULES[module]
    for test in MODULES[module]:
        assert (mutants.ROOT / test.partition("::")[0]).is_file()


def test_what_is_equivalent_is_a_line_of_a_module_with_a_reason():
    for words, reason in mutants.equivalent().items():
        assert words.split(": ")[0] in MODULES and reason


def test_a_union_of_types_is_no_formula():
    source = "def f(a: int | None, b=1 | 2) -> dict[str, int | str]:\n    c: int | None = a | b\n"
    assert sorted(mutants.unions(source)) == [(1, 13), (1, 47), (2, 11)]
    assert list(mutants.unions("seed: Annotated[int, Field(lt=2**32)] = 0\n")) == []


def test_names_of_modules():
    assert (
        mutants.name_of("interpgan_core/generators/directions.py") == "interpgan_core.generators.directions"
    )
    assert mutants.name_of("plugins/sefa/interpgan_sefa/__init__.py") == "interpgan_sefa"


CHANGED = """
import sys
sys.path.insert(0, "tests")
import mutants

module = "plugins/sefa/interpgan_sefa/measures.py"
source = (mutants.ROOT / module).read_text() + "\\nCHANGED = True\\n"
sys.meta_path.insert(0, mutants.Finder(mutants.Mutant(module, 1, "", "", source)))
from interpgan_sefa import factorise, measures
print(measures.CHANGED, hasattr(factorise, "CHANGED"), measures.__file__)
"""


@pytest.mark.long
def test_a_changed_module_is_imported_in_place_of_its_own():
    """And no other; the file stays as it is."""
    changed, other, file = forked(CHANGED).split()
    assert (changed, other) == ("True", "False")
    assert file == str(mutants.ROOT / "plugins/sefa/interpgan_sefa/measures.py")
    assert "CHANGED" not in Path(file).read_text()
