"""Mutants: does a test notice when a formula, a number or a comparison is another? `make mutants` runs this.

A mutant is one module with one change of cosmic-ray's operators, such as `+` in place of `-`, or 3 in place of 2. It
is never written to disk: each is a fork of one process that has imported torch, where the changed module is imported
in place of its own, and where the tests run that `mutants.txt` names for the module. Those that no test notices
survive, and are printed as a table.

    python tests/mutants.py interpgan_core/generators/directions.py    all mutants of a module
    python tests/mutants.py --minutes 20 --seed 7                      a sample of all modules
"""

import argparse
import ast
import contextlib
import gc
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "tests/mutants.txt"
EQUIVALENT = ROOT / "tests/mutants_equivalent.txt"
OPERATORS = [
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "Pow_Mul")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("FloorDiv_Mul", "Mod_FloorDiv")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("BitAnd_BitOr", "BitOr_BitAnd")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_Gt")),
    *(
        f"ReplaceComparisonOperator_{pair}"
        for pair in ("Gt_Lt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")
    ),
    *(f"ReplaceUnaryOperator_{pair}" for pair in ("Delete_USub", "Delete_Not", "Delete_Invert")),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ReplaceContinueWithBreak", "NumberReplacer", "ZeroIterationForLoop"),
]
SLOWER = 5  # times as long as without a change: such a mutant hangs, which is noticed
IMPORTED_ONCE = (
    "numpy",
    "torch",
    "PIL.Image",
    "pydantic",
    "pytest",
    "hypothesis",
    "scipy.linalg",
    "scipy.optimize",
    "sklearn.svm",
    "sympy",
    "torch._dynamo",
    "torch.distributed.tensor",
)


@dataclass(frozen=True)
class Mutant:
    """A module, the line of its change, and that line before and after."""

    module: str
    line: int
    before: str
    after: str
    source: str

    @property
    def words(self) -> str:
        return f"{self.module}:{self.line}: `{self.before}` -> `{self.after}`"


