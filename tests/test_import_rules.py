"""Who may import whom: the folders of the core one way, plugins from public places, and nobody in a circle."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = ROOT / "interpgan_core"
FOLDERS = ("", "files", "pictures", "generators", "loading", "operators", "recipes", "testing")
"""Each imports only from itself and from those before it; "" holds the files beside the folders."""
FIRST = {"__init__", "errors", "hookspecs", "machine", "plugins", "progress"}  # of "", below the folders
LAST = {"cli", "__main__", "plugin"}  # of "", above them
PUBLIC = ("interpgan_core", "interpgan_core.plugin", "interpgan_core.testing")
SLOW = {"torch", "numpy", "PIL", "scipy", "sklearn", "safetensors", "rich", "pooch"}
PLUGINS = sorted(file.parent.name for file in ROOT.glob("plugins/*/pyproject.toml"))


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


def modules_of(package):
    """Module name -> file, of everything in a package."""
    found = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = file
    return found


def graph_of(package):
    """Module -> modules of the same package that it imports, also when only for type checkers."""
    known = modules_of(package)
    graph = {}
    for module, file in known.items():
        there = {f"{m}.{name}" if f"{m}.{name}" in known else m for m, name, _ in imports(file)}
        graph[module] = (there & set(known)) - {module}
    return graph


def circle(graph):
    """A list of modules of which each imports the next, and the last the first; [] if there is none."""
    done, path = set(), []

    def visit(module):
        if module in path:
            return [*path[path.index(module) :], module]
        if module in done:
            return []
        done.add(module)
        path.append(module)
        found = next((f for there in sorted(graph[module]) if (f := visit(there))), [])
        path.pop()
        return found

    sys.setrecursionlimit(max(sys.getrecursionlimit(), 10_000))
    return next((found for module in sorted(graph) if (found := visit(module))), [])


def package_of(name):
    """Of a plugin, by the name of its folder."""
    return f"interpgan_{name.replace('-', '_')}"


PACKAGES = [CORE, *(ROOT / "plugins" / name / package_of(name) for name in PLUGINS)]


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_no_circle_of_imports(package):
    graph = graph_of(package)
    if package == CORE:
        graph[package.name] = set()  # it finds its names when they are used
    assert circle(graph) == []


def height(module):
    """How late a module of the core may come in the order of imports."""
    folder, _, rest = module.removeprefix("interpgan_core").removeprefix(".").partition(".")
    if folder in FOLDERS[1:]:
        return FOLDERS.index(folder)
    assert not rest
    if folder in LAST:
        return len(FOLDERS)
    assert folder in FIRST | {""}, f"give {module} its place in FIRST, LAST or FOLDERS"
    return 0


def test_the_core_is_in_folders():
    there = {path.name for path in CORE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert there == set(FOLDERS[1:])


@pytest.mark.parametrize("module", modules_of(CORE))
def test_the_core_imports_one_way(module):
    for there, name, at_once in imports(modules_of(CORE)[module]):
        top = there.split(".")[0]
        assert not top.startswith("interpgan_") or top == "interpgan_core", f"the core knows {there}"
        is_torch = module == "interpgan_core.generators.toy"
        assert not (at_once and top in SLOW) or is_torch, f"{there} is slow to import"
        if top == "interpgan_core" and module != "interpgan_core":
            inner = (
                f"{there}.{name}" if (CORE.parent / f"{there}.{name}".replace(".", "/")).is_dir() else there
            )
            inner = f"{there}.{name}" if there == "interpgan_core" else inner
            assert height(inner) <= height(module), f"{module} imports {inner}"


@pytest.mark.parametrize("name", PLUGINS)
def test_plugins_import_from_public_places(name):
    folder, own = ROOT / "plugins" / name, package_of(name)
    for file in sorted(folder.rglob("*.py")):
        for module, imported, at_once in imports(file):
            top = module.split(".")[0]
            is_builder = "tests" in file.parts and "testing" in (*module.split("."), imported)
            if top == "interpgan_core":
                assert module in PUBLIC, f"{file.relative_to(ROOT)} imports from {module}"
            elif top.startswith("interpgan_") and top != own and not is_builder:
                readme = (folder / "README.md").read_text()
                assert top.replace("_", "-") in readme, (
                    f"{file.name} imports {top}; README.md does not say so"
                )
            assert not (at_once and top in SLOW and file.name == "__init__.py"), f"{module} is slow to import"


def test_no_file_is_longer_than_one_can_read():
    files = [*CORE.rglob("*.py"), *ROOT.glob("plugins/*/interpgan_*/**/*.py")]
    assert len(files) > 200
    assert {str(f.relative_to(ROOT)) for f in files if len(f.read_text("utf-8").splitlines()) > 450} == set()
