"""What concepts look at, how consistent they are, and what edits of them change."""
