"""Images, folders and data sets in, purified ones out."""

__all__ = []
