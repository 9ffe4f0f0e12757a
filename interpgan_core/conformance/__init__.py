"""The promises that operators and generators keep, each a function that raises AssertionError."""
