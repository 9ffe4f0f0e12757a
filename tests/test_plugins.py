"""Plugins of other people, good and broken: real distributions, as pip would leave them on the path."""

import itertools
import logging
import re
import sys
from dataclasses import replace
from importlib.metadata import version

import pytest

from interpgan_core import InterpganError
from interpgan_core.plugins import Plugins, plugins
from interpgan_core.recipes.plan import make_plan
from interpgan_core.recipes.runner import run
from interpgan_core.testing import recipe_error

CORE = version("interpgan-core")
FINE = """\
from interpgan_core import Operator, Report, hookimpl

class Fine(Operator):
    def run(self) -> Report:
        return Report(notes=("all is well",))

@hookimpl
def interpgan_operators():
    return {"fine": "interpgan_fine:Fine", "fine.again": "interpgan_fine:Fine"}
"""


def offering(names):
    return (
        f"from interpgan_core import hookimpl\n\n@hookimpl\ndef interpgan_operators():\n    return {names}\n"
    )


# Plugin -> its code and why it cannot be used.
BROKEN = {
    "absent": ("import not_there", "ModuleNotFoundError: No module named 'not_there'"),
    "garbled": ("def (", "SyntaxError: invalid syntax (interpgan_garbled.py, line 1)"),
    "quitting": ("raise SystemExit('bye')", "SystemExit: bye"),
    "later": (
        "from interpgan_core import hookimpl\n\n@hookimpl\ndef interpgan_colours():\n    return {}\n",
        "it was made for another version of interpgan-core: PluginValidationError: "
        "unknown hook 'interpgan_colours'",
    ),
    "asking": (
        "from interpgan_core import hookimpl\n\n@hookimpl\ndef interpgan_operators(colour):\n    return {}\n",
        "it was made for another version of interpgan-core: PluginValidationError: ",
    ),
    "raising": (offering("1 / 0"), "ZeroDivisionError: division by zero"),
    "listing": (
        offering("['listing']"),
        "interpgan_operators must return a mapping of names to targets, not list",
    ),
    "forgetting": (
        offering("['listing']").replace("return", ""),
        "interpgan_operators must return a mapping of names to targets, not NoneType",
    ),
    "unmarked": (
        offering("{'unmarked': 'a:B'}").replace("@hookimpl", ""),
        "it has no hook; mark functions such as interpgan_operators with @hookimpl",
    ),
    "nameless": (offering("{3: 'a:B'}"), "in interpgan_operators 3 is not a name; write a word in quotes"),
    "numbering": (
        offering("{'numbering': 3}"),
        "in interpgan_operators the target of 'numbering' is of type int; it must be 'module:Class', a subclass",
    ),
    "vague": (
        offering("{'vague': 'here'}"),
        "in interpgan_operators the target of 'vague' is 'here'; it must be 'module:Class', a subclass of Operator",
    ),
    "eager": (  # the object itself, in place of where it is
        "from interpgan_core import hookimpl\nfrom interpgan_core.plugin import NamedModel\n\n@hookimpl\n"
        "def interpgan_models():\n    return {'eager': NamedModel('Toy', 32, 'nothing', 'free', 'a:b')}\n",
        "in interpgan_models the target of 'eager' is of type NamedModel; it must be 'module:OBJECT', a NamedModel, "
        "a Published or a function that takes the options of load_generator",
    ),
    "greedy": (
        offering("{'greedy': 'a:B', 'shift': 'a:B'}"),
        "it offers 'shift', but its names must be 'greedy' or 'greedy.…'",
    ),
    "sample": (offering("{'sample': 'a:B'}"), f"it offers 'sample', which interpgan-core {CORE} has already"),
}
# Operator that can be offered but not used -> the code beside it, and why.
HOLLOW = {
    "lost": (
        "",
        "interpgan_hollow:lost does not exist; in interpgan_operators a target is 'module:Class', a subclass of "
        "Operator; report it there",
    ),
    "mapping": (
        "mapping = {}",
        "interpgan_hollow:mapping has no 'hollow.mapping'; in interpgan_operators a target",
    ),
    "function": (
        "def function(): ...",
        "interpgan_hollow:function is no subclass of Operator; in interpgan_operators",
    ),
    "abstract": (
        "class abstract(EditOperator): ...",
        "TypeError: Can't instantiate abstract class abstract",
    ),
    "wishing": (
        "class wishing(Operator):\n    def run(self, wishes): ...",
        "run of wishing asks for 'wishes'; it may ask for",
    ),
    "unknown": (
        "class unknown(Operator):\n    def run(self) -> 'Nothing': ...",
        "NameError: name 'Nothing' is not defined; report it there",
    ),
}


