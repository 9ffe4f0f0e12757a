"""The output folder as the cache: which results it holds, and why one must be made again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from interpgan_core.errors import InterpganError
from interpgan_core.files import sha256_of
from interpgan_core.placing import placing, placing_folder, sweep
from interpgan_core.plan import PlannedStep

RECORD = "step.json"
_LOCK = ".lock"
_DONE = ".done"


class Store:
    """The results of one output folder, a folder a step, each with a record `step.json` of its key.

    Args:
        folder: the output folder; it need not exist.

    Raises:
        InterpganError: if it holds something that no run has made.

    Attributes:
        kept: folders set aside, because a person had changed something in them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: list[Path] = []
        if folder.exists() and not folder.is_dir():
            raise InterpganError(f"{folder} is a file; choose another folder with --out")
        ours = (folder / "run.json").exists() or (folder / _LOCK).exists()
        if folder.is_dir() and not ours and any(folder.iterdir()):
            raise InterpganError(
                f"{folder} is not empty and not the output of a run; choose another folder with --out"
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, and keep every other run out of it.

        Raises:
            InterpganError: if another run is in it, or it cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / _LOCK, timeout=0):
                sweep(self.folder)
                self._adopt()
                yield
        except Timeout:
            raise InterpganError(
                f"another run is writing to {self.folder}; wait until it ends, or choose another folder "
                "with --out"
            ) from None
        except OSError as error:
            raise InterpganError(
                f"{self.folder} cannot be written ({error.strerror}); choose another folder with --out"
            ) from error

    def record(self, step: PlannedStep) -> dict[str, Any] | None:
        """What is known of the kept result of a step, whatever its key; None if there is none."""
        try:
            found = json.loads((self.folder / step.folder / RECORD).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and isinstance(found.get("content"), dict) else None

    def why(self, step: PlannedStep) -> str:
        """Why a step must run, in words for people; empty if its kept result can be used."""
        if not step.keeps:
            return "not kept"
        record = self.record(step)
        if record is None:
            return "no result yet"
        if record.get("key") != step.key:
            return _difference(record["content"], step.content)
        for file in record.get("files", []):
            path = self.folder / step.folder / str(file.get("name"))
            if not path.is_file():
                return f"{path.name} is missing"
            if path.stat().st_size != file.get("bytes") or sha256_of(path) != file.get("sha256"):
                return f"{path.name} was changed"
        return ""

    @contextmanager
    def writing(self, step: PlannedStep, record: dict[str, Any]) -> Iterator[Path]:
        """A folder for the result of a step; it takes its name, with its record, when the block ends well.

        Args:
            step: the step.
            record: what to know about it later; the block may add to it.
        """
        done = self.folder / f".{step.folder}{_DONE}"
        with placing_folder(done) as made:
            yield made
            record["files"] = [
                {"name": str(path.relative_to(made)), "bytes": path.stat().st_size, "sha256": sha256_of(path)}
                for path in sorted(p for p in made.rglob("*") if p.is_file())
            ]
            (made / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
        self._adopt()

    def write(self, name: str, text: str) -> None:
        """Write one file of the output folder, whole or not at all."""
        with placing(self.folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def _adopt(self) -> None:
        """Give finished results their names: those of this run, and of one killed just before it could."""
        for done in sorted(self.folder.glob(f".*{_DONE}")):
            final = self.folder / done.name.removeprefix(".").removesuffix(_DONE)
            if final.exists():
                self._retire(final)
            done.rename(final)

    def _retire(self, old: Path) -> None:
        """Remove a result that is replaced; what a person put into it or changed is kept beside it."""
        try:
            known = {f["name"]: f["sha256"] for f in json.loads((old / RECORD).read_text())["files"]}
        except (OSError, ValueError, KeyError, TypeError):
            known = {}
        found = [p for p in old.rglob("*") if p.is_file() and p != old / RECORD]
        if all(known.get(str(p.relative_to(old))) == sha256_of(p) for p in found):
            shutil.rmtree(old)
            return
        number = 1
        while (kept := old.with_name(f"{old.name}.kept-{number}")).exists():
            number += 1
        old.rename(kept)
        self.kept.append(kept)


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What changed between the contents of two keys: "strength 2 -> 3, batch changed"."""
    if old.get("use") != new["use"]:
        return f"{old.get('use')} -> {new['use']}"
    changes = []
    if old.get("version") != new["version"]:
        changes.append(f"version of {new['use']} {old.get('version')} -> {new['version']}")
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
