"""The output folder as the cache: which results it holds, and why one must be made again."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from interpgan_core.errors import InterpganError
from interpgan_core.files.atomic import explaining, placing, placing_folder
from interpgan_core.files.paths import sha256_of
from interpgan_core.recipes.plan import PlannedStep

RECORD = "step.json"
_LOCK = ".lock"
# 02-sample, or, while it waits for that name, .02-sample.0123abcd.done
_RESULT = re.compile(r"\d\d+-[\w-]+|\.\d\d+-[\w-]+\.[0-9a-f]{8}\.done")


class Store:
    """The results of one output folder, a folder a step, each with a record `step.json` of its key.

    Args:
        folder: the output folder; it need not exist.

    Raises:
        InterpganError: if it cannot be read, or holds something that no run has made.

    Attributes:
        kept: folders set aside, because a person had changed something in them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: list[Path] = []
        try:
            if folder.exists() and not folder.is_dir():
                raise InterpganError(f"{folder} is a file; choose another folder with --out")
            is_output = (folder / "run.json").exists() or (folder / _LOCK).exists()
            if folder.is_dir() and not is_output and any(folder.iterdir()):
                raise InterpganError(
                    f"{folder} is not empty and not the output of a run; choose another folder with --out"
                )
        except OSError as error:
            raise InterpganError(
                f"{folder} cannot be read ({error.strerror}); choose another folder with --out"
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, and keep every other run out of it.

        Raises:
            InterpganError: if another run is in it, or it cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / _LOCK).acquire(timeout=0)
        except Timeout:
            raise InterpganError(
                f"another run is writing to {self.folder}; wait until it ends, or choose another folder "
                "with --out"
            ) from None
        except OSError as error:
            raise InterpganError(
                f"{self.folder} cannot be written ({error.strerror}); choose another folder with --out"
            ) from error
        with lock:
            # No other run holds the lock, so what is unfinished was left by one that has ended.
            for path in self.folder.glob(".*.partial-*"):
                _remove(path)
            yield

    def check(self) -> None:
        """See that the folder is still there; a new one in its place would have no lock.

        Raises:
            InterpganError: if it was removed or moved while `locked`.
        """
        if not (self.folder / _LOCK).exists():
            raise InterpganError(
                f"{self.folder} was removed or moved while a run was writing to it; start the run again"
            )

    def record(self, step: PlannedStep) -> dict[str, Any]:
        """What is known of the kept result of a step, whatever its key; empty if there is none."""
        return _read(self.folder / step.folder)

    def reasons(self, steps: Sequence[PlannedStep]) -> list[str]:
        """Why each step must run, in words; empty where its kept result can be used."""
        found = self.find(steps)
        whys = [_why(step, found.get(step.number, self.folder / step.folder)) for step in steps]
        return [
            f"{why}; goes on where it stopped" if why and self._scratch(step).exists() else why
            for step, why in zip(steps, whys, strict=True)
        ]

    def arrange(self, steps: Sequence[PlannedStep]) -> None:
        """Give every result that can be used the name that its step has now, whatever stopped the last run."""
        moves = [(steps[n - 1], path) for n, path in self.find(steps).items()]
        moves = [(step, path) for step, path in moves if path != self.folder / step.folder]
        # All are taken out of the way before any name is given: steps may have changed places.
        for step, path in moves:
            with explaining(path):
                path.rename(self._waiting(step))
        for step, _ in moves:
            self._adopt(step)
        for path in self.folder.glob(".*.done"):
            _remove(path)
        for number, path in self.find(steps).items():
            step = steps[number - 1]
            if self._scratch(step).exists() and not _why(step, path):
                self.drop_scratch(step)  # of a run that was killed as soon as the step had ended

    @contextmanager
    def writing(self, step: PlannedStep, record: dict[str, Any]) -> Iterator[Path]:
        """A folder for the result of a step; it takes its name, with its record, when the block ends well.

        Args:
            step: the step.
            record: what to know about it later; the block may add to it.
        """
        self.check()
        with placing_folder(self._waiting(step)) as made:
            yield made
            self.check()
            record["files"] = [
                {"name": str(path.relative_to(made)), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
                for path in sorted(p for p in made.rglob("*") if p.is_file())
            ]
            (made / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
        self._adopt(step)

    def scratch(self, step: PlannedStep) -> Path:
        """A folder of a step's own, the same for the same key, that outlives a run that is killed.

        It stays until the step has ended well, in whatever recipe: hours of work may lie in it.
        """
        path = self._scratch(step)
        with explaining(path):
            path.mkdir(exist_ok=True)
        return path

    def drop_scratch(self, step: PlannedStep) -> None:
        """Remove the folder that `scratch` made, if there is one; a kill never leaves half of it."""
        path = self._scratch(step)
        if path.exists():
            old = path.with_name(f"{path.name}.partial-old")
            with explaining(path):
                path.rename(old)
            _remove(old)

    def _scratch(self, step: PlannedStep) -> Path:
        return self.folder / f".{step.key[:16]}.scratch"

    def write(self, name: str, text: str) -> None:
        """Write one file of the output folder, whole or not at all."""
        self.check()
        with placing(self.folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def find(self, steps: Sequence[PlannedStep]) -> dict[int, Path]:
        """Where results lie, by number of the step: one that was renamed or renumbered keeps its result."""
        lying: dict[str, list[Path]] = {}
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else []:
            if _RESULT.fullmatch(path.name):
                lying.setdefault(_read(path).get("key", ""), []).append(path)
        steps = [step for step in steps if step.keeps]
        found: dict[int, Path] = {}
        for step in steps:
            # What waits for its name was made after what has it.
            for path in (self._waiting(step), self.folder / step.folder):
                if path in lying.get(step.key, []):
                    lying[step.key].remove(path)
                    found.setdefault(step.number, path)
        for step in steps:
            if step.number not in found and lying.get(step.key):
                found[step.number] = lying[step.key].pop(0)
        return found

    def _waiting(self, step: PlannedStep) -> Path:
        """Where a finished result waits for its name."""
        return self.folder / f".{step.folder}.{step.key[:8]}.done"

    def _adopt(self, step: PlannedStep) -> None:
        """Give a finished result its name; what a person put into the one before, or changed, is kept beside it."""
        final = self.folder / step.folder
        old = final.with_name(f".{final.name}.partial-old")
        with explaining(final):
            if os.path.lexists(final):
                if _untouched(final):
                    final.rename(old)
                else:
                    self.kept.append(final.rename(_free_name(final)))
            self._waiting(step).rename(final)
            if old.exists():
                _remove(old)
        self.drop_scratch(step)


def _free_name(path: Path) -> Path:
    numbers = itertools.count(1)
    return next(kept for n in numbers if not (kept := path.with_name(f"{path.name}.kept-{n}")).exists())


def _untouched(result: Path) -> bool:
    """Is there nothing in a result but what a run has put there?"""
    if result.is_symlink() or not result.is_dir():
        return False
    known = {file["name"]: file["sha256"] for file in _read(result).get("files", [])}
    files = [p for p in result.rglob("*") if p != result / RECORD and (p.is_symlink() or not p.is_dir())]
    return all(_is(path, known.get(str(path.relative_to(result)))) for path in files)


def _read(folder: Path) -> dict[str, Any]:
    """The record of a result; empty if there is none, or it was damaged."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        whole = isinstance(record["key"], str)
        for group in ("parameters", "flows"):
            whole &= isinstance(record["content"][group], dict)
        for file in record["files"]:
            whole &= isinstance(file["name"], str) and isinstance(file["sha256"], str)
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return record if whole else {}


def _why(step: PlannedStep, folder: Path) -> str:
    if not step.keeps:
        return "not kept"
    record = _read(folder)
    if not record:
        return "no earlier result"
    if record["key"] != step.key:
        return _difference(record["content"], step.content)
    for file in record["files"]:
        path = folder / file["name"]
        if not path.is_file():
            return f"{file['name']} is missing"
        if not _is(path, file["sha256"]):
            return f"{file['name']} was changed"
    return ""


def _remove(path: Path) -> None:
    with explaining(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _is(path: Path, sha256: str | None) -> bool:
    return sha256 is not None and sha256_of(path) == sha256


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What changed between the contents of two keys: "strength 2 -> 3, batch changed"."""
    if old.get("use") != new["use"]:
        return f"{old.get('use')} -> {new['use']}"
    changes = []
    if old.get("version") != new["version"]:
        changes.append(f"version of {new['use']} {old.get('version')} -> {new['version']}")
    if old.get("sources") != new.get("sources"):
        changes.append(f"what {new['use']} reads changed")
    for group in ("parameters", "flows"):
        before, after = old.get(group, {}), new[group]
        for name in sorted({*before, *after}):
            a, b = before.get(name), after.get(name)
            if a != b:
                plain = not any(isinstance(v, dict) for v in (a, b)) and group == "parameters"
                changes.append(f"{name} {_short(a)} -> {_short(b)}" if plain else f"{name} changed")
    return ", ".join(changes)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
