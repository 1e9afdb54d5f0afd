"""From the outcomes of an evaluation to its summary, tables, page and figures."""

__all__ = []
