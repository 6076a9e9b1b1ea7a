"""Sotto: group calls that the server cannot hear or see."""

__version__ = "0.1.0"
