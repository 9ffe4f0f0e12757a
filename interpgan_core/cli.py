"""`interpgan-run`."""

from __future__ import annotations

import json
import re
import signal
import sys
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import click

from interpgan_core.errors import InterpganError, RefusedError, did_you_mean

if TYPE_CHECKING:
    from interpgan_core.hookspecs import StepReport
    from interpgan_core.plugins import Provided

# Everything else is imported when it is needed: --help must not wait.


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("recipe", required=False, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Output folder.  [default: out/<recipe>]")
@click.option("--set", "overrides", multiple=True, metavar="STEP.PARAM=VALUE", help="Change a parameter.")
@click.option("--dry-run", is_flag=True, help="Check everything and say what would run, and why.")
@click.option("--fresh", is_flag=True, help="Run every step again.")
@click.option(
    "--device", metavar="[cpu|cuda|cuda:N|mps]", callback=lambda _context, _option, value: _device(value),
    help="[default: cuda where there is one]",
)  # fmt: skip
@click.option(
    "--plugin",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Add a plugin: a .py file or a package folder.",
)
@click.option(
    "--list", "listing", is_flag=False, flag_value="all",
    metavar="[operators|backbones|models|engines|encoders|OPERATOR]",
    help="Show what is installed, or what an operator takes.",
)  # fmt: skip
@click.option(
    "--inspect", "inspected", type=click.Path(path_type=Path), metavar="FILE",
    help="Say what a file of weights or directions, or a named model, is.",
)  # fmt: skip
@click.option("--schema", is_flag=True, help="Print the JSON Schema of recipes, for completion in editors.")
@click.version_option(package_name="interpgan-core", prog_name="interpgan-run")
def command(
    recipe: Path | None,
    out: Path | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    fresh: bool,
    device: str | None,
    files: tuple[Path, ...],
    listing: str | None,
    inspected: Path | None,
    schema: bool,
) -> None:
    """Run RECIPE, a YAML file that chains edits of a pretrained GAN.

    Results are kept in the output folder: a step that has not changed is not run again, and a run that was
    stopped goes on where it was. The report is report.html in there.
    """
    from interpgan_core.plugins import plugins

    for file in files:
        plugins().add_file(file)
    if listing:
        _list(listing)
    elif inspected:
        from interpgan_core.loading.inspection import inspect

        facts = inspect(inspected)
        width = max(14, *map(len, facts))
        for label, fact in facts.items():
            click.echo(f"{label:{width}} {fact}")
    elif schema:
        from interpgan_core.recipes.schema import recipe_schema

        click.echo(json.dumps(recipe_schema(), indent=1))
    elif recipe is None:
        raise click.UsageError("name a recipe, such as recipes/quickstart.yaml; --help says more")
    else:
        _run(recipe, out or Path("out", recipe.stem), overrides, dry_run, fresh, device)


def _device(name: str | None) -> str | None:
    """A device by name; whether torch has it here is found out when the first generator is loaded onto it."""
    if name is not None and not re.fullmatch(r"cpu|mps|cuda(:\d{1,3})?", name):
        raise click.BadParameter(f"'{name}' is none; write cpu, cuda, cuda:1 or mps")
    return name


def _run(
    recipe: Path, out: Path, overrides: tuple[str, ...], dry_run: bool, fresh: bool, device: str | None
) -> None:
    from interpgan_core.machine import use_the_machine_well

    use_the_machine_well()
    from interpgan_core.files.downloads import nothing_fetched
    from interpgan_core.recipes import runner
    from interpgan_core.recipes.cache import decide
    from interpgan_core.recipes.plan import make_plan
    from interpgan_core.recipes.rehearsal import rehearse
    from interpgan_core.recipes.store import Store

    plan = make_plan(recipe, overrides)
    if dry_run:
        decisions = decide(plan, Store(out), fresh)
        with nothing_fetched():
            absent = rehearse(plan, decisions, Store(out), device or "cpu").absent
        for step, decision in zip(plan.steps, decisions, strict=True):
            because = f" ({decision.reason})" if decision.reason else ""
            click.echo(f"{step.number:3} {step.id:20} {_WOULD[decision.action]}{because}")
        for sentence in absent:
            click.echo(f"{sentence}; what depends on it could not be checked")
        return

    def after_step(report: StepReport) -> None:
        why = report.reason and (report.folder or report.status == "skipped")
        because = f" ({report.reason})" if why else ""
        click.echo(
            f"{report.number:3}/{len(plan.steps)} {report.id:20} {report.status:7} "
            f"{report.seconds:7.2f} s{because}"
        )

    try:
        page = runner.run(
            plan, out, device=device, fresh=fresh, after_step=after_step,
            notice=lambda sentence: click.echo(sentence, err=True),
        )  # fmt: skip
    except RefusedError:
        raise
    except InterpganError as error:
        click.echo(error, err=True)
        sys.exit(1)
    click.echo(f"Report: {page}")


_WOULD = {"run": "would run", "load": "cached, would be read", "cached": "cached", "skip": "skipped"}


def _list(what: str) -> None:
    from interpgan_core.plugins import KINDS, plugins

    registry = plugins()
    if what in registry.operators:
        from interpgan_core.recipes.manual import manual

        click.echo(manual(what))
        return
    if what not in (*KINDS, "all"):
        hint = did_you_mean(what, (*KINDS, *registry.operators))
        raise click.UsageError(f"--list takes {', '.join(KINDS)}, the name of an operator, or nothing{hint}")
    for kind in KINDS if what == "all" else (what,):
        click.echo(f"{kind}:")
        offered = sorted(getattr(registry, kind).items())
        rows = [(name.ljust(27), p.origin, *_facts(kind, p)) for name, p in offered]
        widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
        for row in rows:
            columns = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
            click.echo("  " + "  ".join(columns).rstrip())
    for broken in registry.broken:
        click.echo(f"cannot be used: {broken.plugin} ({broken.origin}): {broken.reason}", err=True)


def _facts(kind: str, provided: Provided) -> tuple[str, ...]:
    """Of an operator what it does; of a named model what is known without fetching it."""
    try:
        if kind == "operators":
            return (str(provided.load().__doc__ or "").strip().partition("\n")[0],)
        model = provided.load() if kind == "models" else None
        return (model.family, f"{model.resolution} px", model.data, model.licence) if model else ()
    except (InterpganError, AttributeError):  # it cannot be imported, or is a bare function
        return ()


def main() -> None:
    """The command: exit status 2 for a mistake in what was typed, 1 for a run that failed."""
    # A run that is asked to end says how to go on, as one that is interrupted does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        command.main(prog_name="interpgan-run", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped; run the same command again to go on", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except InterpganError as error:
        click.echo(error, err=True)
        sys.exit(2)
