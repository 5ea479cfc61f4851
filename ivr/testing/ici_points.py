"""What SAP's side relies on, point by point: each check says what it saw, or raises what is wrong."""

from __future__ import annotations

from typing import Final

from ivr.ici import attached_data
from ivr.ici.dialect import OK
from ivr.ici.switchboard import (
    IciRefusal,
    PhoneCallItem,
    SubscriptionEnded,
    UserChanged,
)
from ivr.testing.crm_peer import Mode
from ivr.testing.ici_conformance import (
    NO_ITEM,
    NOBODY,
    SOAP_11,
    SOAP_12,
    Conformance,
    Point,
    Skipped,
    Wrong,
    client_fault,
    parsed,
)

FOREIGN: Final = (
    "<Application  id='X/CONFORM' note=\"a > b\">\n"
    " <A> two  spaces </A><B/><C><![CDATA[<raw>]]></C></Application >"
)
"""A block of another producer, who cares about every octet."""


# --- SOAP ----------------------------------------------------------------------------------------------


async def descriptions(run: Conformance) -> str:
    found = []
    for service in run.dialect.services.values():
        status, body = await run.probe.get(f"{service.spelling}?wsdl")
        if status != 200:
            continue
        root = parsed(body)
        described = {one.get("name") for one in root.findall("{*}portType/{*}operation")}
        missing = [one.spelling for one in service.operations.values() if one.spelling not in described]
        found.append(f"{service.spelling}{' without ' + ', '.join(missing) if missing else ''}")
    if not found:
        raise Wrong("no service has a WSDL at ADDRESS?wsdl")
    return "WSDL of " + ", ".join(found)


async def plain_answer(run: Conformance) -> str:
    reply = await run.probe.call("IciSystem", "ping", {})
    if reply.values is None or reply.status != 200:
        raise Wrong(f"ping: {reply}")
    if reply.content_type != "text/xml":
        raise Wrong(f"the content type is {reply.content_type}; SOAP 1.1 section 6 needs text/xml")
    return f"ping answers in {reply.content_type}"


async def any_action(run: Conformance) -> str:
    for action in ("", "urn:sap-com:document:sap:soap:functions:mc-style#Ping"):
        reply = await run.probe.call("IciSystem", "ping", {}, action=action)
        if reply.values is None:
            raise Wrong(f"with the SOAPAction {action!r}: {reply}")
    return "an empty SOAPAction and a foreign one are taken"


async def any_namespace(run: Conformance) -> str:
    service = run.dialect.services["IciSystem"]
    raw = run.probe.request("IciSystem", "ping", {}).replace(service.namespace.encode(), b"urn:of:somebody:else")
    reply = await run.probe.post("IciSystem", raw, "ping")
    if reply.values is None:
        raise Wrong(f"an operation in another namespace: {reply}")
    return "matched on local names"


async def unknown_operation(run: Conformance) -> str:
    spelling = run.dialect.services["IciSystem"].operations["ping"].spelling.encode()
    raw = run.probe.request("IciSystem", "ping", {}).replace(spelling, b"brewCoffee")
    return str(client_fault("an unknown operation", await run.probe.post("IciSystem", raw, "ping")))


