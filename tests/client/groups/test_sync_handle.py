from actors import open_actor_system
from client.groups.sync_handle import GroupSyncHandle


async def test_what_is_told_to_nobody_is_dropped() -> None:
    async with open_actor_system() as system:
        GroupSyncHandle(system).look()
