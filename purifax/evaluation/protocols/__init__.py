"""Published protocols: one file each, with a docstring and ``protocol(config)``.

A protocol keeps the images, networks, threat and purifier of an evaluation and replaces
what is done to them: the attacks, their budgets, and how many keys answer. A user's own
is a file like these, named by its path.
"""

__all__ = []
