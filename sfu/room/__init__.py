"""A room is data and pure transitions: state, commands, events, ``reduce``. No sockets, no packets."""