class Site:
    """A folder on Python's path, and what is installed in it."""

    def __init__(self, folder):
        self.folder = folder

    def install(self, name, code="", dist="", requires="interpgan-core", entry=""):
        """A distribution of one module, with its entry point; returns its name and version."""
        dist = dist or f"interpgan-{name}"
        module = dist.replace("-", "_")
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        metadata = f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\nRequires-Dist: {requires}\n"
        (info / "METADATA").write_text(metadata)
        (info / "entry_points.txt").write_text(entry or f"[interpgan]\n{name} = {module}\n")
        return f"{dist} 1.0"


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    plugins.cache_clear()
    before = set(sys.modules)
    yield Site(folder)
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
    plugins.cache_clear()


def install_everything(site):
    site.install("fine", FINE)
    for name, (code, _) in BROKEN.items():
        site.install(name, code)


def using(name):
    return f"interpgan: 1\nsteps:\n  - {{use: {name}}}\n"


@pytest.mark.long
def test_broken_plugins_stop_nothing_else(site, command, tmp_path):
    install_everything(site)
    (tmp_path / "recipe.yaml").write_text(using("fine.again"))
    ran = command("recipe.yaml", "--device", "cpu", cwd=tmp_path, path=site.folder)
    assert (ran.status, ran.err) == (0, "")
    listed = command("--list", cwd=tmp_path, path=site.folder)
    assert listed.status == 0
    assert "torch" not in listed.modules
    assert re.search(r"\n  fine +interpgan-fine 1\.0\n", listed.out)
    assert re.search(r"\n  sample +interpgan-core", listed.out)
    for name, (_, reason) in BROKEN.items():
        assert f"cannot be used: {name} (interpgan-{name} 1.0): {reason}" in listed.err
    assert "Traceback" not in listed.err


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in BROKEN if name != "sample"])
def test_a_recipe_that_needs_a_broken_plugin_says_whose_fault_it_is(name, site, tmp_path):
    install_everything(site)
    for step in (name, f"{name}.more"):
        message, source, caret = recipe_error(using(step), tmp_path).split("\n")
        assert message.startswith(
            f"recipe.yaml:3:11: '{step}' comes from plugin {name} (interpgan-{name} 1.0), "
            f"which cannot be used: {BROKEN[name][1]}"
        )
        assert (source, caret) == (f"      - {{use: {step}}}", "              ^")


@pytest.mark.long
@pytest.mark.parametrize("name", HOLLOW)
def test_an_operator_that_cannot_be_used(name, site, tmp_path, command):
    code = "\n".join(code for code, _ in HOLLOW.values())
    names = {f"hollow.{name}": f"interpgan_hollow:{name}" for name in HOLLOW}
    site.install("hollow", f"from interpgan_core import EditOperator, Operator\n{code}\n{offering(names)}")
    message = recipe_error(using(f"hollow.{name}"), tmp_path).split("\n")[0]
    place = 5 if name == "abstract" else 11
    assert message.startswith(f"recipe.yaml:3:{place}: 'hollow.{name}' comes from interpgan-hollow 1.0, wh")
    assert HOLLOW[name][1] in message
    if name == "lost":
        schema = command("--schema", cwd=tmp_path, path=site.folder)
        assert (schema.status, schema.err) == (0, "")
        assert '"sample"' in schema.out and "hollow.lost" not in schema.out


def broken(**more):
    return {b.plugin: (b.origin, b.reason) for b in Plugins(**more).broken}


@pytest.mark.parametrize(
    "requires",
    [
        "interpgan-core<0.1",
        "interpgan_core (>=9,<10)",
        "Interpgan.Core!=" + CORE,
        "interpgan-core>=9; python_version>'3'",
    ],
)
def test_a_plugin_for_another_version(requires, site):
    site.install("old", FINE, requires=requires)
    origin, reason = broken()["old"]
    assert origin == "interpgan-old 1.0"
    assert reason.startswith("it needs interpgan-core") and reason.endswith(f", and this is {CORE}")


