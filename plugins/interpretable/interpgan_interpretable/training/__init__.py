"""The energy model of an interpretable layer, and the training of a generator with it."""
