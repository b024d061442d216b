"""The `vitrine` command as a module, for tests that start processes."""

from vitrine.command import main

if __name__ == "__main__":
    main()
