"""One file a command. Each has ``register(commands)`` and ``run(options) -> exit code``."""
