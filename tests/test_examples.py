"""The examples in the docstrings of public classes run, and every public class has one."""

import doctest
import importlib
import inspect

import pytest
from test_public_names import HOME, PLUGIN

CLASSES = [
    name
    for name, module in sorted((HOME | PLUGIN).items())
    if inspect.isclass(getattr(importlib.import_module(module), name))
]


@pytest.mark.parametrize("name", CLASSES)
def test_the_example_of_a_class(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    thing = getattr(importlib.import_module((HOME | PLUGIN)[name]), name)
    [example] = [
        found for found in doctest.DocTestFinder(recurse=False).find(thing, name, globs={}) if found.examples
    ] or [None]
    assert example, f"{name} has no example"
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    runner.run(example, out=said.append)
    assert not runner.failures, "".join(said)
