"""What holds for every test of the project."""

import gc

from hypothesis import settings

# Machines are shared, and the first example of a test imports what it needs: how long one takes says nothing.
settings.register_profile("interpgan", deadline=None)
settings.load_profile("interpgan")

gc.disable()  # while tests are collected: all of it stays


def pytest_collection_finish():
    """What was collected stays until the end: the collector need not look through it each time."""
    gc.freeze()
    gc.enable()
