"""Items made by a thread while others are used: decoding beside the device's work."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

__all__ = ["ahead"]

T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T], most: int) -> Generator[T, None, None]:
    """The items in their order, up to `most` of them made before they are asked for.

    An error of `items` is raised where the item would have been. When the iterator is
    left early, its thread has ended before it is closed.

    >>> list(ahead(iter(range(5)), 2))
    [0, 1, 2, 3, 4]
    """
    made: queue.Queue[Any] = queue.Queue(most)
    left = threading.Event()

    def hand(item: Any) -> None:
        while not left.is_set():
            try:
                return made.put(item, timeout=0.05)
            except queue.Full:
                continue

    def make() -> None:
        try:
            for item in items:
                hand((item, None))
                if left.is_set():
                    return
            hand((_END, None))
        except BaseException as error:
            hand((_END, error))

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        left.set()
        thread.join()
