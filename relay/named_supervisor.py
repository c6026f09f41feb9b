"""A dynamic supervisor that can be found by name, because whoever starts children is not who started it."""

from supervisors import DynamicSupervisor


class NamedSupervisor(DynamicSupervisor):
    """Registers itself under the name that it has in reports."""

    async def on_start(self) -> None:
        """Begin without children, under the name.

        Raises:
            NameTakenError: there is one already.
        """
        await super().on_start()
        self.system.registry.register(self.name, self.ref)
