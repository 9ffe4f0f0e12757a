"""Answers of the original code, and how a case of them is filled and compared; see the folder's own README."""
