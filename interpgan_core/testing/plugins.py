"""`plugin_conformance`: the promises that a plugin as a whole keeps, each a test."""

from __future__ import annotations

import html
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from interpgan_core.loading.backbones import load_backbone
from interpgan_core.loading.named_models import Published
from interpgan_core.plugins import KINDS, Plugins, Provided
from interpgan_core.recipes.plan import make_plan
from interpgan_core.recipes.runner import run
from interpgan_core.testing.conformance import but_for

SLOW = ("torch", "numpy", "scipy", "sklearn", "PIL")
_HEADING = re.compile(r"^#{2,4} (.*)$", re.MULTILINE)
_TABLE = re.compile(r"^\| parameter \|.*\n\|[-| :]*\n((?:\|.*\n?)+)", re.MULTILINE)


@dataclass(frozen=True)
class Plugin:
    """A plugin under test.

    Args:
        name: of its entry point.
        provided: everything that it offers.
        readme: its README; "" if there is none.
    """

    name: str
    provided: tuple[Provided, ...]
    readme: str

    def of(self, kind: str) -> list[Provided]:
        """What it offers of a kind, one of `KINDS`."""
        offered = getattr(Plugins(only=[self.name]), kind)
        return [p for p in self.provided if offered.get(p.name) == p]


def names_begin_with_the_plugin(plugin: Plugin) -> None:
    """Names do not clash, because each starts with its plugin's."""
    for provided in plugin.provided:
        assert provided.name.split(".")[0] == plugin.name, (
            f"{provided.name} does not begin with {plugin.name}"
        )


def everything_can_be_loaded(plugin: Plugin) -> None:
    """Whatever the hooks name is there."""
    assert plugin.provided, f"the plugin {plugin.name} offers nothing"
    for provided in plugin.provided:
        provided.load()
    for provided in plugin.of("backbones"):
        load_backbone(provided.name)


def recipe_errors_do_not_wait_for_torch(plugin: Plugin) -> None:
    """Operators are imported without torch, so that errors in recipes are instant."""
    modules = sorted({p.target.partition(":")[0] for p in plugin.of("operators")})
    code = f"import sys\nfor name in {modules!r}: __import__(name)\nprint(*{set(SLOW)!r} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert not ran.stdout.split(), f"importing {', '.join(modules)} imports {ran.stdout.strip()}"


def named_models_are_tables(plugin: Plugin) -> None:
    """`interpgan-run --list models` reads every table, so none imports torch."""
    modules = sorted({p.target.partition(":")[0] for p in plugin.of("models")})
    code = f"import sys\nfor name in {modules!r}: __import__(name)\nprint(*{{'torch'}} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert not ran.stdout.split(), f"importing {', '.join(modules)} imports torch"


def named_models_say_their_licence(plugin: Plugin) -> None:
    """Every table of a named model has the terms of use, which the report repeats."""
    for provided in plugin.of("models"):
        licence = getattr(provided.load(), "licence", "")
        assert str(licence).strip(), f"{provided.name} does not say the licence of its weights"


def licences_reach_the_report(plugin: Plugin) -> None:
    """Whoever draws with a named model finds its terms of use in the report and in `run.json`."""
    for provided in plugin.of("models"):
        model = provided.load()
        if isinstance(model, Published):
            continue  # it would have to be fetched, and the core itself gives it its licence
        with TemporaryDirectory() as folder:
            recipe = Path(folder, "recipe.yaml")
            steps = f"[{{use: generator, weights: {provided.name}}}, {{use: sample, seeds: 0}}]"
            recipe.write_text(f"interpgan: 1\nsteps: {steps}\n", encoding="utf-8")
            page = run(make_plan(recipe), Path(folder, "out"), device="cpu")
            said = json.loads(page.with_name("run.json").read_text(encoding="utf-8"))["licences"]
            assert said == [model.licence], (
                f"{provided.name} is under '{model.licence}', and the report says {said}"
            )
            assert model.licence in html.unescape(page.read_text(encoding="utf-8"))


