"""The training of an interpretable layer with the energy model."""
