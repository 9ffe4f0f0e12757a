"""Tiny checkpoints of StyleGAN 1, 2 and 3, as their publishers lay them out, for tests and examples."""
