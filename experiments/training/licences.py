"""Origin and licence of the images that shipped weights were trained on."""

__all__ = ["IMAGES", "WEIGHTS", "of"]

WEIGHTS = "Apache-2.0"
"""Of the weights, which are trained by this project: that of its code."""

IMAGES: dict[str, str] = {
    "digits": "Alpaydin and Kaynak, Optical Recognition of Handwritten Digits (UCI, "
    "1998), CC BY 4.0, in scikit-learn's copy, BSD 3-Clause",
    "mnist": "LeCun, Cortes and Burges, MNIST (1998), CC BY-SA 3.0",
    "fashion_mnist": "Xiao, Rasul and Vollgraf, Fashion-MNIST (Zalando SE, 2017), MIT",
    "cifar10": "Krizhevsky, CIFAR-10 (2009), published for research without a licence",
}
"""Of the sets of images, by name."""


def of(name: str) -> dict[str, str]:
    """The entry "licence" of a card.

    >>> of("mnist")["weights"]
    'Apache-2.0'
    """
    unknown = "of the set's owner; say here which it is before the weights are shared"
    return {"weights": WEIGHTS, "images": IMAGES.get(name, unknown)}
