"""The named sets: their classes, and their official archives with checksums."""

from dataclasses import dataclass

__all__ = ["SETS", "Archive", "Set"]


@dataclass(frozen=True)
class Archive:
    """One published file.

    Attributes:
        file: its name.
        checksum: `algorithm:digest`.
        addresses: in the order in which they are tried.
        megabytes: its size.
    """

    file: str
    checksum: str
    addresses: tuple[str, ...]
    megabytes: int


@dataclass(frozen=True)
class Set:
    """A named set.

    Attributes:
        classes: their names in the order of the labels.
        archives: the files that hold the set.
        tfds: the name under which TensorFlow Datasets prepares it.
        folder: the folder of its archives below the data directory, so that sets with
            files of the same names stay apart.
        splits: those that were published.
        by_hand: what to do where the archives cannot be downloaded by everybody.
    """

    classes: tuple[str, ...]
    archives: tuple[Archive, ...]
    tfds: str
    folder: str = ""
    splits: tuple[str, ...] = ("train", "test")
    by_hand: str = ""


def _toronto(file: str, checksum: str, megabytes: int) -> Archive:
    addresses = (
        f"https://www.cs.toronto.edu/~kriz/{file}",
        f"https://cave.cs.toronto.edu/kriz/{file}",
    )
    return Archive(file, checksum, addresses, megabytes)


def _idx(addresses: tuple[str, ...], *digests: str) -> tuple[Archive, ...]:
    files = (
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    )
    return tuple(
        Archive(file, f"md5:{digest}", tuple(at + file for at in addresses), 10)
        for file, digest in zip(files, digests, strict=True)
    )


def _one(at: str, file: str, digest: str, megabytes: int) -> Archive:
    return Archive(file, f"md5:{digest}", (at + file,), megabytes)


THREE = ("train", "validation", "test")

_GTSRB = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/"

CIFAR10_CLASSES = tuple(
    "airplane automobile bird cat deer dog frog horse ship truck".split()
)

CIFAR100_CLASSES = tuple(
    """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge
    bus butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud
    cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox
    girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man
    maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree
    pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
    road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
    streetcar sunflower sweet_pepper table tank telephone television tiger tractor train
    trout tulip turtle wardrobe whale willow_tree wolf woman worm
    """.split()
)

FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

SETS = {
    "cifar10": Set(
        CIFAR10_CLASSES,
        (
            _toronto(
                "cifar-10-python.tar.gz", "md5:c58f30108f718f92721af3b95e74349a", 170
            ),
        ),
        "cifar10",
    ),
    "cifar100": Set(
        CIFAR100_CLASSES,
        (
            _toronto(
                "cifar-100-python.tar.gz", "md5:eb9058c3a382ffc7106e4002c42a8d85", 169
            ),
        ),
        "cifar100",
    ),
    "mnist": Set(
        tuple("0123456789"),
        _idx(
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ),
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        "mnist",
        "mnist",
    ),
    "fashion_mnist": Set(
        FASHION_CLASSES,
        _idx(
            ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        "fashion_mnist",
        "fashion_mnist",
    ),
    "tiny_imagenet": Set(
        (),
        (
            Archive(
                "tiny-imagenet-200.zip",
                "md5:90528d7ca1a48142e341f4ef8d21d0de",
                ("http://cs231n.stanford.edu/tiny-imagenet-200.zip",),
                248,
            ),
        ),
        "tiny_imagenet",
    ),
    "svhn": Set(
        tuple("0123456789"),
        (
            _one(
                "http://ufldl.stanford.edu/housenumbers/",
                "train_32x32.mat",
                "e26dedcc434d2e4c54c9b2d4a06d8373",
                182,
            ),
            _one(
                "http://ufldl.stanford.edu/housenumbers/",
                "test_32x32.mat",
                "eb5a983be6a315427106f1b164d9cef3",
                64,
            ),
        ),
        "svhn_cropped",
        "svhn",
    ),
    "cinic10": Set(
        CIFAR10_CLASSES,
        (
            _one(
                "https://datashare.is.ed.ac.uk/bitstream/handle/10283/3192/",
                "CINIC-10.tar.gz",
                "6ee4d0c996905fe93221de577967a372",
                656,
            ),
        ),
        "cinic10",
        splits=THREE,
    ),
    "gtsrb": Set(
        tuple(f"{n:05d}" for n in range(43)),
        (
            _one(
                _GTSRB,
                "GTSRB-Training_fixed.zip",
                "513f3c79a4c5141765e10e952eaa2478",
                187,
            ),
            _one(
                _GTSRB,
                "GTSRB_Final_Test_Images.zip",
                "c7e4e6327067d32654124b0fe9e82185",
                89,
            ),
            _one(
                _GTSRB, "GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5", 1
            ),
        ),
        "gtsrb",
        "gtsrb",
    ),
    "imagenet": Set(
        (),
        (),
        "imagenet2012",
        by_hand="ImageNet is given to those who ask for it at image-net.org: put "
        "ILSVRC2012_img_train.tar, or ILSVRC2012_img_val.tar beside "
        "ILSVRC2012_devkit_t12.tar.gz, or folders train/<wnid> and val/<wnid>, there",
    ),
    "medmnist": Set(
        (),
        (),
        "medmnist",
        splits=THREE,
        by_hand="put the set's .npz, from https://zenodo.org/records/10519652, there",
    ),
    "cifar10_c": Set(
        CIFAR10_CLASSES,
        (
            Archive(
                "CIFAR-10-C.tar",
                "md5:56bf5dcef84df0e2308c6dcbcbbd8499",
                ("https://zenodo.org/records/2535967/files/CIFAR-10-C.tar?download=1",),
                2918,
            ),
        ),
        "cifar10_corrupted",
    ),
}
