"""How long garbage collection holds the loop: counted by Python's own callbacks, for the metrics.

A full collection over some ten thousand connections is a pause that every device feels, and nothing else
shows it. It costs two calls a collection (about a microsecond), and nothing a message.
"""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

GENERATIONS = 3


@dataclass(slots=True)
class GarbagePauses:
    """What collections have cost since `watching` began, by generation."""

    collections: list[int] = field(default_factory=lambda: [0] * GENERATIONS)
    seconds: list[float] = field(default_factory=lambda: [0.0] * GENERATIONS)
    longest: list[float] = field(default_factory=lambda: [0.0] * GENERATIONS)
    _began: float = 0.0

    @contextmanager
    def watching(self, monotonic: Callable[[], float]) -> Iterator[None]:
        """Count for the length of a block; `monotonic` gives seconds."""

        def note(phase: str, info: dict[str, int]) -> None:
            if phase == "start":
                self._began = monotonic()
            else:
                self._count(info["generation"], monotonic() - self._began)

        gc.callbacks.append(note)
        try:
            yield
        finally:
            gc.callbacks.remove(note)

    def _count(self, generation: int, seconds: float) -> None:
        self.collections[generation] += 1
        self.seconds[generation] += seconds
        self.longest[generation] = max(self.longest[generation], seconds)
