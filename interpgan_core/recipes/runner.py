"""Runs a plan, keeps results in the output folder, writes the manifest and the report."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from interpgan_core.errors import InterpganError, RecipeError, remarks
from interpgan_core.generators.generator import Generator
from interpgan_core.hookspecs import StepReport
from interpgan_core.operators.base import default_device
from interpgan_core.pictures.page import Page
from interpgan_core.pictures.report import write_page
from interpgan_core.plugins import plugins
from interpgan_core.progress import Progress, bars
from interpgan_core.recipes.cache import Decision, decide
from interpgan_core.recipes.manifest import manifest
from interpgan_core.recipes.performing import perform, report_to
from interpgan_core.recipes.plan import Plan, PlannedStep, make_plan
from interpgan_core.recipes.rehearsal import Loaded, rehearse
from interpgan_core.recipes.store import Store

ERRORS = "error.txt"
# How licences begin that ask nothing of who makes pictures.
FREE = ("Apache-2.0", "MIT", "BSD-3-Clause", "CC0-1.0", "public domain")

log = logging.getLogger("interpgan")


def run(
    plan: Plan | str | Path,
    folder: str | Path | None = None,
    *,
    device: str | None = None,
    fresh: bool = False,
    progress: Progress = bars,
    after_step: Callable[[StepReport], None] = lambda report: None,
    notice: Callable[[str], None] = lambda sentence: None,
) -> Page:
    """Run a plan, or a recipe.

    Args:
        plan: from `make_plan`; or a file, `run("recipe.yaml")`.
        folder: the output folder; out/<recipe> when left out.
        device: "cpu", "cuda"; None = cuda where there is one.
        fresh: run every step, whatever is kept.
        progress: shows how far a step is; a bar on a terminal and in a notebook when left out.
        after_step: called with a report of each step as it ends.
        notice: called with a sentence that a person should read, such as a licence.

    Returns:
        The path of the report page, which a notebook shows.

    Raises:
        RefusedError: if something is wrong that can be found out before anything runs.
        InterpganError: if a step fails (a RecipeError at its place in the recipe), or the folder cannot be
            used.
    """
    plan = plan if isinstance(plan, Plan) else make_plan(Path(plan))
    store = Store(Path("out", plan.source.file.stem) if folder is None else Path(folder))
    # Without the lock, so that a recipe that is refused leaves no folder.
    loaded = rehearse(plan, decide(plan, store, fresh), store, device).loaded
    with store.locked():
        return Page(_Run(plan, store, device, fresh, progress, after_step, notice, loaded).run())


class _Run:
    def __init__(
        self,
        plan: Plan,
        store: Store,
        device: str | None,
        fresh: bool,
        progress: Progress,
        after_step: Callable[[StepReport], None],
        notice: Callable[[str], None],
        ahead: dict[int, Loaded],
    ) -> None:
        self.plan, self.store, self.device, self.fresh = plan, store, device, fresh
        self.progress, self.after_step, self.notice = progress, after_step, notice
        self.values: dict[int, Any] = {}
        self.ahead = ahead
        self.steps: list[dict[str, Any]] = []
        self.licences: list[str] = []
        self.generator: dict[str, Any] = {}
        self.made_on: str | None = None
        self.started = datetime.now(UTC)

    def run(self) -> Path:
        self._write("running")
        try:
            with suppress(OSError):
                (self.store.folder / ERRORS).unlink()  # of an earlier run
            self._steps()
            page = self._page("finished")
        except BaseException:
            with suppress(Exception):
                self._write("stopped")
                self._page("stopped")
            raise
        self._write("finished")
        return page

    def _page(self, status: str) -> Path:
        """Write the report as it stands; nothing of what was done is missing if the run is killed now."""
        page = self.store.folder / "report.html"
        write_page(page, self._manifest(status), self.store.folder)
        return page

    def _steps(self) -> None:
        self.store.arrange(self.plan.steps)
        decisions = decide(self.plan, self.store, self.fresh)
        last = {n: step.number for step in self.plan.steps for n in (*step.inputs.values(), step.generator)}
        for step, decision in zip(self.plan.steps, decisions, strict=True):
            ahead = self.ahead[step.number].seconds if step.number in self.ahead else 0
            began = time.perf_counter() - ahead
            try:
                record = self._do(step, decision)
            except Exception as error:
                raise self._explained(step, error) from error
            seconds = time.perf_counter() - began
            self._ended(step, decision, record, seconds)
            for number in [n for n in self.values if last.get(n, 0) <= step.number]:
                del self.values[number]  # nothing further down uses it
            while self.store.kept:
                kept = self.store.kept.pop(0).name
                self.notice(f"{kept}: you had changed something in this result, so it was kept")

    def _do(self, step: PlannedStep, decision: Decision) -> dict[str, Any]:
        """Bring about what is intended; the record of the step."""
        if decision.action == "run" and self.fresh:
            self.store.drop_scratch(step)
        if decision.action == "run" and not step.keeps:
            with self._remarks() as said:
                ahead = self.ahead.pop(step.number, None)
                said += ahead.remarks if ahead else []
                self._remember(step, ahead.result if ahead else self._result(step, None))
            self.store.drop_scratch(step)
            return {"remarks": said}
        if decision.action == "run":
            record: dict[str, Any] = {"key": step.key, "content": step.content, "reason": decision.reason}
            with self.store.writing(step, record) as folder:
                began = time.perf_counter()
                with self._remarks() as said:
                    result = self._result(step, folder)
                record |= {"remarks": said} if said else {}
                record["seconds"] = round(time.perf_counter() - began, 3)
                result.save(folder)
                if hasattr(result, "summary"):
                    result.summary().save(folder)
                self.made_on = self.device
                record |= {
                    "generator": self.generator,
                    "licences": self.licences,
                    "device": self.device,
                }
            self._remember(step, result)
            return record
        record = self.store.record(step)
        if decision.action in ("cached", "load"):
            # A run that loads no generator still says whose pictures these are.
            self.generator = self.generator or record.get("generator", {})
            self.made_on = self.made_on or record.get("device")
            self.licences += [text for text in record.get("licences", []) if text not in self.licences]
        if decision.action == "load":
            generator = self.values.get(step.generator)
            loaded = step.result.load(self.store.folder / step.folder, generator)  # type: ignore[attr-defined]
            self._remember(step, loaded.to(self._device()) if isinstance(loaded, Generator) else loaded)
        return record

    @contextmanager
    def _remarks(self) -> Iterator[list[str]]:
        """What is said meanwhile of the result, each sentence also at once to the person."""
        with remarks() as said:
            yield said
        for sentence in said:
            self.notice(sentence)

    def _remember(self, step: PlannedStep, result: Any) -> None:
        self.values[step.number] = result
        if isinstance(result, Generator) and not result.can_be_saved:
            self._refuse_unsaved(step, result)
        fingerprint = getattr(result, "fingerprint", None)
        if fingerprint:
            weights = getattr(step.operator, "weights", step.use)
            name = weights.name if isinstance(weights, Path) else str(weights)
            self.generator = {"fingerprint": fingerprint, "weights": name}
        licence = getattr(result, "licence", None)  # of a generator, or of another net
        if licence and licence not in self.licences:
            self.licences.append(licence)
            if not licence.startswith(FREE):
                self.notice(licence)

    def _refuse_unsaved(self, loaded: PlannedStep, generator: Generator) -> None:
        """Before anything else runs: does a later step keep a generator that is made of this one, which cannot be?"""
        for step in self.plan.steps:
            makes = isinstance(step.result, type) and issubclass(step.result, Generator)
            if makes and step.keeps and step.inputs.get("generator") == loaded.number:
                raise self.plan.source.error(
                    f"{step.use}: a {type(generator).__name__} cannot be saved, and this step keeps one that it makes "
                    "of it; take a generator of a family that can, or ask for it where its plugin comes from",
                    step.loc,
                )

    def _result(self, step: PlannedStep, folder: Path | None) -> Any:
        given: dict[str, Any] = {"device": self._device(), "progress": self._progress(step), "folder": folder}
        if "scratch" in type(step.operator).needs():
            given["scratch"] = self.store.scratch(step)
        return perform(self.plan, step, self.values, given)

    def _progress(self, step: PlannedStep) -> Progress:
        """The progress of one step, which says whose it is."""

        def named(
            items: Iterable[Any], total: int | None = None, what: str | Callable[[], str] = ""
        ) -> Iterable[Any]:
            def said() -> str:
                return f"{step.number}/{len(self.plan.steps)} {step.id}: {what() if callable(what) else what}"

            return self.progress(items, total=total, what=said)

        return named

    def _device(self) -> str:
        if self.device is None:
            self.device = default_device()
        return self.device

    def _explained(self, step: PlannedStep, error: Exception) -> InterpganError:
        """What went wrong in a step, at its place in the recipe."""
        self.store.check()
        if isinstance(error, RecipeError):
            return error
        if isinstance(error, InterpganError):
            said = f"{step.use}: {error}"
        elif _out_of_memory(error):
            size = getattr(step.operator, "batch_size", 1)
            cure = (
                f"lower 'batch_size', which is {size}"
                if size > 1
                else "use fewer samples or a smaller resolution"
            )
            said = f"{step.use}: out of memory; {cure}"
        else:
            # A mistake in an operator, not in the recipe: where to look, and whose it is.
            self.store.write(ERRORS, "".join(traceback.format_exception(error)))
            first = str(error).partition("\n")[0]
            said = (
                f"{step.use} failed: {type(error).__name__}: {first}; {report_to(step)}, "
                f"with {self.store.folder / ERRORS}"
            )
        return self.plan.source.error(said, step.loc)

    def _ended(
        self, step: PlannedStep, decision: Decision, record: Mapping[str, Any], seconds: float
    ) -> None:
        status = {"run": "ran", "load": "cached", "cached": "cached", "skip": "skipped"}[decision.action]
        folder = self.store.folder / step.folder if step.keeps else None
        if status == "cached":
            seconds = float(record.get("seconds", 0))
        report = StepReport(
            step.number, step.id, step.use, status, decision.reason, round(seconds, 3), folder
        )
        self.steps.append(
            {
                "number": step.number,
                "id": step.id,
                "use": step.use,
                "parameters": step.written,
                "key": step.key,
                "status": status,
                "reason": decision.reason,
                "seconds": report.seconds,
                "folder": step.folder if folder else None,
                "result": step.result.__name__,
                "files": record.get("files", []),
                "remarks": record.get("remarks", []),
            }
        )
        self._write("running")
        if folder and (folder / "report.json").exists():
            self._page("running")
        self.after_step(report)
        for hook in plugins().hooks.hook.interpgan_after_step.get_hookimpls():
            try:
                hook.function(report)
            except Exception:
                log.exception("plugin %s failed after step %s", hook.plugin_name, step.id)

    def _write(self, status: str) -> None:
        text = json.dumps(self._manifest(status), indent=1, ensure_ascii=False, default=str)
        self.store.write("run.json", text)

    def _manifest(self, status: str) -> dict[str, Any]:
        return manifest(
            self.plan,
            status=status,
            started=self.started,
            device=self.made_on,
            licences=self.licences,
            generator=self.generator,
            steps=self.steps,
        )


def _out_of_memory(error: Exception) -> bool:
    # torch has a class of its own for graphics memory, and none for the computer's.
    return isinstance(error, MemoryError) or any(
        words in f"{type(error).__name__}: {error}" for words in ("OutOfMemoryError", "can't allocate memory")
    )
