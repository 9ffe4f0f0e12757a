"""Filters of a layer in groups: found by a mixture, named by a segmenter."""
