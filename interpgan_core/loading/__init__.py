"""From a name or a file to a generator or directions; what a file is, said without building it."""
