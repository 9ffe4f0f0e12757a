"""Training in several processes: torchrun starts them, accelerate joins them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from interpgan_core import Generator, ImageSet, InterpganError, Progress
from interpgan_training.session import STATE, Order, train
from interpgan_training.team import Accelerated

ORDER, SEEN, SAID = "order.json", "seen", "processes.log"


def together(
    order: Order,
    data: ImageSet,
    start: Generator | None,
    processes: int,
    device: str,
    scratch: Path,
    progress: Progress,
) -> None:
    """Have several processes train, and wait for them; the checkpoint that they leave is the result.

    Args:
        order, data, start, device, scratch, progress: as in `session.train`.
        processes: how many.

    Raises:
        InterpganError: if accelerate is not installed, or a process failed; the message quotes what it said.
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
    (scratch / ORDER).write_text(json.dumps(order.to_json()), encoding="utf-8")
    (scratch / SEEN).unlink(missing_ok=True)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command += ["-m", "interpgan_training.worker", str(scratch), device]
    with (scratch / SAID).open("w") as said:
        running = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        try:
            shown = range(order.pictures)
            for _ in progress(_seen(scratch, running), total=len(shown), what="training, pictures"):
                pass
        finally:
            running.terminate()
            running.wait()
    if running.returncode not in (0, -15) or not (scratch / STATE).exists():
        last = (scratch / SAID).read_text(errors="replace").strip().splitlines()[-1:]
        raise InterpganError(
            f"a training process failed: {' '.join(last)}; all it said is in {scratch / SAID}"
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
    order = Order.from_json(json.loads((scratch / ORDER).read_text("utf-8")))

    def tell(items: range, total: int | None = None, what: str = "") -> Iterator[int]:
        for number in items:
            if accelerator.is_main_process and number % 64 == 0:
                (scratch / SEEN).write_text(str(number))
            yield number

    where, begun = str(accelerator.device), (scratch / "generator.safetensors").exists()
    start = Generator.load(scratch).to(where) if begun else None
    team = Accelerated(accelerator)
    train(order, ImageSet.load(scratch / "data"), start, where, scratch, tell, team)
    accelerator.end_training()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
