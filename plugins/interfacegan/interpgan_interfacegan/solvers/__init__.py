"""Linear models that separate samples by their scores, one kind a file; `solve.py` chooses among them."""
