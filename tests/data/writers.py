"""Small image sets in every published format, written independently of the reader."""

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile

import numpy as np
from PIL import Image


def pictures(count, shape, classes, seed=0):
    """Random uint8 images [count, *shape] and labels that use every class."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 256, (count, *shape), np.uint8)
    return images, random.permutation(np.arange(count) % classes).astype(np.int32)


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(
        stream, "PNG"
    )
    return stream.getvalue()


class _Python2(pickle._Pickler):
    """Writes text and bytes as Python 2 wrote its `str`, as in the CIFAR batches."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, value):
        content = value.encode() if isinstance(value, str) else value
        self.write(pickle.BINSTRING + struct.pack("<i", len(content)) + content)
        self.memoize(value)

    dispatch[bytes] = save_string
    dispatch[str] = save_string


def python2_pickle(value):
    stream = io.BytesIO()
    _Python2(stream, protocol=2).dump(value)
    return stream.getvalue().replace(
        b"numpy._core.multiarray", b"numpy.core.multiarray"
    )


def planes(images):
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)


def cifar_python(images, labels, key="labels"):
    """One batch of the Python version: bytes of a pickle."""
    batch = {
        "data": planes(images),
        key: [int(label) for label in labels],
        "batch_label": "a batch",
        "filenames": [f"{n}.png" for n in range(len(labels))],
    }
    return python2_pickle(batch)


def cifar_binary(images, labels, coarse=None):
    """One batch of the binary version: label bytes, then planes."""
    columns = [labels[:, None].astype(np.uint8), planes(images)]
    if coarse is not None:
        columns.insert(0, coarse[:, None].astype(np.uint8))
    return np.concatenate(columns, 1).tobytes()


def cifar10_files(images, labels, write, end=""):
    """The train images in five batches, and the last tenth as the test batch."""
    cut = len(images) * 9 // 10
    files = {f"test_batch{end}": write(images[cut:], labels[cut:])}
    for n, part in enumerate(np.array_split(np.arange(cut), 5), 1):
        files[f"data_batch_{n}{end}"] = write(images[part], labels[part])
    return files


def folder_of(place, files):
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place


def tar_of(path, files, prefix="", mode="w:gz"):
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{prefix}{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def idx(array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


def idx_files(images, labels, stem="train", zipped=True):
    files = {
        f"{stem}-images-idx3-ubyte": idx(images[..., 0]),
        f"{stem}-labels-idx1-ubyte": idx(labels),
    }
    if not zipped:
        return files
    return {f"{name}.gz": gzip.compress(data) for name, data in files.items()}


def tiny_imagenet_files(wnids, train, validation):
    """Files of the official archive; images as PNG, which decodes to the same pixels.

    train: {wnid: [pixels, ...]}; validation: [(number, wnid, pixels), ...].
    """
    files = {
        "wnids.txt": "\n".join(wnids).encode(),
        "words.txt": "\n".join(f"{w}\tthing {w}, other" for w in wnids).encode(),
        "val/val_annotations.txt": "\n".join(
            f"val_{n}.JPEG\t{wnid}\t0\t0\t62\t62" for n, wnid, _ in validation
        ).encode(),
        "test/images/test_0.JPEG": b"its label is secret",
    }
    for wnid, images in train.items():
        files[f"train/{wnid}/{wnid}_boxes.txt"] = b""
        for n, pixels in enumerate(images):
            files[f"train/{wnid}/images/{wnid}_{n}.JPEG"] = png(pixels)
    for n, _, pixels in validation:
        files[f"val/images/val_{n}.JPEG"] = png(pixels)
    return files


def zip_of(path, files, prefix=""):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(prefix + name, content)
    return path


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def corrupted_files(name, images, labels):
    """images: [5, N, H, W, C], one row of images per severity."""
    return {
        f"{name}.npy": npy(images.reshape(-1, *images.shape[2:])),
        "labels.npy": npy(np.tile(labels, 5).astype(np.uint8)),
    }


def crc32c(content):
    """Bit by bit, as the definition says."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(content):
    crc = crc32c(content)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def tfrecord(records):
    out = []
    for record in records:
        length = struct.pack("<Q", len(record))
        out += [length, struct.pack("<I", masked(length))]
        out += [record, struct.pack("<I", masked(record))]
    return b"".join(out)


def _write_shard(path, records, file_format):
    if file_format == "tfrecord":
        path.write_bytes(tfrecord(records))
        return
    from array_record.python.array_record_module import ArrayRecordWriter

    writer = ArrayRecordWriter(str(path), "group_size:1")
    for record in records:
        writer.write(record)
    writer.close()


def tfds_directory(
    root,
    name,
    parts,
    classes,
    file_format="array_record",
    config=None,
    version="1.0.0",
    image="image",
    shards=2,
):
    """A prepared TFDS directory. parts: {split: (images, labels, ids or None)}."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import example_serializer, naming
    from tensorflow_datasets.core import splits as tfds_splits

    place = root.joinpath(name, *([config] if config else []), version)
    place.mkdir(parents=True)
    first = next(iter(parts.values()))
    shape = first[0].shape[1:]
    spec = {
        image: tfds.features.Image(shape=shape, encoding_format="png"),
        "label": tfds.features.ClassLabel(names=list(classes)),
    }
    if first[2] is not None:
        spec["id"] = tfds.features.Text()
    features = tfds.features.FeaturesDict(spec)
    serialize = example_serializer.ExampleSerializer(features.get_serialized_info())
    infos = []
    for split, (images, labels, ids) in parts.items():
        lengths = []
        for shard, rows in enumerate(np.array_split(np.arange(len(images)), shards)):
            records = []
            for row in rows:
                example = {image: io.BytesIO(png(images[row])), "label": labels[row]}
                if ids is not None:
                    example["id"] = ids[row]
                encoded = features.encode_example(example)
                records.append(serialize.serialize_example(encoded))
            file = f"{name}-{split}.{file_format}-{shard:05d}-of-{shards:05d}"
            _write_shard(place / file, records, file_format)
            lengths.append(len(rows))
        template = naming.ShardedFileTemplate(
            dataset_name=name, data_dir=place, split=split, filetype_suffix=file_format
        )
        infos.append(
            tfds_splits.SplitInfo(
                name=split,
                shard_lengths=lengths,
                num_bytes=1,
                filename_template=template,
            )
        )
    identity = tfds.core.dataset_info.DatasetIdentity(
        name=name,
        version=tfds.core.Version(version),
        data_dir=str(place),
        module_name="",
        config_name=config,
    )
    info = tfds.core.DatasetInfo(builder=identity, features=features, description="-")
    info.set_file_format(file_format)
    info.set_splits(tfds_splits.SplitDict(infos))
    info.write_to_directory(place)
    assert json.loads((place / "dataset_info.json").read_text())["name"] == name
    return place
