"""`python -m killpoint`: the command line. It never does anything of its own."""

from killpoint.cli import main

if __name__ == "__main__":
    main()
