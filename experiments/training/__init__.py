"""Training networks: configs, objectives, the loop and its state."""

__all__ = []
