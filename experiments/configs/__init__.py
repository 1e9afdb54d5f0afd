"""Named configs: one file each, with a docstring and a function ``config()``."""

__all__: list[str] = []