@pytest.mark.parametrize(
    "requires", ["interpgan-core", "interpgan-core>=0.1,<1", "interpgan-core>=9; extra == 'dev'", "numpy<1"]
)
def test_a_plugin_for_this_version(requires, site):
    site.install("fine", FINE, requires=requires)
    assert "fine" not in broken()
    assert Plugins().operators["fine"].origin == "interpgan-fine 1.0"


def test_two_plugins_of_one_name(site, tmp_path):
    site.install("twin", FINE)
    site.install("twin", FINE, dist="someones-twin")
    reason = "interpgan-twin 1.0 and someones-twin 1.0 both provide a plugin called 'twin'; uninstall one"
    assert broken()["twin"] == ("interpgan-twin 1.0 and someones-twin 1.0", reason)
    assert reason in recipe_error(using("twin"), tmp_path)


def test_metadata_that_cannot_be_read(site):
    site.install("dents", FINE, entry="[interpgan]\nno equals sign\n")
    site.install("riddle", FINE, requires="interpgan-core what ever")
    site.install("nowhere", entry="[interpgan]\nnowhere = interpgan_gone\n")
    found = broken()
    assert found["dents"][1].startswith("its entry_points.txt is damaged: ")
    assert found["riddle"][1].startswith("InvalidRequirement: ")
    assert found["nowhere"][1] == "ModuleNotFoundError: No module named 'interpgan_gone'"
    assert "sample" in Plugins().operators


def test_a_distribution_twice_on_the_path_is_one(site, tmp_path, monkeypatch):
    site.install("fine", FINE)
    again = tmp_path / "checkout"
    again.mkdir()
    Site(again).install("fine", FINE)
    monkeypatch.syspath_prepend(again)
    assert "fine" not in broken()
    assert "fine" in Plugins().operators


@pytest.mark.long
def test_the_order_of_the_path_does_not_matter(site, tmp_path, monkeypatch):
    folders = []
    for name, code in [
        ("fine", FINE),
        ("greedy", BROKEN["greedy"][0]),
        ("sample", BROKEN["sample"][0]),
        ("twin", FINE),
    ]:
        folders.append(tmp_path / name)
        folders[-1].mkdir()
        Site(folders[-1]).install(name, code)
    Site(folders[0]).install("twin", FINE, dist="someones-twin")
    found = []
    for order in itertools.permutations(folders):
        monkeypatch.setattr(sys, "path", [*map(str, order), *sys.path])
        registry = Plugins()
        found.append((registry.operators, registry.models, registry.backbones, registry.broken))
        monkeypatch.undo()
    assert "fine" in found[0][0] and {"greedy", "sample", "twin"} <= {b.plugin for b in found[0][3]}
    assert all(one == found[0] for one in found)


def test_a_broken_plugin_leaves_no_hook(site):
    watching = "\n@hookimpl\ndef interpgan_after_step(report):\n    raise AssertionError\n"
    site.install("listing", BROKEN["listing"][0] + watching)
    site.install("fine", FINE + watching)
    hooks = Plugins().hooks.hook.interpgan_after_step.get_hookimpls()
    assert [hook.plugin_name for hook in hooks] == ["fine"]


@pytest.mark.parametrize(
    ("chosen", "there", "missing"),
    [
        ("fine", {"fine", "sample"}, {"other", "sefa"}),
        (" fine , other ", {"fine", "other", "sample"}, {"sefa"}),
        ("", {"sample"}, {"fine", "other", "sefa"}),
    ],
)
def test_the_environment_chooses_plugins(chosen, there, missing, site, monkeypatch):
    site.install("fine", FINE)
    site.install("other", offering("{'other': 'a:B'}"))
    site.install("absent", BROKEN["absent"][0])  # is not even imported
    monkeypatch.setenv("INTERPGAN_PLUGINS", chosen)
    assert there <= set(plugins().operators)
    assert not missing & set(plugins().operators)
    assert plugins().broken == []


def test_the_environment_chooses_what_there_is_not(site, tmp_path, monkeypatch):
    monkeypatch.setenv("INTERPGAN_PLUGINS", "fien")
    reason = "no installed plugin has this name"
    assert [(b.plugin, b.origin, b.reason) for b in plugins().broken] == [
        ("fien", "INTERPGAN_PLUGINS", reason)
    ]
    assert "'fien.more' comes from plugin fien (INTERPGAN_PLUGINS)" in recipe_error(
        using("fien.more"), tmp_path
    )


