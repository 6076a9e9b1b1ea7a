"""Python client of Sotto: for bots, tests and people who script meetings."""
