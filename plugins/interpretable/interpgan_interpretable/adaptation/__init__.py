"""An interpretable layer behind a layer of a frozen generator: found, trained, and read again."""