def test_hooks_that_watch_a_run_cannot_stop_it(site, tmp_path, caplog):
    watching = "\n@hookimpl\ndef interpgan_after_step(report):\n    seen.append((report.id, report.status))\n"
    site.install("fine", FINE + "\nseen = []\n" + watching)
    site.install("clumsy", "from interpgan_core import hookimpl\n" + watching)  # there is no `seen`
    (tmp_path / "recipe.yaml").write_text(using("fine"))
    with caplog.at_level(logging.ERROR, "interpgan"):
        page = run(make_plan(tmp_path / "recipe.yaml"), tmp_path / "out", device="cpu")
    assert page.is_file()
    assert sys.modules["interpgan_fine"].seen == [("fine", "ran")]
    assert "plugin clumsy failed after step fine" in caplog.text
    assert "name 'seen' is not defined" in caplog.text


# Backbones and models of other people, good and broken

BACKBONE = """\
from interpgan_core import hookimpl
from interpgan_core.plugin import LoadOptions

class Backbone:
    options = LoadOptions
    def recognises(self, checkpoint):
        {recognises}
    def describe(self, checkpoint):
        {describe}
    def load(self, checkpoint, options):
        {load}

found = {found}

@hookimpl
def interpgan_backbones():
    return {{"glow": "interpgan_glow:found"}}
"""
SOUND = {
    "recognises": "return False",
    "describe": "return None",
    "load": "return None",
    "found": "Backbone()",
}


@pytest.fixture
def network(tmp_path):
    from interpgan_pggan import testing

    return testing.write(tmp_path, testing.generator())


def glow(site, **changes):
    site.install("glow", BACKBONE.format(**{**SOUND, **changes}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"recognises": "return 1 / 0"}, "which has a mistake in it: ZeroDivisionError: division by zero"),
        ({"recognises": "raise KeyError('x')"}, "which has a mistake in it: KeyError: 'x'"),
        (
            {"found": "Backbone"},
            "whose interpgan_glow:found is no backbone: it is a class; in interpgan_backbones a target is "
            "'module:object', an object with options, recognises, describe, load and restore, and not its class",
        ),
        ({"found": "3"}, "is no backbone: it lacks options, recognises, describe, load"),
    ],
)
def test_a_faulty_backbone_stops_no_other(changes, said, site, network):
    """Every file passes every backbone; one that fails is named, and the others go on."""
    from interpgan_core import load_generator
    from interpgan_core.errors import Remark
    from interpgan_core.loading.inspection import inspect

    glow(site, **changes)
    for use in (load_generator, inspect):
        with pytest.warns(
            Remark, match=rf"'glow' comes from interpgan-glow 1\.0, .*{re.escape(said)}.*; report it there"
        ):
            use(network)
    (network.parent / "other.pt").write_bytes(network.read_bytes()[:100])
    with pytest.raises(InterpganError, match="damaged"):
        inspect(network.parent / "other.pt")


@pytest.mark.parametrize("part", ["describe", "load"])
def test_a_backbone_that_fails_on_its_own_file_is_named(part, site, tmp_path):
    import torch

    from interpgan_core import load_generator
    from interpgan_core.loading.inspection import inspect

    glow(site, recognises="return 'glow' in checkpoint.keys", **{part: "return [][0]"})
    torch.save({"glow": 1}, tmp_path / "glow.pt")
    said = (
        r"'glow' comes from interpgan-glow 1\.0, which has a mistake in it: IndexError: .*; report it there"
    )
    with pytest.raises(InterpganError, match=said):
        (inspect if part == "describe" else load_generator)(tmp_path / "glow.pt")


MODELS = """\
from interpgan_core import hookimpl
from interpgan_core.plugin import NamedModel

none = 3
def other(**options): return 3
def failing(**options): return 1 / 0
def bare(): ...
bound = NamedModel("Toy", 32, "nothing", "free", "interpgan_glow:bare")
gone = NamedModel("Toy", 32, "nothing", "free", "interpgan_glow:not_there")
paid = NamedModel("Toy", 32, "nothing", "for money", "interpgan_core.generators.toy:toy")

@hookimpl
def interpgan_models():
    return {f"glow.{name}": f"interpgan_glow:{name}" for name in ("none", "other", "failing", "bound", "gone", "paid")}
"""


