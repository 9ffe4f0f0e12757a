"""Edits of samples by concepts, and the two baselines that the paper compares with."""
