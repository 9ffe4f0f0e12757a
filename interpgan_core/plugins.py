"""Finds plugins one by one: name -> where it comes from -> class on demand."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions, version
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from interpgan_core.errors import InterpganError, did_you_mean
from interpgan_core.hookspecs import HookSpecs

CORE = "interpgan_core.operators.builtin"
TARGETS = {
    "operators": "'module:Class', a subclass of Operator",
    "backbones": "'module:object', an object with options, recognises, describe, load and restore, and not its class",
    "models": "'module:OBJECT', a NamedModel, a Published or a function that takes the options of load_generator",
    "engines": "'module:Class', a subclass of Engine",
    "encoders": "'module:function', a function that takes a Checkpoint and returns facts by label",
}
"""What the target of a name of each kind must be."""
KINDS = tuple(TARGETS)
FAILURES = (Exception, SystemExit)  # what the import of a plugin's module may raise


@dataclass(frozen=True)
class Provided:
    """A name that a plugin offers, and where its class is.

    Args:
        name: as recipes say it.
        target: "module:object", or "module:mapping" of names to objects.
        plugin: name of the plugin.
        origin: its distribution and version, for messages.
        kind: one of `KINDS`.
    """

    name: str
    target: str
    plugin: str
    origin: str
    kind: str

    def load(self) -> Any:
        """Import the class, object or function.

        Raises:
            InterpganError: if it cannot be imported or is not there; the message names the plugin's distribution.
        """
        module, _, attribute = self.target.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute, None)
        except FAILURES as error:
            raise InterpganError(
                f"'{self.name}' comes from {self.origin}, which failed on import: {one_line(error)}; "
                f"update or reinstall it"
            ) from error
        if found is None:
            raise self.fault("does not exist")
        if isinstance(found, Mapping) and self.name not in found:
            raise self.fault(f"has no '{self.name}'")
        return found[self.name] if isinstance(found, Mapping) else found

    def fault(self, what: str) -> InterpganError:
        """An error for a target that is not what it must be.

        Args:
            what: is wrong with it, such as "does not exist".

        Returns:
            The error; its message names the plugin's distribution, and says what a target of this kind must be.
        """
        return InterpganError(
            f"'{self.name}' comes from {self.origin}, whose {self.target} {what}; "
            f"in interpgan_{self.kind} a target is {TARGETS[self.kind]}; report it there"
        )

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Whatever it raises by mistake becomes a sentence that names its plugin."""
        try:
            yield
        except (InterpganError, MemoryError):
            raise
        except Exception as error:
            raise InterpganError(
                f"'{self.name}' comes from {self.origin}, which has a mistake in it: {one_line(error)}; "
                "report it there"
            ) from error


@dataclass(frozen=True)
class Broken:
    """A plugin that could not be used, and why."""

    plugin: str
    origin: str
    reason: str


