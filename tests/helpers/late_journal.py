"""A journal whose disk takes its time, on the virtual clock: what a commit is late by is where the races are.

It keeps the rules of storage/journal.py. What is submitted gathers for `commit_seconds`, is then on the disk,
and its submitters hear of it `report_seconds` later. A test makes it hold everything back, makes commits fail
as a full disk does, or loses what was not yet committed, as a killed node does.
"""

from collections.abc import Callable, Sequence

from relay.journal import RelayJournal
from storage import Environment, InlineJournal, JournalError, Op, StorageFullError
from storage.journal import Done, Submission
from tests.helpers.sim_network import SimNetwork


class LateJournal(InlineJournal):
    """An `InlineJournal` that is late, and fails on demand."""

    def __init__(
        self,
        environment: Environment,
        network: SimNetwork,
        *,
        commit_seconds: float = 0.0,
        report_seconds: float = 0.0,
    ) -> None:
        super().__init__(environment)
        self.commit_seconds = commit_seconds
        self.report_seconds = report_seconds
        self.is_held = False  # nothing reaches the disk until `let_go`
        self.is_full = False  # commits are turned away
        self.on_commit: Callable[[Sequence[Op]], None] = lambda _ops: None  # told what is on the disk now
        self._network = network
        self._gathered: list[Submission] = []
        self._is_committing = False
        self._is_lost = False

    def submit(self, ops: Sequence[Op], done: Done) -> None:
        self._gathered.append((ops, done))
        self._plan()

    @property
    def backlog(self) -> int:
        return len(self._gathered)

    def hold(self) -> None:
        """Let nothing reach the disk from now on."""
        self.is_held = True

    def let_go(self) -> None:
        """Go on."""
        self.is_held = False
        self._plan()

    def lose_what_is_gathered(self) -> None:
        """The process was killed: what was not committed never will be, and nobody is told anything."""
        self._is_lost = True
        self._gathered.clear()

    def _plan(self) -> None:
        if self._gathered and not self._is_committing and not self.is_held:
            self._is_committing = True
            self._network.courier.post(self.commit_seconds, self._commit)

    def _commit(self) -> None:
        if self.is_held or self._is_lost:
            self._is_committing = False
            return
        batch, self._gathered = self._gathered, []
        answers: list[JournalError | None] = []
        for ops, _ in batch:
            if self.is_full:
                answers.append(StorageFullError("a test has filled the disk"))
            else:
                super().submit(ops, answers.append)
                if answers[-1] is None:
                    self.on_commit(ops)
        self._network.courier.post(self.report_seconds, lambda: self._tell(batch, answers))

    def _tell(self, batch: list[Submission], answers: list[JournalError | None]) -> None:
        if self._is_lost:
            return
        self._is_committing = False
        full = next((answer for answer in answers if answer is not None), None)
        if full is not None:  # the fence: what was computed since goes the same way
            batch, self._gathered = [*batch, *self._gathered], []
            answers += [full] * (len(batch) - len(answers))
        for (_, done), answer in zip(batch, answers, strict=True):
            done(answer)
        self._plan()


def late_journal(environment: Environment, network: SimNetwork) -> tuple[RelayJournal, LateJournal]:
    """A late journal, as the relay sees it and as the test does."""
    late = LateJournal(environment, network)
    return RelayJournal(late), late


def late_journals(network: SimNetwork) -> tuple[Callable[[Environment], RelayJournal], list[LateJournal]]:
    """What makes late journals for the workers of a node, and those that it has made, in their order."""
    made: list[LateJournal] = []

    def make(environment: Environment) -> RelayJournal:
        journal, late = late_journal(environment, network)
        made.append(late)
        return journal

    return make, made
