"""Edits of an interpretable layer, and the baselines that it is compared with."""
