"""The words that all rooms of Vitrine share."""

__version__ = "0.1.0"
