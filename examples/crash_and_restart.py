"""A worker that crashes and is restarted by its supervisor, with its name. Left out: logging set-up.

Run it: python -m examples.crash_and_restart
"""

from __future__ import annotations

import trio

from actors import Actor, ActorDeadError, open_actor_system
from supervisors import ChildSpec, Strategy, Supervisor


class Divider(Actor):
    """Divides 100 by what it is asked, and does not catch what goes wrong: that is its supervisor's job."""

    async def on_start(self) -> None:
        """Take the name, so that callers find whoever does the job now."""
        self.system.registry.register("divider", self.ref)

    def handle(self, message: object) -> object:
        """Answer with 100 / message."""
        assert isinstance(message, int)
        return 100 // message


async def main() -> None:
    """Crash the divider, and ask again."""
    async with open_actor_system() as system:
        await system.start(
            lambda: Supervisor([ChildSpec(id="divider", start=Divider)], strategy=Strategy.ONE_FOR_ONE)
        )
        divider = system.via("divider")
        print("100 / 4 =", await divider.ask(4))
        try:
            await divider.ask(0)
        except ActorDeadError as error:
            print("it died:", error.reason)
        await system.registry.wait_for("divider")  # the restart takes a turn of the loop or two
        print("100 / 5 =", await divider.ask(5))


if __name__ == "__main__":
    trio.run(main)
