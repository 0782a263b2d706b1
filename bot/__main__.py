"""`python -m bot` is `ropewalk`."""

from bot.cli.main import main

if __name__ == "__main__":
    main()
