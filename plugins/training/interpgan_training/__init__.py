"""Trains GANs."""
