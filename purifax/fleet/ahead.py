"""Items prepared by a thread while others are in use: decoding beside computing."""

import queue
import threading
from collections.abc import Generator, Iterable
from typing import Any, TypeVar

__all__ = ["ahead"]

T = TypeVar("T")
_END = object()


def ahead(items: Iterable[T], most: int) -> Generator[T, None, None]:
    """Yield the items in order, with up to `most` of them prepared in advance.

    An error of `items` is raised in place of the item. When the iterator is left early,
    closing it waits for its thread to end.

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
