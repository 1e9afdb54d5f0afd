"""The evaluation engine: what is attacked, how it resumes, and what is found."""

__all__ = []
