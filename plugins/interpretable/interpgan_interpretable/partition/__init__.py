"""The filters of a layer in concepts: found by a mixture model, used, named after parts of the picture."""
