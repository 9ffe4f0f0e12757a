"""A plugin for the tests of runs: operators that tell when they run, wait, fill the disk, or fail.

Each run of one appends its name to the file $RAN.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

from interpgan_core import EditOperator, Generator, InputFile, LatentBatch, Operator, Report, hookimpl
from interpgan_core.errors import InterpganError


def ran(name: str) -> None:
    with Path(os.environ["RAN"]).open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")


class Add(EditOperator):
    """Adds a number to the codes, slowly."""

    version: ClassVar[int] = int(os.environ.get("VERSION", 1))

    name: str = ""
    amount: float = 1
    seconds: float = 0

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        ran(self.name)
        time.sleep(self.seconds)
        return replace(batch, codes=batch.codes + self.amount)


class Carrying(Add):
    """The same, with a file that no parameter names."""

    def sources(self) -> Iterable[Path]:
        return (Path(os.environ["CARRIED"]),)


class Passing(Add):
    """The same, whose result is not kept."""

    keep: ClassVar[bool] = False


class Fill(Operator):
    """Writes files."""

    name: str = ""
    count: int = 1
    size: int = 100

    def run(self, batch: LatentBatch, folder: Path) -> Report:
        ran(self.name)
        for number in range(self.count):
            (folder / f"{number:03d}.bin").write_bytes(bytes([number % 256]) * self.size)
        return Report(notes=(f"{self.count} files",))


class Gate(EditOperator):
    """Waits until a file is there."""

    name: str = "gate"
    file: str

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        ran(self.name)
        while not Path(self.file).exists():
            time.sleep(0.01)
        return batch


class Patient(Operator):
    """Takes its time: leaves a mark in its scratch folder each time that it is run, and waits for a file."""

    file: str
    name: str = ""
    fails: bool = False

    def run(self, batch: LatentBatch, scratch: Path) -> Report:
        return Report(notes=(f"run {self.wait(scratch)} times",))

    def wait(self, scratch: Path) -> int:
        found = sorted(path.name for path in scratch.iterdir())
        (scratch / f"{self.name}{len(found) + 1}").mkdir()
        ran("found:" + ",".join(found))
        while not Path(self.file).exists():
            time.sleep(0.01)
        if self.fails:
            raise InterpganError("there is more to do; run it again")
        return len(found) + 1


class Forgotten(Patient):
    """The same, whose result is not kept."""

    keep: ClassVar[bool] = False

    def run(self, batch: LatentBatch, scratch: Path) -> LatentBatch:
        self.wait(scratch)
        return batch


class Read(EditOperator):
    """Adds the number in a file."""

    file: InputFile

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        ran("read")
        return replace(batch, codes=batch.codes + float(self.file.read_text()))


class Fail(EditOperator):
    """Fails in a way of one's choice."""

    way: Literal["sentence", "mistake", "memory", "tensor", "nothing", "in-place", "crash", "exit", "network"]
    batch_size: int = 1

    def apply(self, batch: LatentBatch, generator: Generator) -> LatentBatch:
        ran("fail")
        match self.way:
            case "sentence":
                raise InterpganError("there is no smile in these codes; choose other seeds")
            case "mistake":
                return replace(batch, codes=batch.codes / (1 // 0))
            case "memory":
                return replace(batch, codes=bytearray(2**62))
            case "tensor":
                return replace(batch, codes=batch.codes.new_empty(2**45))
            case "in-place":
                batch.codes.add_(1)
            case "crash":
                ctypes.string_at(0)
            case "exit":
                sys.exit("gone")
            case "network":
                raise ConnectionResetError("the server hung up")
        return batch if self.way == "in-place" else None


@hookimpl
def interpgan_operators() -> Mapping[str, str]:
    names = {
        "add": "Add",
        "carrying": "Carrying",
        "passing": "Passing",
        "fill": "Fill",
        "gate": "Gate",
        "patient": "Patient",
        "forgotten": "Forgotten",
        "read": "Read",
        "fail": "Fail",
    }
    return {f"lab.{name}": f"lab:{cls}" for name, cls in names.items()}


if "KILL_AT" in os.environ:
    # Ends this process at the n-th time that it changes the output folder; 0 only counts them.
    left = int(os.environ["KILL_AT"])

    def watch(event: str, details: tuple[object, ...]) -> None:
        global left
        if event not in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            return
        # rmtree names files by their folder's descriptor.
        path = str(details[0])
        if path.startswith(os.environ["OUT"]) or not path.startswith("/"):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            if left < 0:
                ran(event)

    sys.addaudithook(watch)
