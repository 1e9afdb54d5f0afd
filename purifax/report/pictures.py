"""The images that an evaluation shows, and the classes predicted for them."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Pictures"]


@dataclass(frozen=True)
class Pictures:
    """Images to show, the same P in every field.

    Attributes:
        clean, attacked, purified: float [P, H, W, C] in [0, 1]; `purified` is one
            purification sample of the attacked image.
        label: int [P].
        clean_class, attacked_class, purified_class: int [P], what the classifier alone
            predicts for each image as it is shown.
        attack: the title of the attack.
        names: of the classes; numbers if empty.
        film: float [F, K, H, W, C], the first F images after each of the K `steps` of
            one purification sample; not shown where `steps` is empty.
    """

    clean: np.ndarray
    attacked: np.ndarray
    purified: np.ndarray
    label: np.ndarray
    clean_class: np.ndarray
    attacked_class: np.ndarray
    purified_class: np.ndarray
    attack: str = ""
    names: tuple[str, ...] = ()
    film: np.ndarray | None = None
    steps: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        shape = np.shape(self.clean)
        if len(shape) != 4 or shape[3] not in (1, 3) or shape[0] == 0:
            raise ValueError(
                f"pictures must be [P, H, W, 1 or 3] with P > 0; got shape {shape}."
            )
        for name in ("attacked", "purified"):
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(f"pictures: `{name}` is not of shape {shape}.")
        for name in ("label", "clean_class", "attacked_class", "purified_class"):
            if np.shape(getattr(self, name)) != shape[:1]:
                raise ValueError(f"pictures: `{name}` is not of shape {shape[:1]}.")
        if self.steps:
            film = () if self.film is None else np.shape(self.film)
            if film[1:] != (len(self.steps), *shape[1:]):
                raise ValueError(
                    f"pictures: `film` must be [F, {len(self.steps)}] images, one "
                    f"after each of `steps`; got shape {film}."
                )
