"""Edges of one participant's transport: DTLS, its data channel, ICE and TURN credentials."""
