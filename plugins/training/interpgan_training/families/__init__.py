"""How each family of GANs is built and trained."""
