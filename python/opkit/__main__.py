"""`python -m opkit` is the command `opkit`."""

from opkit.cli import main

if __name__ == "__main__":
    main()
