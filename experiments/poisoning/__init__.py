"""Poisoned training sets, the defences against them, and the grid of both."""

__all__ = []