def operators_say_what_they_do(plugin: Plugin) -> None:
    """Each operator has a docstring of its own."""
    for provided in plugin.of("operators"):
        own = provided.load().__doc__
        assert own and own.strip(), f"{provided.name} has no docstring"


def the_readme_has_every_parameter(plugin: Plugin) -> None:
    """Each operator has a section or a row of the README, and each of its parameters is named there.

    The README of a single operator may be about that as a whole.
    """
    operators = plugin.of("operators")
    assert plugin.readme or not operators, (
        "there is no README; write README.md, and name it in pyproject.toml"
    )
    whole = plugin.readme if len(operators) == 1 else ""
    for provided in operators:
        place = _section(plugin.readme, provided.name) or _row(plugin.readme, provided.name) or whole
        assert place, f"the README has no section '### `{provided.name}`' and no row of it"
        for field in provided.load().model_fields:
            said = f"`{field}`" in place or f"`{field}`" in plugin.readme
            assert said, f"the README does not name the parameter {field} of {provided.name}"


def the_readme_has_no_other_parameter(plugin: Plugin) -> None:
    """A table of parameters in an operator's section names none that the operator does not have."""
    for provided in plugin.of("operators"):
        table = _TABLE.search(_section(plugin.readme, provided.name))
        cells = re.findall(r"^\| (.*?) \|", table[1], re.MULTILINE) if table else []
        others = set(re.findall(r"`([\w-]+)`", " ".join(cells))) - set(provided.load().model_fields)
        assert not others, (
            f"the README names {', '.join(sorted(others))}, which {provided.name} does not have"
        )


def _section(readme: str, name: str) -> str:
    for match in _HEADING.finditer(readme):
        if f"`{name}`" in match[1]:
            return _HEADING.split(readme[match.end() :])[0]
    return ""


def _row(readme: str, name: str) -> str:
    rows = [line for line in readme.splitlines() if line.startswith("|")]
    return next((row for row in rows if f"`{name}`" in row.split("|")[1]), "")


PLUGIN_CHECKS: tuple[Callable[[Plugin], None], ...] = (
    names_begin_with_the_plugin,
    everything_can_be_loaded,
    recipe_errors_do_not_wait_for_torch,
    named_models_are_tables,
    named_models_say_their_licence,
    licences_reach_the_report,
    operators_say_what_they_do,
    the_readme_has_every_parameter,
    the_readme_has_no_other_parameter,
)


def plugin_conformance(name: str, exempt: Mapping[str, str] = MappingProxyType({})) -> Callable[..., None]:
    """A test function, to be bound to a name that begins with `test_`.

    Args:
        name: of the plugin's entry point, such as "sefa"; it must be installed.
        exempt: name of a check -> why it does not apply; it is skipped with that reason.

    Returns:
        A function that pytest collects as one test a promise.

    Raises:
        InterpganError: if `exempt` names no check.
    """
    import pytest

    checks = {check.__name__.replace("_", "-"): check for check in PLUGIN_CHECKS}

    @pytest.mark.parametrize("check", but_for(exempt, checks))
    def test(check: Callable[[Plugin], None]) -> None:
        check(_plugin(name))

    return test


def _plugin(name: str) -> Plugin:
    found = Plugins(only=[name])
    assert not found.broken, f"{name} cannot be used: {found.broken[0].reason}"
    provided = tuple(p for kind in KINDS for p in getattr(found, kind).values() if p.plugin == name)
    readme = ""
    if provided:
        package = importlib.import_module(provided[0].target.partition(":")[0].partition(".")[0])
        file = Path(str(package.__file__)).parents[1] / "README.md"
        readme = file.read_text(encoding="utf-8") if file.is_file() else ""
    return Plugin(name, provided, readme)
