"""The benchmarks: what they import is there and declared, and `make bench` runs all of them."""

import ast
import importlib
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "bench").glob("*.py"))


def imports(file):
    """(module, names) of every import statement, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from ((alias.name, []) for alias in node.names)


@cache
def declared():
    """Names of the distributions that the core, its `dev` and the plugins ask for."""
    names = set()
    for file in [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]:
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        extras = project.get("optional-dependencies", {}).values()
        for requirement in [*project["dependencies"], *(line for extra in extras for line in extra)]:
            names.add(requirement.split("[")[0].split(">")[0].split("<")[0].split("=")[0].strip())
        names.add(project["name"])
    return names


installed = cache(packages_distributions)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_benchmark_imports_what_is_there_and_declared(file):
    peers = (ROOT / "bench/peers.txt").read_text(encoding="utf-8").split()
    for module, names in imports(file):
        package = module.partition(".")[0]
        beside = {other.stem for other in FILES}
        if package in sys.stdlib_module_names or package in peers or package in beside:
            continue
        assert set(installed().get(package, [])) & declared(), f"{package} is not declared"
        if package.startswith("interpgan_"):
            found = importlib.import_module(module)
            for name in names:
                if not hasattr(found, name):
                    importlib.import_module(f"{module}.{name}")


def test_make_bench_runs_all_of_them():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = text.partition("\nbench:")[2].partition("\n\n")[0]
    assert {file.stem for file in FILES} == {
        line.partition("bench/")[2].partition(".py")[0] for line in recipe.splitlines()[1:]
    }
