"""Named ways to attack: one file each, with a docstring and ``protocol(config)``.

A protocol keeps the images, networks, threat and defence of an evaluation and replaces
what is done to them: the attacks, their budgets, and how many keys answer.
"""

__all__: list[str] = []
