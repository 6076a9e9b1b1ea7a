"""The pure-Python forwarding plane: plain, obviously right, and the oracle of ``tests/plane``."""
