"""Who may import whom: a file of the core imports only from the lines below its own."""

import ast
from pathlib import Path

import pytest

import interpgan_core

ROOT = Path(__file__).parents[1]
CORE = ROOT / "interpgan_core"

LAYERS = """
cli  testing
runner  schema  conformance  inspection
store  manifest
plan
recipe  wording
builtin  toy
models  published
operators
directions  generator
latents  saving
imagesets
report
images  ranges  decoding
checkpoints  downloads  networks
arrays
unpickle
plain  atomic
builders  files  engines
plugins
hookspecs
errors
progress
"""
HEIGHT = {name: -height for height, line in enumerate(LAYERS.split("\n")) for name in line.split()}
SLOW = {"torch", "numpy", "PIL", "scipy", "sklearn", "safetensors", "rich", "pooch"}


def imports(file):
    """What a file imports: (module, name or "", whether at import of the file itself)."""
    tree = ast.parse(file.read_text())
    later = {id(inner) for outer in ast.walk(tree) if is_later(outer) for inner in ast.walk(outer)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "", id(node) not in later) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            yield from ((node.module, alias.name, id(node) not in later) for alias in node.names)


def is_later(node):
    is_typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    return is_typing or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def part(module, name):
    """The file or folder of the core that an import goes to: `plan` of `interpgan_core.plan`."""
    inner = module.split(".")[1:] or [name]
    return inner[0] if inner[0] in HEIGHT else "__init__"


FILES = sorted(CORE.rglob("*.py"))


def test_every_file_has_its_place():
    parts = {file.relative_to(CORE).parts[0].removesuffix(".py") for file in FILES}
    assert parts - {"__init__"} == set(HEIGHT), "give a new file its place in LAYERS"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CORE)))
def test_imports_go_down(file):
    here = file.relative_to(CORE).parts[0].removesuffix(".py")
    for module, name, at_once in imports(file):
        top = module.split(".")[0]
        assert not top.startswith("interpgan_") or top == "interpgan_core", f"the core knows {module}"
        assert not (at_once and top in SLOW) or here == "toy", f"{module} is slow to import"
        if top == "interpgan_core" and here != "__init__":
            there = part(module, name)
            assert there == here or HEIGHT.get(there, 1) < HEIGHT[here], f"{here} imports {there}"


@pytest.mark.parametrize("name", [file.parent.name for file in sorted(ROOT.glob("plugins/*/pyproject.toml"))])
def test_plugins_import_public_names(name):
    folder, own = ROOT / "plugins" / name, f"interpgan_{name}"
    for file in sorted(folder.rglob("*.py")):
        for module, imported, at_once in imports(file):
            top = module.split(".")[0]
            if top == "interpgan_core":
                is_kit = module.startswith(("interpgan_core.testing", "interpgan_core.conformance"))
                assert is_kit or imported in interpgan_core.__all__, f"{file.name}: {module}.{imported}"
            elif top.startswith("interpgan_") and top != own:
                readme = (folder / "README.md").read_text()
                assert top.replace("_", "-") in readme, (
                    f"{file.name} imports {top}; README.md does not say so"
                )
            assert not (at_once and top in SLOW and file.name == "__init__.py"), f"{module} is slow to import"
