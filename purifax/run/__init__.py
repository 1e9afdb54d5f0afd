"""A run on this machine: work directory, progress, stop, devices."""

__all__ = []
