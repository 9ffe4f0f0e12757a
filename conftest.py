"""What holds for every test of the project."""

from hypothesis import settings

# Machines are shared, and the first example of a test imports what it needs: how long one takes says nothing.
settings.register_profile("interpgan", deadline=None)
settings.load_profile("interpgan")