OWN_MODEL = """
class Own:
    licence = "for money"

    def __call__(self, **options):
        from interpgan_core.testing import toy
        return toy(**options)

paid = Own()
"""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "none",
            "whose interpgan_glow:none is no model: it cannot be called; in interpgan_models a target is "
            "'module:OBJECT', a NamedModel, a Published or a function that takes the options of load_generator",
        ),
        ("other", "whose interpgan_glow:other made no Generator, but int; in interpgan_models a target is"),
        ("failing", "which has a mistake in it: ZeroDivisionError: division by zero; report it there"),
        (
            "bound",
            "interpgan_glow:bare does not take these options: got an unexpected keyword argument 'device'",
        ),
        ("gone", "the target interpgan_glow:not_there of a NamedModel does not exist"),
    ],
)
def test_a_model_that_is_none(name, said, site):
    from interpgan_core import load_generator

    site.install("glow", MODELS)
    with pytest.raises(InterpganError, match=re.escape(said)):
        load_generator(f"glow.{name}")


def test_a_named_model_of_nothing():
    from interpgan_core.plugin import NamedModel

    with pytest.raises(
        InterpganError, match="needs shipped, a file of weights, or a target 'module:function', not"
    ):
        NamedModel("Toy", 32, "nothing", "free", "interpgan_glow")


def test_an_engine_that_is_none(site, tmp_path):
    site.install(
        "glow",
        "from interpgan_core import hookimpl\n\nengine = 3\n\n@hookimpl\ndef interpgan_engines():\n"
        "    return {'glow': 'interpgan_glow:engine'}\n",
    )
    steps = "  - {use: generator, weights: toy}\n  - {use: score, seeds: 0-1, scorer: avatars.scorer, engine: glow}\n"
    assert (
        "'glow' comes from interpgan-glow 1.0, whose interpgan_glow:engine is no subclass of Engine; in "
        "interpgan_engines a target is 'module:Class', a subclass of Engine; report it there"
    ) in recipe_error(f"interpgan: 1\nsteps:\n{steps}", tmp_path)


def test_the_licence_of_a_named_model_is_in_the_report(site, tmp_path):
    site.install("glow", MODELS)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "interpgan: 1\nsteps:\n  - {use: generator, weights: glow.paid}\n  - {use: sample, seeds: [1, 2]}\n"
    )
    said = []
    page = run(make_plan(recipe), tmp_path / "out", device="cpu", notice=said.append)
    assert said == ["for money"] and "for money" in page.read_text()


def test_conformance_notices_a_licence_that_does_not_arrive(site):
    """A table says one, and what it makes does not have it."""
    from interpgan_core.testing.plugins import _plugin, licences_reach_the_report

    site.install("glow", MODELS + OWN_MODEL)
    plugin = _plugin("glow")
    paid = replace(plugin, provided=tuple(p for p in plugin.provided if p.name == "glow.paid"))
    with pytest.raises(AssertionError, match=r"glow.paid is under 'for money', and the report says \[\]"):
        licences_reach_the_report(paid)


def test_conformance_notices_a_backbone_that_is_a_class(site):
    from interpgan_core.testing.plugins import _plugin, everything_can_be_loaded

    glow(site, found="Backbone")
    with pytest.raises(InterpganError, match="is no backbone: it is a class"):
        everything_can_be_loaded(_plugin("glow"))


def test_conformance_notices_what_a_file_does_not_keep(tmp_path, monkeypatch):
    from interpgan_core import load_generator
    from interpgan_core.testing import Case
    from interpgan_core.testing.generators import saved_it_stays_the_same
    from interpgan_example_backbone.backbone import SmallDCGAN, SmallDCGANBackbone

    generator = load_generator("example_backbone.random")
    saved_it_stays_the_same(Case(generator, generator, tmp_path))
    restore = SmallDCGANBackbone.restore

    def shifted(self, saved, path, options):
        made = restore(self, saved, path, options)
        made.module.get_parameter("conv_blocks.3.bias").add_(1)
        return made

    monkeypatch.setattr(SmallDCGANBackbone, "restore", shifted)
    with pytest.raises(AssertionError, match="draws other pictures"):
        saved_it_stays_the_same(Case(generator, generator, tmp_path))
    monkeypatch.setattr(SmallDCGANBackbone, "restore", lambda *given: SmallDCGAN(shifted(*given).module))
    with pytest.raises(AssertionError, match="another generator"):
        saved_it_stays_the_same(Case(generator, generator, tmp_path))
