"""Small studies that end in a picture."""

__all__ = []
