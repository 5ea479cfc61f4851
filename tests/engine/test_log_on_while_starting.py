"""A desktop that is quicker than the engine's own memory does not cost its agent the state he had."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from house import House

from ivr.agents.events import AgentState
from ivr.ici.crm_client import CrmClient
from ivr.ici.switchboard import IciRefusal
from ivr.speech.engines.library import DiskClipLibrary
from ivr.store.sqlite import SqliteStore

READY = {"state": "available", "reason": "", "workmode": 2, "next_workmode": None, "left": []}


async def test_ag16_who_logs_on_before_the_restart_is_over_waits_and_is_ready_again(
    tmp_path: Path, prompts_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path / "var", prompts_folder)

    async def saved(self: SqliteStore) -> dict[str, dict[str, Any]]:
        return {"desk1": READY}

    monkeypatch.setattr(SqliteStore, "agent_states", saved)
    refused: list[IciRefusal] = []
    build = DiskClipLibrary.build

    async def too_early(self: DiskClipLibrary, *args: Any, **options: Any) -> Any:
        client = CrmClient(f"http://{house.engine.http}/ici", "desk1", on_event=lambda event: None)
        await client.start()
        try:
            with pytest.raises(IciRefusal) as caught:
                await client.subscribe("sip:desk1@127.0.0.1:5999")
            refused.append(caught.value)
        finally:
            await client.close()
        return await build(self, *args, **options)

    monkeypatch.setattr(DiskClipLibrary, "build", too_early)
    await house.start()
    try:
        assert [(one.code, one.server) for one in refused] == [("ICI-BUSY", True)]
        await house.desk("desk1", ready=False)
        assert house.engine.exchange is not None
        assert house.engine.exchange.agents.agent("desk1").state is AgentState.AVAILABLE
    finally:
        await house.stop()
