"""A process that ends with whoever started it: at once, however that ended, and whatever it is doing itself.

Its standard input is a pipe, or a socket, of which only the starter holds the other end. Nothing that comes
there is taken: it is for the command.

Rule 1: it begins before the command's module is imported. What a dead parent leaves behind holds what it has
    inherited, a port above all, and the next start waits for that. The imports take seconds where the
    machine is busy.
"""

import os
import select
import signal
import threading

STDIN = 0


def end_with_the_starter() -> None:
    """End this process in the moment in which nobody holds the other end of its input any more."""
    threading.Thread(target=_end_at_hang_up, name="lifeline", daemon=True).start()


def _end_at_hang_up() -> None:
    # A thread of its own, so that no handler can hold it up.
    poll = select.poll()
    poll.register(STDIN, 0)  # for nothing but the hang-up, of which one is always told
    ((_, events),) = poll.poll()
    if events & select.POLLHUP:
        # Not an exception, which a handler could hold up, and no goodbye: a parent that is started anew waits
        # for our locks. SIGKILL and not os._exit(), which would wait for a commit in the writer's thread.
        os.kill(os.getpid(), signal.SIGKILL)
