"""A Ray cluster: one that is running, or one for the time of a task."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from interpgan_core import InterpganError


@contextmanager
def joined(address: str | None, cpus: int | None) -> Iterator[None]:
    """Be part of a cluster; a connection that there is already is used, and left open.

    Args:
        address: of a cluster that is running; None: start one on this machine, for nobody but this process.
        cpus: of the one that is started; None: those of the machine.

    Raises:
        InterpganError: if there is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is None:
        # Ray listens on the network and runs what it is sent; only processes that have this token may send.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    if ray.is_initialized():
        yield
        return
    where = {"num_cpus": cpus, "include_dashboard": False} if address is None else {"address": address}
    with _own_signals():
        try:
            ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # of no common kind
            said = str(error).partition("\n")[0]
            advice = "see that it has room for one" if address is None else "start it, or leave out address"
            raise InterpganError(
                f"there is no Ray cluster to be had at {address or 'this machine'}: {said}; {advice}"
            ) from error
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _own_signals() -> Iterator[None]:
    """Ray would end this process on SIGTERM without a message; the program that runs it decides that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
