"""A helping hand, held out: messages about help to people who asked for them."""

__version__ = "0.1.0"
