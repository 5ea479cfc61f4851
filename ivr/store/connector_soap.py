"""SOAP services by zeep, each call in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from lxml import etree

from ivr.config.connectors import Answered, Body, Connector
from ivr.config.templates import filled
from ivr.errors import IvrError
from ivr.store.connector_contract import ConnectorDown, ConnectorSlow, from_environment, value_text
from ivr.store.connector_threads import Threads
from ivr.store.replies import Reply

try:
    import requests
    import zeep
    from zeep import exceptions, helpers
    from zeep.transports import Transport
except ImportError as missing:
    raise IvrError("a connector of kind soap needs zeep; install with: pip install 'ivr[soap]'") from missing

# At level DEBUG zeep writes whole envelopes, secrets and all.
logging.getLogger("zeep").setLevel(logging.INFO)


class SoapAdapter:
    """One service of one WSDL. A client for each thread, as their sessions are not shared safely."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self._threads = Threads(connector.name, connector.at_once)
        self._own = threading.local()

    async def ask(self, answered: Answered, values: Mapping[str, object], key: str, limit: float) -> Reply:
        sent = _arguments(answered.body, values, key)
        return await self._threads.run(lambda: self._call(answered.operation, sent, limit))

    async def close(self) -> None:
        self._threads.close()

    # --- in a thread --------------------------------------------------------------------------------

    def _call(self, operation: str, sent: dict[str, object], limit: float) -> Reply:
        try:
            client, service = self._client(limit)
            with client.transport.settings(timeout=limit):
                answer = getattr(service, operation)(**sent)
        except exceptions.Fault as fault:
            code = str(fault.code or "fault").rpartition(":")[2]
            return Reply(_detail(fault), 500, code)
        except requests.Timeout:
            raise ConnectorSlow("no answer in time") from None
        except exceptions.TransportError as error:
            raise ConnectorDown(f"status {error.status_code} from the service") from None
        except AttributeError:
            raise ConnectorDown(f"the service has no operation {operation!r}") from None
        except (
            exceptions.Error,
            requests.RequestException,
            etree.LxmlError,
            OSError,
            ValueError,
            TypeError,
        ) as error:
            # The text of the error may quote what was sent.
            raise ConnectorDown(f"{type(error).__name__} while asking") from None
        document: Any = helpers.serialize_object(answer, dict)  # type: ignore[no-untyped-call]
        return Reply(document if isinstance(document, Mapping) else {"result": document})

    def _client(self, limit: float) -> tuple[Any, Any]:
        if not hasattr(self._own, "client"):
            connector, session = self.connector, requests.Session()
            session.trust_env = False
            if connector.trust:
                session.verify = str(connector.trust)
            login = connector.login
            if login.user_from:
                session.auth = (from_environment(login.user_from), from_environment(login.password_from))
            if login.token_from:
                session.headers["Authorization"] = f"Bearer {from_environment(login.token_from)}"
            if login.header:
                session.headers[login.header] = from_environment(login.value_from)
            transport = Transport(session=session, timeout=limit, operation_timeout=limit)  # type: ignore[no-untyped-call]
            settings = zeep.Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=False)
            client = zeep.Client(connector.url, transport=transport, settings=settings)  # type: ignore[no-untyped-call]
            self._own.service = client.bind(connector.service or None, connector.port or None)
            self._own.client = client
        return self._own.client, self._own.service


def _arguments(body: Body, values: Mapping[str, object], key: str) -> dict[str, object]:
    """As text: zeep gives each the type the WSDL has for it."""
    return {
        name: filled(value, lambda hole: value_text(values, hole, key))
        if isinstance(value, str)
        else _arguments(value, values, key)
        for name, value in body
    }


def _detail(fault: Any) -> dict[str, object]:
    """What a fault says besides its code: text of the elements of its detail, by their names."""
    found: dict[str, object] = {"message": str(fault.message or "")}
    detail = fault.detail
    if detail is not None:
        for element in detail.iter():
            if isinstance(element.tag, str) and not len(element) and element.text:
                found.setdefault(etree.QName(element).localname, element.text.strip())
    return found
