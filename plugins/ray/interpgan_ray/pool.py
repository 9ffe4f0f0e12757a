"""Workers that share the parts of a task, and what to do when they are lost."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import ray
import torch
from ray.exceptions import RayActorError, RayTaskError

from interpgan_core import InterpganError

T = TypeVar("T")
R = TypeVar("R")

RETRIES = 5  # of a part, on workers that are lost


class Worker:
    """An actor that does parts of one task.

    Args:
        threads: of torch; with another number, sums may round another way.
    """

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        self.work: Callable[[Any], Any] | None = None

    def ready(self) -> None:
        """Answers as soon as the worker has been started."""

    def do(self, sent: list[Any], part: Any) -> Any:
        """One part of the work in the object store: fetched once, and again by the worker that replaces a lost one."""
        if self.work is None:
            self.work = ray.get(sent[0])
        return self.work(part)


def answers(work: Callable[[T], R], parts: Sequence[T], workers: int | None) -> Iterator[R]:
    """Have a pool of workers do every part; each gets a new one when it has done one.

    Args:
        work, parts: as in `Engine.map`.
        workers: how many; None: one for each GPU where this process uses one, for each CPU otherwise.

    Yields:
        What `work` returns, as it is ready.

    Raises:
        InterpganError: as in `RayEngine.map`.
    """
    gpus = int(torch.cuda.is_initialized())
    count = workers or int(ray.cluster_resources().get("GPU" if gpus else "CPU", 1))
    options = {"num_cpus": 1, "num_gpus": gpus, "max_restarts": -1, "max_task_retries": RETRIES}
    actor: Any = ray.remote(Worker).options(**options)
    sent = [_sent(work)]  # in a list: Ray would fetch what stands by itself for every part
    pool = [actor.remote(torch.get_num_threads()) for _ in range(min(count, len(parts)))]
    try:
        yield from _shared(pool, sent, parts)
    finally:
        for worker in pool:
            ray.kill(worker)


def _shared(pool: Sequence[Any], sent: list[Any], parts: Iterable[Any]) -> Iterator[Any]:
    """Keep every worker busy with one part at a time."""
    # A worker that finds no room in the cluster is never ready, and nobody waits for it.
    starting = {worker.ready.remote(): worker for worker in pool}
    busy: dict[Any, Any] = {}
    waiting = deque(parts)
    while waiting or busy:
        (done,), _ = ray.wait([*busy, *starting])
        answer = _answer(done)
        began = done in starting
        worker = starting.pop(done) if began else busy.pop(done)
        if waiting:
            busy[worker.do.remote(sent, waiting.popleft())] = worker
        if not began:
            yield answer


def _sent(work: Any) -> Any:
    """The work in the object store, from where every worker takes it."""
    for thing in (work, *getattr(work, "__dict__", {}).values()):
        package = type(thing).__module__.partition(".")[0]
        if not any(finder.find_spec(package, None) for finder in sys.meta_path):
            # Of a plugin that is not installed: workers cannot import it, so its code goes along.
            ray.cloudpickle.register_pickle_by_value(sys.modules[package])
    try:
        return ray.put(work)
    except Exception as error:
        raise InterpganError(
            f"it cannot be sent to other processes: {error.__cause__ or error}; use engine: local, or have "
            "the author of the scorer or the generator make it fit to be pickled"
        ) from error


def _answer(done: Any) -> Any:
    try:
        return ray.get(done)
    except RayTaskError as error:
        raise error.cause from error
    except RayActorError as error:
        raise InterpganError(
            f"workers cannot start, or are lost again and again: {error}; see that their machines have the same "
            "packages and enough memory, or use fewer workers"
        ) from error