def table() -> dict[str, list[str]]:
    """Module -> the tests that belong to it, from `mutants.txt`."""
    found: dict[str, list[str]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            module, _, tests = line.partition(":")
            found[module.strip()] = tests.split()
    return found


def equivalent() -> dict[str, str]:
    """What a line would become -> why nothing can notice it, from `mutants_equivalent.txt`."""
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines()
    pairs = (line.rsplit(" # ", 1) for line in lines if line.strip() and not line.startswith("#"))
    return {words.strip(): reason for words, reason in pairs}


def mutants(module: str) -> list[Mutant]:
    """All of one module, without those that change annotations alone, or what is known to change nothing."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    source = (ROOT / module).read_text(encoding="utf-8")
    lines, passed_over, known = source.splitlines(), set(unions(source)), equivalent()
    found = []
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        places = [p for node in ast_nodes(get_ast(source)) for p in operator.mutation_positions(node)]
        for occurrence, ((line, column), _) in enumerate(places):
            changed = mutate_code(source, operator, occurrence)
            if changed is None or (line, column) in passed_over:
                continue
            after = changed.splitlines()
            first = next(
                (i for i, pair in enumerate(zip(lines, after, strict=False)) if pair[0] != pair[1]), None
            )
            if first is None:
                continue
            one = Mutant(module, first + 1, lines[first].strip(), after[first].strip(), changed)
            if f"{module}: {one.after}" not in known:
                found.append(one)
    return sorted(found, key=lambda one: one.line)


def unions(source: str) -> Iterator[tuple[int, int]]:
    """Places of the `|` of annotations, which say nothing to a program that runs."""
    for node in ast.walk(ast.parse(source)):
        notes = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for part in (part for note in notes if note is not None for part in ast.walk(note)):
            if isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr):
                line = source.splitlines()[part.left.end_lineno - 1]
                yield part.left.end_lineno, line.index("|", part.left.end_col_offset)


class Changed(importlib.machinery.SourceFileLoader):
    """Loads a module from another text than that of its file."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self.source = source

    def get_code(self, fullname: str) -> object:
        return compile(self.source, self.path, "exec", dont_inherit=True)


class Finder:
    """Finds one module changed, and no other."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant, self.name = mutant, name_of(mutant.module)

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        if name != self.name:
            return None
        file = str(ROOT / self.mutant.module)
        return importlib.util.spec_from_file_location(
            name, file, loader=Changed(name, file, self.mutant.source)
        )


def name_of(module: str) -> str:
    """The name that a module is imported by."""
    parts = Path(module).with_suffix("").parts
    parts = parts[2:] if parts[0] == "plugins" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def started(tests: list[str], mutant: Mutant | None) -> int:
    """The number of a process that runs the tests; its exit status is pytest's."""
    process = os.fork()
    if process:
        return process
    os.setpgid(0, 0)
    silent = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(silent, number)
    if mutant:
        sys.meta_path.insert(0, Finder(mutant))
    import pytest

    options = [
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-p",
        "no:unraisableexception",  # it collects garbage five times, which takes longer than most tests
        "-W",
        "ignore",
        "-m",
        "not long and not slow and not network",
    ]
    code: int = 1
    with contextlib.suppress(BaseException):
        os.chdir(ROOT)
        code = int(pytest.main([*options, *tests]))
    os._exit(code)


class Runner:
    """Runs mutants, as many at once as there are processors."""

    def __init__(self, deadline: float) -> None:
        self.deadline, self.running = deadline, dict[int, tuple[Mutant, float]]()
        self.killed, self.survivors = Counter[str](), list[Mutant]()

    def add(self, mutant: Mutant, tests: list[str], seconds: float) -> None:
        while len(self.running) >= (os.cpu_count() or 1):
            self.wait()
        self.running[started(tests, mutant)] = mutant, time.monotonic() + SLOWER * seconds + 5

    def wait(self) -> None:
        """Until one has ended, or was ended."""
        while True:
            for process, (mutant, until) in list(self.running.items()):
                ended, status = os.waitpid(process, os.WNOHANG)
                if not ended and time.monotonic() > until:
                    os.killpg(process, signal.SIGKILL)
                    ended, status = os.waitpid(process, 0)
                if ended:
                    del self.running[process]
                    if status:
                        self.killed[mutant.module] += 1
                    else:
                        self.survivors.append(mutant)
                        print("survived ", mutant.words, flush=True)
                    return
            time.sleep(0.02)

    def rest(self) -> None:
        while self.running:
            self.wait()


def seconds_of(tests: list[str]) -> float:
    """How long the tests take without a change; they must pass."""
    began = time.monotonic()
    _, status = os.waitpid(started(tests, None), 0)
    if status:
        raise SystemExit(f"without any change these fail: {' '.join(tests)}")
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="of mutants.txt; none: a sample of all")
    parser.add_argument("--seed", type=int, help="of the sample and of the order; printed when left out")
    parser.add_argument("--minutes", type=float, default=20.0, help="after which no further mutant is begun")
    chosen = parser.parse_args()
    known = table()
    for module in chosen.modules:
        if module not in known:
            raise SystemExit(f"{module} is not in {TABLE.name}; add a line with the tests that belong to it")
    for name in IMPORTED_ONCE:
        importlib.import_module(name)
    gc.freeze()  # what was imported is garbage in no fork
    seed = random.SystemRandom().randrange(10**6) if chosen.seed is None else chosen.seed
    print(f"seed {seed}", flush=True)
    order = [one for module in chosen.modules or known for one in mutants(module)]
    random.Random(seed).shuffle(order)
    runner, seconds = Runner(time.monotonic() + 60 * chosen.minutes), dict[str, float]()
    begun = Counter[str]()
    for mutant in order:
        if time.monotonic() > runner.deadline:
            break
        tests = known[mutant.module]
        if mutant.module not in seconds:
            seconds[mutant.module] = seconds_of(tests)
        runner.add(mutant, tests, seconds[mutant.module])
        begun[mutant.module] += 1
    runner.rest()
    print("\n| module | mutants | noticed | share |\n|---|---|---|---|")
    for module, count in sorted(begun.items()):
        noticed = runner.killed[module]
        print(
            f"| {module} | {count} of {sum(m.module == module for m in order)} | {noticed} | {noticed / count:.0%} |"
        )
    print("\n| survivor | before | after |\n|---|---|---|")
    for one in sorted(runner.survivors, key=lambda one: (one.module, one.line)):
        print(f"| {one.module}:{one.line} | `{one.before}` | `{one.after}` |")


if __name__ == "__main__":
    main()
