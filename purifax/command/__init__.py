"""Command lines: flags, configs by name or path, overrides."""

__all__ = []
