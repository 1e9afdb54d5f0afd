"""Purifiers by name, as an evaluation asks for them."""

__all__ = []
