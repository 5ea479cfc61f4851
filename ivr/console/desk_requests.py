"""What a person at the desk asks for, as an operation of ICI."""

from __future__ import annotations

from ivr.console.desk_events import Do
from ivr.ici.crm_client import CrmClient


async def request(client: CrmClient, wanted: Do) -> None:
    """Ask the engine. Raises IvrError when it cannot be asked, `IciRefusal` when it refuses."""
    item, other, argument = wanted.item, wanted.other, wanted.argument
    match wanted.operation:
        case "set_workmode":
            await client.set_workmode(wanted.workmode)
        case "accept":
            await client.accept(item)
        case "reject":
            await client.reject(item)
        case "reroute":
            await client.reroute(item, argument)
        case "drop":
            await client.drop(item)
        case "hold":
            await client.hold(item)
        case "unhold":
            await client.unhold(item)
        case "mute":
            await client.mute(item)
        case "unmute":
            await client.unmute(item)
        case "dial":
            await client.dial(argument)
        case "consult":
            await client.consult(item, argument)
        case "toggle":
            await client.toggle(item, other)
        case "warm_transfer":
            await client.warm_transfer(item, other)
        case "conference":
            await client.conference(item, other)
        case "blind_transfer":
            await client.blind_transfer(item, argument)
        case "note" | "reason" | "field" if wanted.version:
            await client.update_attached_data(item, argument, wanted.version)
        case "note" | "reason" | "field":
            await client.set_attached_data(item, argument)
