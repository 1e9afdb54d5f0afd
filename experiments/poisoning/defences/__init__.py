"""Defences of training sets: one recipe each, of the kind `config.SET_DEFENCE`.

A config names one as "eclipse", "jpeg:75" (with the number that its recipe says) or
"jpeg:75+cutout:4", several in their order, or as the user's own, "package.module:Name":
a recipe, or a bare purifier `(key, x) -> x`, which is put on every image of the set.
`stage` says what a recipe is built from and where it acts, `plan` reads one apart.
"""

__all__ = []
