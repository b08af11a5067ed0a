"""`python -m bot` is `handreiking`."""

from bot.cli import main

main()
