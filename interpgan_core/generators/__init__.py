"""Generators, the codes that they draw, directions in their spaces, and their files."""
