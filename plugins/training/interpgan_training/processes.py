"""A training job in one process or in several: torchrun starts them, accelerate joins them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from interpgan_core import Generator, ImageSet, InterpganError, Progress
from interpgan_training.job import STATE, TrainingJob, report, train
from interpgan_training.log import PLOTS, Plots
from interpgan_training.process_group import AcceleratedGroup
from interpgan_training.settings import GROUP

JOB, SEEN, OUTPUT = "job.json", "seen", "processes.log"


def run_job(
    job: TrainingJob,
    data: ImageSet,
    start: Generator | None,
    processes: int,
    device: str,
    folder: Path,
    scratch: Path,
    progress: Progress,
    plots: Plots = PLOTS,
) -> Generator:
    """Train, in one process or in several, and write the report.

    Args:
        job, data, start, device, scratch, progress, plots: as in `job.train`.
        processes: how many train together.
        folder: takes the report.

    Returns:
        The generator of averaged weights, with its discriminator.

    Raises:
        InterpganError: if batches cannot be shared among the processes, accelerate is not installed, a process
            failed, the data does not fit, or a loss is not finite.
    """
    if job.settings.batch_size % (GROUP * processes):
        raise InterpganError(
            f"{processes} processes need batches of a multiple of {GROUP * processes}, not "
            f"{job.settings.batch_size}; change batch_size"
        )
    if processes > 1:
        train_together(job, data, start, processes, device, scratch, progress)
    made = train(job, data, start, device, scratch, progress, plots=plots)
    report(job, scratch, folder, plots)
    return made


def train_together(
    job: TrainingJob,
    data: ImageSet,
    start: Generator | None,
    processes: int,
    device: str,
    scratch: Path,
    progress: Progress,
) -> None:
    """Have several processes train, and wait for them; the checkpoint that they leave is the result.

    Args:
        job, data, start, device, scratch, progress: as in `job.train`.
        processes: how many.

    Raises:
        InterpganError: if accelerate is not installed, or a process failed; the message quotes its output.
    """
    try:
        import accelerate  # noqa: F401
    except ImportError as error:
        raise InterpganError(
            "several processes need accelerate; run: pip install 'interpgan-training[several]'"
        ) from error
    folder = scratch / "data"
    if not (folder / "known.safetensors").exists():
        folder.mkdir(exist_ok=True)
        data.save(folder)
    if start is not None:
        start.save(scratch)
    (scratch / JOB).write_text(json.dumps(job.to_json()), encoding="utf-8")
    (scratch / SEEN).unlink(missing_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += ["-m", "interpgan_training.processes", str(scratch), device]
    with (scratch / OUTPUT).open("w") as output:
        running = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            shown = range(job.pictures)
            for _ in progress(_seen(scratch, running), total=len(shown), what="training, pictures"):
                pass
        finally:
            running.terminate()
            running.wait()
    if running.returncode not in (0, -15) or not (scratch / STATE).exists():
        last = (scratch / OUTPUT).read_text(errors="replace").strip().splitlines()[-1:]
        raise InterpganError(
            f"a training process failed: {' '.join(last)}; all its output is in {scratch / OUTPUT}"
        )


def _seen(scratch: Path, running: subprocess.Popen[bytes]) -> Iterator[int]:
    """Every picture that the processes have seen, until they end."""
    done = 0
    while running.poll() is None:
        time.sleep(0.2)
        text = (scratch / SEEN).read_text() if (scratch / SEEN).exists() else ""
        now = int(text or done)
        yield from range(done, now)
        done = max(done, now)


def main(scratch: Path, device: str) -> None:
    """What each process does."""
    from datetime import timedelta

    from accelerate import Accelerator, InitProcessGroupKwargs

    # A process that is lost must end the others soon, so that the run can be started again.
    patience = InitProcessGroupKwargs(timeout=timedelta(seconds=120))
    accelerator = Accelerator(cpu=device == "cpu", kwargs_handlers=[patience])
    job = TrainingJob.from_json(json.loads((scratch / JOB).read_text("utf-8")))

    def count(items: range, total: int | None = None, what: str = "") -> Iterator[int]:
        for number in items:
            if accelerator.is_main_process and number % 64 == 0:
                (scratch / SEEN).write_text(str(number))
            yield number

    where, begun = str(accelerator.device), (scratch / "generator.safetensors").exists()
    start = Generator.load(scratch).to(where) if begun else None
    process_group = AcceleratedGroup(accelerator)
    train(job, ImageSet.load(scratch / "data"), start, where, scratch, count, process_group)
    accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
