"""What a recipe makes a poison from: images, keys, and how to train networks.

A recipe has `build(context) -> Poison`. `Context` lists all that it may ask for; one
that trains the classifiers of a config is `experiments.poisoning.context`. Recipes
without a network need its images, keys and `over` alone.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from jax import Array

from purifax.poison.budget import Budget
from purifax.poison.injection import Poison
from purifax.types import Model, Purifier

__all__ = ["Context", "Contrastive", "Images", "Optimiser", "Trainer"]

F = TypeVar("F", bound=Callable[..., Any])


class Images(Protocol):
    """Labelled images, such as `purifax.data.Images`.

    Attributes:
        images: uint8 [N, H, W, C].
        labels: int [N].
        index: int [N], their positions in the published split.
        names: of the classes.
    """

    images: Any
    labels: Any
    index: Any
    names: Sequence[str]

    def __len__(self) -> int: ...

    def take(self, positions: Any) -> "Images":
        """The images at some positions, in this order."""
        ...


class Trainer(Protocol):
    """Trains classifiers of the victim's kind.

    A state is what a training goes on from. A network is `x -> logits`, a pytree.

    Attributes:
        classes: outputs of a network.
        batch: images of a step.
        augment: `(key, x) -> x`, the victim's crops and flips.
    """

    classes: int
    batch: int
    augment: Callable[[Array, Array], Array]

    def start(self, seed: int) -> Any:
        """The state before the first step."""
        ...

    def step(self, seed: int, number: int, state: Any, x: Any, targets: Any) -> Any:
        """The state after a step on images in [0, 1] and probabilities [N, K]."""
        ...

    def network(self, state: Any) -> Any:
        """The network of a state."""
        ...

    def fit(
        self,
        images: Any,
        seed: int,
        change: Any = ...,
        snapshots: int = 0,
        *,
        begun: Any = None,
        steps: int | None = None,
    ) -> list[Any]:
        """The networks at even distances of a training, the last one last.

        Args:
            change: what each batch goes through, as of `adversarial_training`.
            begun: a network to go on from.
            steps: fewer than the victim's.
        """
        ...

    def predictions(self, network: Any, images: Any) -> Any:
        """The classes answered for uint8 images, [N]."""
        ...


class Contrastive(Protocol):
    """A network that learns to recognise an image in two views of it.

    Attributes:
        network: `x -> projection [D]`, a pytree; another after every step.
        agreement: `(key, images, network) -> []`, the self-supervised loss of a batch.
    """

    network: Any
    agreement: Callable[..., Array]

    def step(self, key: Array, x: Any) -> None:
        """Learn from a batch of images in [0, 1]."""
        ...


class Optimiser(Protocol):
    """An optimiser of any pytree of numbers."""

    def init(self, params: Any) -> Any:
        """The moments before the first step."""
        ...

    def step(self, params: Any, slope: Any, moments: Any) -> tuple[Any, Any]:
        """Parameters and moments after a step."""
        ...


class Context(Protocol):
    """What a recipe of a poison is built with.

    Attributes:
        images: the victim's, clean; those that may be poisoned.
        other: public clean images, which neither victim nor defender has.
        test: clean test images, among which are the targets of targeted poisons.
        classes: how many there are, K.
        shape: of one image.
        chunk: images that are worked on at once.
        last_layer: whether the victim trains no more than a new last layer.
        seed: of the poison.
        surrogate_seed: of the networks that it is made against.
        similarity: `(x, y) -> []`, the structural similarity of two images.
    """

    images: Images
    other: Images | None
    test: Images | None
    classes: int
    shape: tuple[int, ...]
    chunk: int
    last_layer: bool
    seed: int
    surrogate_seed: int
    similarity: Callable[[Array, Array], Array]

    def key(self, role: str) -> Array:
        """The key of all that a poison draws in one role; roles are free words."""
        ...

    def rng(self, *numbers: int) -> Any:
        """A NumPy generator, of the seed and more numbers."""
        ...

    def compiled(self, fn: F) -> F:
        """The same function, compiled: `jax.jit` or another."""
        ...

    def over(
        self, fn: Any, key: Array, index: Any, *rows: Any, chunk: int | None = None
    ) -> Any:
        """`fn(key_i, *row_i)` of all rows, each with the key of its index; on devices.

        Args:
            index: int [N].
            chunk: rows at once, if not as many as the context is set to.

        Returns:
            An array of the host.
        """
        ...

    def joined(self, one: Images, other: Images) -> Images:
        """Both, one after the other, as one set."""
        ...

    def batches(self, images: Images, size: int) -> Callable[[int], tuple[Any, Any]]:
        """`batches(step)`, images, uint8, and labels of a step; epoch after epoch."""
        ...

    def trainer(self, white_box: bool = True) -> Trainer:
        """Of surrogates: of the victim's kind, as far as it is known.

        Args:
            white_box: whether the network that the victim starts from is known.
        """
        ...

    def adversarial_training(self, radius: float, step_sizes: Array) -> Any:
        """The `change` of `Trainer.fit` that makes of a batch adversarial examples."""
        ...

    def features(self, network: Any) -> Model:
        """`(key, x) -> [D]`, what goes into the last layer."""
        ...

    def blocks(self, network: Any) -> Callable[..., Sequence[Array]]:
        """`(key, x) -> parts`, what the parts of a network give, features last."""
        ...

    def learning(self, network: Any) -> tuple[Any, Any]:
        """Its parameters, and `(params, key, x, label) -> []`, the loss of an image."""
        ...

    def outputs(self, network: Any) -> tuple[Any, Any]:
        """Its parameters, and `(params, x) -> logits`."""
        ...

    def contrastive(self, width: int, steps: int) -> Contrastive:
        """A new network with `width` outputs, for a training of so many steps."""
        ...

    def image_network(self, name: str, **fields: Any) -> Any:
        """A new network `(x, sigma) -> like x` of `purifax.nets`, a pytree."""
        ...

    def adam(self, learning_rate: float) -> Optimiser:
        """Adam, as of `optax`."""
        ...

    def view(self, against: str, whole: bool, exact: bool) -> Purifier:
        """What a network is shown of an image by a victim with a defence.

        Args:
            against: name of the defence.
            whole: its purifier of the set too, not its change of batches alone.
            exact: the gradient goes through that purifier; else it is the identity's.
        """
        ...

    def array(self, path: str, name: str) -> Any:
        """An array of an .npz file."""
        ...

    def read(self, path: str, threat: Budget, **how: Any) -> Poison:
        """The poison that a file holds, see `purifax.data.foreign_poisons`."""
        ...
