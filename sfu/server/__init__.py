"""Layer 3, the edges that people and operators reach: pages, signalling, metrics."""
