"""Pure policy: who sits in which seat, how large, who is speaking."""
