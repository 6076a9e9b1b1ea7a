"""Typed configuration: file, environment and secret files, checked before anything starts."""

from sfu.config.loader import load
from sfu.config.schema import Config

__all__ = ["Config", "load"]
