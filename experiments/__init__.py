"""Commands built on purifax: ``python -m experiments.<verb> --config=<name>``."""

__all__: list[str] = []
