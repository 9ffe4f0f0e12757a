"""Recipes: read, checked, planned, run, and kept."""
