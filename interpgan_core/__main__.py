"""`python -m interpgan_core` is `interpgan-run`."""

from interpgan_core.cli import main

if __name__ == "__main__":
    main()