async def hostile_messages(run: Conformance) -> str:
    ping = run.probe.request("IciSystem", "ping", {})
    start = ping.index(b"?>") + 2
    entity = b'<!DOCTYPE x [<!ENTITY a "EXPANDED"><!ENTITY b "&a;&a;&a;&a;">]>'
    cases = {
        "half an envelope": ping[: len(ping) // 2],
        "no XML": b"GET / HTTP/1.1",
        "a DTD": ping[:start] + entity + ping[start:],
        "SOAP 1.2": ping.replace(SOAP_11, SOAP_12),
        "an empty body": ping[:start] + b'<s:Envelope xmlns:s="%s"><s:Body/></s:Envelope>' % SOAP_11,
    }
    for what, raw in cases.items():
        reply = client_fault(what, await run.probe.post("IciSystem", raw, "ping"))
        if b"EXPANDED" in reply.body:
            raise Wrong(f"{what}: the fault repeats an expanded entity")
    if (reply := await run.probe.call("IciSystem", "ping", {})).values is None:
        raise Wrong(f"afterwards ping: {reply}")
    return f"{', '.join(cases)}: each a fault, and the next request is answered"


# --- who may do what -----------------------------------------------------------------------------------


async def users_of_the_header(run: Conformance) -> str:
    mine = {"userId": run.user}
    await run.refused("IciUser", "getWorkmodes", mine, user="")
    await run.refused("IciUser", "getWorkmodes", {"userId": NOBODY}, user=NOBODY)
    await run.refused("IciUser", "getWorkmodes", {"userId": NOBODY})
    raw = run.probe.request("IciUser", "getWorkmodes", mine)
    element = run.dialect.header_element.encode()
    head, tail = raw.split(b"</soap:Header>", 1)
    twice = head + b"<x:%s xmlns:x='urn:x'>%s</x:%s></soap:Header>" % (element, NOBODY.encode(), element) + tail
    client_fault("a header with two users", await run.probe.post("IciUser", twice, "getWorkmodes"))
    return "refused: nobody, a stranger, somebody for somebody else, two at once"


async def unknown_items(run: Conformance) -> str:
    await run.refused("IciItem", "getProperties", {"itemId": NO_ITEM})
    for operation in ("accept", "reject", "drop", "hold", "unhold"):
        reply = await run.refused("IciPhoneCall", operation, {"itemId": NO_ITEM})
    return str(reply)


# --- system and user -----------------------------------------------------------------------------------


async def handshake(run: Conformance) -> str:
    own = {"productName": "ivr conformance", "productVersion": "1"}
    answer = await run.ask("IciSystem", "exchangeProductInformation", **own)
    if not answer["productName"]:
        raise Wrong("the answer has no product name")
    capability = await run.ask(
        "IciSystem", "getWorkcenterCapability", workcenterId=run.workcenter, userId=run.user
    )
    if not isinstance(capability["freeSeating"], bool):
        raise Wrong("getWorkcenterCapability does not say whether there is free seating")
    queues = (await run.ask("IciSystem", "getPresenceQueueInfo", channelId="telephony"))[OK]
    return f"{answer['productName']} {answer['productVersion'] or ''}, {len(queues)} queues"


async def user_lists(run: Conformance) -> str:
    modes = (await run.ask("IciUser", "getWorkmodes", userId=run.user))[OK]
    codes = {entry["id"] for entry in modes}
    if not {"2", "3"} <= codes:
        raise Wrong(f"work modes are {', '.join(sorted(codes))}; 2 (ready) and 3 (not ready) are fixed")
    strange = sorted(code for code in codes if code.isdigit() and 4 < int(code) <= 999)
    if strange:
        raise Wrong(f"the work mode {strange[0]} is in the range that is SAP's; a site's own are above 999")
    queues = (await run.ask("IciUser", "getQueues", userId=run.user))[OK]
    return f"{len(modes)} work modes, {len(queues)} queues"


async def log_on(run: Conformance) -> str:
    screen = await run.log_on()
    post = await run.post_where(lambda post: isinstance(post.event, UserChanged))
    if post.app_ids != (screen.client.app_id,):
        raise Wrong(f"the event is for the application ids {post.app_ids}; needed is {screen.client.app_id} alone")
    view = await screen.until(lambda: screen.views[-1] if screen.views else None, run.within)
    if view.workmode != 3:
        raise Wrong(f"the work mode after log-on is {view.workmode}; needed is 3, not ready")
    return f"userChanged for {view.id} with work mode 3, for exactly one application id"


async def ready_and_not(run: Conformance) -> str:
    screen = await run.log_on()
    for workmode in (2, 3):
        await screen.client.set_workmode(workmode)
        await screen.workmode(workmode, within=run.within)
    await run.refused("IciUser", "setCurrentWorkmode", {"userId": run.user, "workmodeId": "soon"})
    await run.refused("IciUser", "setCurrentWorkmode", {"userId": run.user, "workmodeId": "77"})
    return "2 and 3 are told back as events; words and unknown numbers are refused"


async def queues(run: Conformance) -> str:
    await run.log_on()
    mine = [entry["id"] for entry in (await run.ask("IciUser", "getQueues", userId=run.user))[OK]]
    await run.refused("IciUser", "setCurrentQueues", {"userId": run.user, "queueIds": ["no-such-queue-4711"]})
    await run.ask("IciUser", "setCurrentQueues", userId=run.user, queueIds=mine)
    return f"signed on to {', '.join(mine) or 'none'}; an unknown queue is refused"


async def presence(run: Conformance) -> str:
    screen = await run.log_on()
    await screen.client.set_workmode(3)
    listed = (await run.ask("IciSystem", "getPresence", userIds=[run.user, NOBODY]))[OK]
    words = {
        entry["userId"]: (run.dialect.word("presence", entry["presence"]), entry["options"]) for entry in listed
    }
    word, options = words[run.user]
    if word not in ("Available", "Busy", "Logged Off"):
        raise Wrong(f"presence is {word!r}; the words are Available, Busy, Logged Off")
    if (word == "Available") != bool(options):
        raise Wrong(f"{word} with the options {options}; they belong to Available alone")
    if words[NOBODY] != ("Logged Off", []):
        raise Wrong(f"an unknown user is {words[NOBODY]}")
    return f"{run.user} is {word}"


# --- events --------------------------------------------------------------------------------------------


async def second_log_on(run: Conformance) -> str:
    screen = await run.log_on()
    await run.quiet()
    older, before = screen.client.app_id, len(run.crm.posts)
    await screen.client.subscribe(run.workcenter)
    post = await run.post_where(lambda post: isinstance(post.event, SubscriptionEnded), after=before)
    if post.app_ids != (older,):
        raise Wrong(f"subscriptionEnded went to {post.app_ids}; needed is the older one, {older}")
    assert isinstance(post.event, SubscriptionEnded)
    if not post.event.reason:
        raise Wrong("subscriptionEnded has no reason")
    await run.quiet()
    ends = [one for one in run.crm.posts[before:] if isinstance(one.event, SubscriptionEnded)]
    if len(ends) != 1:
        raise Wrong(f"subscriptionEnded came {len(ends)} times")
    return f"the older one is told once: {post.event.reason}"


async def lost_post(run: Conformance) -> str:
    screen = await run.log_on()
    await screen.client.set_workmode(3)
    await run.quiet()
    before, run.crm.mode = len(run.crm.posts), Mode.BREAKS
    await screen.client.set_workmode(2)
    await run.post_where(lambda post: post.answered is Mode.BREAKS, after=before)
    run.crm.mode = Mode.ANSWERS
    try:
        await screen.workmode(2, within=run.within)
    except TimeoutError:
        await run.log_on_anew()
        raise Wrong("an event that got HTTP 503 did not come again") from None
    await screen.client.set_workmode(3)
    return "a post that got HTTP 503 came again"


async def old_screen(run: Conformance) -> str:
    screen = await run.log_on()
    await run.quiet()
    before = len(run.crm.posts)
    await run.ask("IciUser", "getAttributes", userId=run.user)
    await run.post_where(lambda post: isinstance(post.event, SubscriptionEnded), after=before)
    await screen.client.subscribe(run.workcenter)
    await screen.workmode(3, within=run.within)
    return "getAttributes ends the subscription of a screen that is gone"


async def log_off(run: Conformance) -> str:
    screen = await run.log_on()
    await run.quiet()
    before = len(run.crm.posts)
    await screen.client.unsubscribe()
    run.screen = None
    post = await run.post_where(lambda post: isinstance(post.event, SubscriptionEnded), after=before)
    assert isinstance(post.event, SubscriptionEnded)
    await run.refused("IciUser", "setCurrentWorkmode", {"userId": run.user, "workmodeId": "2"})
    return f"subscriptionEnded: {post.event.reason}; ready without a log-on is refused"


# --- a call --------------------------------------------------------------------------------------------


async def alerting_call(run: Conformance) -> str:
    item = await _call(run)
    if not {"accept", "reject"} <= set(item.capabilities):
        raise Wrong(f"capabilities of an alerting call are {', '.join(item.capabilities) or 'none'}")
    if not item.remote_numbers:
        raise Wrong("remoteNumbers is empty: SAP finds the customer by it")
    try:
        blocks = attached_data.read(item.attached_data)
    except IciRefusal as mistake:
        raise Wrong(f"attachedData is no document: {mistake}") from None
    told = f"{sum(map(len, blocks.values()))} fields of {', '.join(blocks) or 'no application'}"
    return f"{', '.join(item.remote_numbers)}, {told} before accept"


async def illegal_operation(run: Conformance) -> str:
    item = await _call(run)
    reply = await run.refused("IciPhoneCall", "hold", {"itemId": item.id})
    after = await _properties(run, item.id)
    if after.status != item.status:
        raise Wrong(f"hold on an alerting call was refused, and yet it is {after.status}")
    return str(reply)


async def foreign_block(run: Conformance) -> str:
    item = await _call(run, "connected")
    before = (await run.ask("IciItem", "getAttachedData", itemId=item.id))[OK]
    await _write(run, item.id, f"<ItemAttachedData>{FOREIGN}</ItemAttachedData>")
    for turn in range(20):
        await _write(run, item.id, attached_data.build("X/OWN", {"TURN": str(turn)}))
    document = (await run.ask("IciItem", "getAttachedData", itemId=item.id))[OK]
    if FOREIGN not in document:
        raise Wrong("a block of another application is not the same octets after twenty writes")
    lost = [id for id in attached_data.read(before) if id not in attached_data.read(document)]
    if lost:
        raise Wrong(f"the block {lost[0]} is gone")
    bad = {"itemId": item.id, "attachedData": "<ItemAttachedData><Application"}
    await run.refused("IciItem", "setAttachedData", bad)
    if (await run.ask("IciItem", "getAttachedData", itemId=item.id))[OK] != document:
        raise Wrong("a malformed document was refused, and yet the old one has changed")
    return "the same octets after twenty writes of others; a malformed document changes nothing"


async def dropped_call(run: Conformance) -> str:
    item = await _call(run, "connected")
    screen = await run.log_on()
    await screen.client.drop(item.id)
    ended = await screen.item("ended")
    sequences = [one.sequence for one in screen.items if one.id == item.id]
    if sequences != sorted(set(sequences)):
        raise Wrong(f"sequence numbers came as {sequences}")
    await screen.client.set_workmode(3)
    return f"ended: {ended.reason}"


async def _call(run: Conformance, status: str = "alerting") -> PhoneCallItem:
    """The call under test. Raises Skipped when there is none."""
    screen = await run.log_on()
    if not run.wait_for_call:
        raise Skipped("needs a call: --call, and dial the engine meanwhile")
    if not screen.items:
        await screen.client.set_workmode(2)
    try:
        await screen.until(lambda: screen.items[0] if screen.items else None, run.wait_for_call)
    except TimeoutError:
        raise Skipped(f"no call came within {run.wait_for_call:g} seconds") from None
    if status == "connected" and "connected" not in [item.status for item in screen.items]:
        await screen.client.accept(screen.items[0].id)
    return await screen.item(status, within=run.wait_for_call)


async def _properties(run: Conformance, item_id: str) -> PhoneCallItem:
    screen = await run.log_on()
    return await screen.client.get_properties(item_id)


async def _write(run: Conformance, item_id: str, document: str) -> None:
    await run.ask("IciItem", "setAttachedData", itemId=item_id, attachedData=document)


POINTS: Final[tuple[Point, ...]] = (
    (1, "answers are SOAP 1.1 in text/xml", plain_answer),
    (1, "an unknown operation is a Client fault with a text", unknown_operation),
    (1, "hostile messages are faults and harm nobody", hostile_messages),
    (2, "nobody acts for somebody else", users_of_the_header),
    (2, "an unknown item is a Client fault", unknown_items),
    (3, "any SOAPAction is taken", any_action),
    (3, "any namespace is taken", any_namespace),
    (4, "services describe themselves", descriptions),
    (5, "both sides exchange products; seating and queues are told", handshake),
    (9, "work modes and queues are listed", user_lists),
    (6, "a log-on is told to exactly its application id", log_on),
    (9, "ready and not ready have their fixed numbers", ready_and_not),
    (5, "queues can be signed on to", queues),
    (18, "presence has its three words, and options for Available alone", presence),
    (7, "a second log-on ends the first, once and with a reason", second_log_on),
    (8, "an event that was not taken comes again", lost_post),
    (11, "an alerting call has number, data and capabilities", alerting_call),
    (11, "an operation that is not legal is refused and changes nothing", illegal_operation),
    (13, "blocks of others survive, malformed documents do not get in", foreign_block),
    (8, "a call ends with a reason, its events in order", dropped_call),
    (6, "a screen that starts again ends the old subscription", old_screen),
    (6, "a log-off ends the subscription", log_off),
)
"""What is tried, in order; numbers are those of the list in `ivr/ici/README.md`."""