class Plugins:
    """The operators, backbones, models, engines and encoders of all installed plugins.

    Args:
        only: names of the plugins to load; None = all. The core is always there.

    Attributes:
        operators, backbones, models, engines, encoders: what is offered, by name.
        broken: plugins that could not be used; they stop nothing else.
    """

    def __init__(self, only: Iterable[str] | None = None) -> None:
        self.operators: dict[str, Provided] = {}
        self.backbones: dict[str, Provided] = {}
        self.models: dict[str, Provided] = {}
        self.engines: dict[str, Provided] = {}
        self.encoders: dict[str, Provided] = {}
        self.broken: list[Broken] = []
        self.hooks = pluggy.PluginManager("interpgan")
        self.hooks.add_hookspecs(HookSpecs)
        self._register("", importlib.import_module(CORE), f"interpgan-core {version('interpgan-core')}")
        self._discover(None if only is None else set(only))

    def get(self, kind: str, name: str) -> Provided:
        """What offers a name of a kind, one of `KINDS`.

        Raises:
            InterpganError: if nothing does; the message names a broken plugin that would have, or a
                name that is close.
        """
        offered: dict[str, Provided] = getattr(self, kind)
        if name in offered:
            return offered[name]
        for broken in self.broken:
            if broken.plugin == name.split(".")[0]:
                raise InterpganError(
                    f"'{name}' comes from plugin {broken.plugin} ({broken.origin}), "
                    f"which cannot be used: {broken.reason}"
                )
        what = {"operators": "step"}.get(kind, kind.removesuffix("s"))
        hint = did_you_mean(name, offered) or "; install the plugin that has it, or see interpgan-run --list"
        raise InterpganError(f"there is no {what} '{name}'{hint}")

    def add_file(self, path: Path) -> None:
        """Add a plugin that is not installed; its name is that of the file, without `interpgan_`.

        Args:
            path: a `.py` file, or a package folder.

        Raises:
            InterpganError: if it is missing, fails on import, or another plugin or module has its name.
        """
        path = path.resolve()
        source = path / "__init__.py" if path.is_dir() else path
        if source.suffix != ".py" or not source.is_file():
            raise InterpganError(f"{path} is not a plugin: give a .py file, or a folder with __init__.py")
        module_name = source.parent.name if source.name == "__init__.py" else source.stem
        name = module_name.removeprefix("interpgan_")
        if not module_name.isidentifier():
            raise InterpganError(f"{path} cannot be imported; use letters, digits and _ in its name")
        if self.hooks.has_plugin(name):
            if getattr(sys.modules.get(module_name), "__file__", None) == str(source):
                return  # given twice
            raise InterpganError(f"a plugin called {name} is installed already; rename {path}")
        if importlib.util.find_spec(module_name) is not None:
            raise InterpganError(f"Python has a module called {module_name} already; rename {path}")
        spec = importlib.util.spec_from_file_location(module_name, source)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except FAILURES as error:
            del sys.modules[module_name]
            raise InterpganError(f"plugin {path} failed on import: {one_line(error)}") from error
        before = len(self.broken)
        self._register(name, module, str(path))
        if len(self.broken) > before:
            raise InterpganError(f"plugin {path} cannot be used: {self.broken.pop().reason}")

    def _discover(self, only: set[str] | None) -> None:
        found: dict[str, dict[str, tuple[Distribution, EntryPoint]]] = {}
        for distribution in distributions():
            try:
                entries = [entry for entry in distribution.entry_points if entry.group == "interpgan"]
            except Exception as error:
                origin = f"{distribution.name} {distribution.version}"
                reason = f"its entry_points.txt is damaged: {one_line(error)}"
                self.broken.append(Broken(str(distribution.name).removeprefix("interpgan-"), origin, reason))
                continue
            for entry in entries:
                # A checkout on sys.path shows an installed distribution twice.
                found.setdefault(entry.name, {}).setdefault(distribution.name, (distribution, entry))
        for name, offers in sorted(found.items()):
            if only is not None and name not in only:
                continue
            origins = sorted(f"{d.name} {d.version}" for d, _ in offers.values())
            if len(offers) > 1:
                reason = f"{' and '.join(origins)} both provide a plugin called '{name}'; uninstall one"
                self.broken.append(Broken(name, " and ".join(origins), reason))
                continue
            distribution, entry = next(iter(offers.values()))
            try:
                _check_version(distribution)
                module = entry.load()
            except FAILURES as error:
                self.broken.append(Broken(name, origins[0], one_line(error)))
                continue
            self._register(name, module, origins[0])
        for name in sorted((only or set()) - set(found)):
            self.broken.append(Broken(name, "INTERPGAN_PLUGINS", "no installed plugin has this name"))
        self.broken.sort(key=lambda broken: (broken.plugin, broken.origin))

    def _register(self, name: str, module: ModuleType, origin: str) -> None:
        """Take everything a plugin offers, or nothing of it."""
        offered: dict[str, dict[str, Provided]] = {}
        key = name or "core"
        try:
            self.hooks.register(module, key)
            self.hooks.check_pending()
            hooks = {hook.name for hook in self.hooks.get_hookcallers(module) or ()}
            if not hooks:
                raise InterpganError(
                    "it has no hook; mark functions such as interpgan_operators with @hookimpl"
                )
            others = [plugin for plugin in self.hooks.get_plugins() if plugin is not module]
            for kind in KINDS:
                if f"interpgan_{kind}" not in hooks:
                    continue
                names = next(iter(self.hooks.subset_hook_caller(f"interpgan_{kind}", others)()), None)
                offered[kind] = {n: Provided(n, t, key, origin, kind) for n, t in _checked(names, kind, name)}
                taken = sorted(set(offered[kind]) & set(getattr(self, kind)))
                if taken:
                    owner = getattr(self, kind)[taken[0]].origin
                    raise InterpganError(f"it offers '{taken[0]}', which {owner} has already")
        except FAILURES as error:
            if self.hooks.has_plugin(key):
                self.hooks.unregister(name=key)
            reason = one_line(error)
            if isinstance(error, pluggy.PluginValidationError):
                reason = f"it was made for another version of interpgan-core: {reason}"
            self.broken.append(Broken(name, origin, reason))
            return
        for kind, provided in offered.items():
            getattr(self, kind).update(provided)


def _checked(names: Any, kind: str, plugin: str) -> Iterable[tuple[str, str]]:
    hook = f"interpgan_{kind}"
    if not isinstance(names, Mapping):
        raise InterpganError(f"{hook} must return a mapping of names to targets, not {type(names).__name__}")
    for name, target in names.items():
        if not isinstance(name, str):
            raise InterpganError(f"in {hook} {name!r} is not a name; write a word in quotes")
        if not (isinstance(target, str) and re.fullmatch(r"[\w.]+:\w+", target)):
            got = repr(target) if isinstance(target, str) else f"of type {type(target).__name__}"
            raise InterpganError(f"in {hook} the target of '{name}' is {got}; it must be {TARGETS[kind]}")
        if plugin and name != plugin and not name.startswith(f"{plugin}."):
            raise InterpganError(f"it offers '{name}', but its names must be '{plugin}' or '{plugin}.…'")
    return names.items()


def _check_version(distribution: Distribution) -> None:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    here = version("interpgan-core")
    for line in distribution.requires or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if canonicalize_name(requirement.name) == "interpgan-core" and not (
            requirement.specifier.contains(here, prereleases=True)
        ):
            raise InterpganError(f"it needs interpgan-core{requirement.specifier}, and this is {here}")


def one_line(error: BaseException) -> str:
    """An error in one line: an InterpganError's sentence, the type and the first line of any other."""
    if isinstance(error, InterpganError):
        return str(error)
    return f"{type(error).__name__}: {error}".splitlines()[0]


@functools.cache
def plugins() -> Plugins:
    """The plugins of this process; the environment variable INTERPGAN_PLUGINS=a,b chooses them."""
    chosen = os.environ.get("INTERPGAN_PLUGINS")
    return Plugins(None if chosen is None else [n for n in (p.strip() for p in chosen.split(",")) if n])


def installed(kind: str) -> Mapping[str, Provided]:
    """What the installed plugins and the core offer.

    Args:
        kind: "operators", "backbones", "models" or "engines".

    Returns:
        Name -> where it comes from; its `load()` imports it.

    Example:
        >>> from interpgan_core import installed
        >>> installed("operators")["shift"].load().__name__
        'Shift'
    """
    offered: Mapping[str, Provided] = getattr(plugins(), kind)
    return offered
