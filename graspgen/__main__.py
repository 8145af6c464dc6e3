"""`python -m graspgen` is the command line."""

from graspgen.cli.main import main

if __name__ == "__main__":
    main()
