"""Measures of concepts, and of edits by concept."""
