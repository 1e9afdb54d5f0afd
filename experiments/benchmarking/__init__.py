"""Timing: what is measured, against what, and how it is reported."""

__all__ = []
