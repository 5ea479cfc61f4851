"""Registering: telephones with us, and we with others."""

from __future__ import annotations

import hashlib
import logging
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from ivr.sip.bindings import Binding
from ivr.sip.digest import ALGORITHMS, DigestInput, parse_digest
from ivr.sip.events import Flow, Registered, RegistrationToKeep, UserAgentSettings
from ivr.sip.guesses import FREE_OF_PAIR
from ivr.sip.user_agent import UserAgent

Make = Callable[..., str]


def proof(
    challenge: dict[str, str], password: str, *, user: str = "alice", algorithm: str = "MD5", qop: str = "auth"
) -> str:
    uri, nonce = "sip:192.0.2.2", challenge["nonce"]
    cnonce, nc = ("0a4f113b", "00000001") if qop else ("", "")
    response = DigestInput(
        algorithm, user, challenge["realm"], password, "REGISTER", uri, nonce, qop, cnonce, nc
    ).response()
    text = f'Authorization: Digest username="{user}", realm="{challenge["realm"]}", nonce="{nonce}", uri="{uri}",'
    text += f' response="{response}", algorithm={algorithm}'
    return text + (f', qop={qop}, cnonce="{cnonce}", nc={nc}' if qop else "")


class Telephone:
    """A telephone that registers with the user agent of `peer`."""

    def __init__(self, peer: Any, make_request: Make) -> None:
        self.peer, self.make = peer, make_request
        self.cseq = 0

    def register(self, headers: str = "", **parts: Any) -> Any:
        self.cseq += 1
        text = self.make("REGISTER", cseq=self.cseq, uri="sip:192.0.2.2", headers=headers, **parts)
        return self.peer.says(text.replace("To: <sip:100@", f"To: <sip:{parts.pop('aor', 'alice')}@"))

    def challenge(self) -> dict[str, str]:
        response = self.register().response
        assert response.status == 401
        challenge = parse_digest(response.headers["WWW-Authenticate"])
        assert challenge is not None
        return challenge


@pytest.fixture
def telephone(peer: Any, make_request: Make) -> Telephone:
    return Telephone(peer, make_request)


def test_the_arithmetic_is_that_of_rfc_7616() -> None:
    cnonce, nonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    expected = {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }
    for algorithm in ALGORITHMS:
        given = DigestInput(
            algorithm,
            "Mufasa",
            "http-auth@example.org",
            "Circle of Life",
            "GET",
            "/dir/index.html",
            nonce,
            "auth",
            cnonce,
            "00000001",
        )
        assert given.response() == expected[algorithm]
        assert "Circle" not in repr(given)


def test_the_old_form_without_qop_is_that_of_rfc_2069() -> None:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    given = DigestInput("MD5", "bob", "ivr", "zanzibar", "REGISTER", "sip:ivr", "84a4cc6f")
    assert given.response() == md5(f"{md5('bob:ivr:zanzibar')}:84a4cc6f:{md5('REGISTER:sip:ivr')}")


@pytest.mark.parametrize(
    ("algorithm", "qop"), [("MD5", "auth"), ("MD5", ""), ("SHA-256", "auth"), ("SHA-256", "")]
)
def test_a_telephone_that_proves_itself_is_bound(telephone: Telephone, algorithm: str, qop: str) -> None:
    challenge = telephone.challenge()
    peer = telephone.register(proof(challenge, "secret", algorithm=algorithm, qop=qop) + "\nExpires: 600")
    assert peer.response.status == 200
    assert peer.response.headers["Contact"] == "<sip:alice@192.0.2.1>;expires=600"
    assert peer.events == [Registered("alice", "sip:alice@192.0.2.1", 600, peer.flow)]
    (binding,) = peer.user_agent.bindings("alice", peer.now + 599)
    assert (binding.contact, binding.flow) == ("sip:alice@192.0.2.1", peer.flow)
    assert peer.user_agent.bindings("alice", peer.now + 601) == []


def test_without_expires_an_hour_is_granted_and_never_more(telephone: Telephone) -> None:
    challenge = telephone.challenge()
    for extra in ("", "\nExpires: 999999", "\nExpires: soon"):
        peer = telephone.register(proof(challenge, "secret") + extra)
        assert peer.response.headers["Contact"].endswith(";expires=3600")


def test_wrong_password_and_unknown_user_get_the_same_answer(telephone: Telephone) -> None:
    challenge = telephone.challenge()
    answers = []
    for user, password in (("alice", "wrong"), ("nobody", "wrong"), ("nobody", "secret")):
        response = telephone.register(proof(challenge, password, user=user)).response
        names = sorted(response.headers.keys())
        answers.append((response.status, response.phrase, names, response.headers["WWW-Authenticate"]))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 401
    assert "stale" not in answers[0][3]
    assert telephone.peer.user_agent.counters["authentication_failed"] == 3
    assert telephone.peer.user_agent.bindings("nobody", telephone.peer.now) == []


def test_an_old_nonce_is_stale_and_a_forged_one_is_just_wrong(telephone: Telephone) -> None:
    challenge = telephone.challenge()
    forged = challenge | {"nonce": challenge["nonce"][:-1] + "x"}
    assert "stale" not in telephone.register(proof(forged, "secret")).response.headers["WWW-Authenticate"]
    telephone.peer.now += 301
    assert "stale=true" in telephone.register(proof(challenge, "secret")).response.headers["WWW-Authenticate"]
    assert "stale" not in telephone.register(proof(challenge, "wrong")).response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("nonce", ["", ".", "zz.zz", "é.é", "1.2.3", "-1."])
def test_a_nonce_of_nonsense_is_survived(telephone: Telephone, nonce: str) -> None:
    assert telephone.register(proof({"realm": "ivr", "nonce": nonce}, "secret")).statuses == [401]


def test_another_users_address_cannot_be_bound(telephone: Telephone) -> None:
    challenge = telephone.challenge()
    telephone.cseq += 1
    text = telephone.make("REGISTER", cseq=9, uri="sip:192.0.2.2", headers=proof(challenge, "secret"))
    assert telephone.peer.says(text).statuses == [403]


def test_too_short_is_423_and_zero_takes_back(telephone: Telephone) -> None:
    challenge = telephone.challenge()
    peer = telephone.register(proof(challenge, "secret") + "\nExpires: 30")
    assert (peer.response.status, peer.response.headers["Min-Expires"]) == (423, "60")
    telephone.register(proof(challenge, "secret"))
    peer = telephone.register(proof(challenge, "secret"), contact="<sip:alice@192.0.2.1>;expires=0")
    assert (peer.statuses, peer.events) == ([200], [Registered("alice", "sip:alice@192.0.2.1", 0, peer.flow)])
    assert peer.user_agent.bindings("alice", peer.now) == []


def test_a_star_takes_all_back_but_only_with_expires_0(telephone: Telephone) -> None:
    challenge = telephone.challenge()
    for host in ("192.0.2.1", "192.0.2.3"):
        telephone.register(proof(challenge, "secret"), contact=f"<sip:alice@{host}>")
    assert len(telephone.peer.user_agent.bindings("alice", telephone.peer.now)) == 2
    assert telephone.register(proof(challenge, "secret"), contact="*").statuses == [400]
    assert telephone.register(proof(challenge, "secret") + "\nExpires: 0", contact="*").statuses == [200]
    assert telephone.peer.user_agent.bindings("alice", telephone.peer.now) == []


def test_a_register_without_contact_asks_and_changes_nothing(telephone: Telephone) -> None:
    challenge = telephone.challenge()
    telephone.register(proof(challenge, "secret"))
    peer = telephone.register(proof(challenge, "secret"), contact="")
    assert (peer.response.headers["Contact"], peer.events) == ("<sip:alice@192.0.2.1>;expires=3600", [])


def test_contacts_of_one_user_are_bounded(telephone: Telephone) -> None:
    challenge = telephone.challenge()
    for number in range(15):
        telephone.register(proof(challenge, "secret"), contact=f"<sip:alice@192.0.2.1:{6000 + number}>")
        telephone.peer.now += 1
    bindings = telephone.peer.user_agent.bindings("alice", telephone.peer.now)
    assert [binding.contact[-4:] for binding in bindings] == [str(6014 - number) for number in range(10)]


def test_both_algorithms_can_be_offered_the_strongest_first(make_request: Make) -> None:
    settings = UserAgentSettings(realm="northgas", digest_algorithms=("SHA-256", "MD5"))
    user_agent = UserAgent(settings, rng=random.Random(1))
    flow = Flow("udp", ("192.0.2.2", 5060), ("192.0.2.1", 5060))
    (answer,) = user_agent.receive(make_request("REGISTER").encode(), flow, 0.0)
    lines = [line for line in answer.data.decode().split("\r\n") if line.startswith("WWW")]
    assert [parse_digest(line.partition(": ")[2])["algorithm"] for line in lines] == ["SHA-256", "MD5"]
    assert all('realm="northgas"' in line and 'qop="auth"' in line for line in lines)


def test_no_password_reaches_a_log(telephone: Telephone, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        challenge = telephone.challenge()
        telephone.register(proof(challenge, "wrong-secret"))
        telephone.register(proof(challenge, "secret"))
    assert "secret" not in caplog.text
    assert "register_refused source=192.0.2.1" in caplog.text


def test_what_a_wrong_password_gets_is_what_an_unknown_user_gets_byte_for_byte(
    telephone: Telephone, make_peer: Any, make_request: Make
) -> None:
    """But for the tag, which is random."""
    seen = set()
    for user, password in (("alice", "wrong"), ("nobody", "wrong"), ("nobody", "secret")):
        settings = UserAgentSettings(accounts={"alice": "secret"})
        phone = Telephone(make_peer(UserAgent(settings, rng=random.Random(7))), make_request)
        challenge = phone.challenge()
        phone.register(proof(challenge, password, user=user))
        (sent,) = phone.peer.sends
        seen.add(re.sub(rb";tag=\w+", b"", sent.data))
    assert len(seen) == 1


def test_who_guesses_on_is_not_answered_right_or_wrong(
    telephone: Telephone, caplog: pytest.LogCaptureFixture
) -> None:
    peer = telephone.peer
    answers = []
    with caplog.at_level(logging.WARNING):
        for _ in range(FREE_OF_PAIR + 4):
            answers.append(telephone.register(proof(telephone_challenge(telephone), "guess")).statuses)
    assert answers == [[401]] * (FREE_OF_PAIR + 1) + [[]] * 3
    assert peer.user_agent.counters["authentication_dropped"] == 3
    assert "register_guessed source=192.0.2.1 user=alice" in caplog.text
    assert "guess\n" not in caplog.text
    assert telephone.register(proof(telephone_challenge(telephone), "secret")).statuses == []
    assert peer.user_agent.transactions < 2 * FREE_OF_PAIR + 10, "a dropped REGISTER holds memory"
    peer.now += 2.1
    assert telephone.register(proof(telephone_challenge(telephone), "secret")).statuses == [200]


def telephone_challenge(telephone: Telephone) -> dict[str, str]:
    """Of a REGISTER without credentials, which is answered in any case."""
    response = telephone.register().response
    return parse_digest(response.headers["WWW-Authenticate"]) or {}


def test_guesses_at_a_registered_account_do_not_stop_its_own_telephone(
    telephone: Telephone, make_peer: Any, make_request: Make
) -> None:
    telephone.register(proof(telephone.challenge(), "secret"))
    guesser = Telephone(make_peer(telephone.peer.user_agent), make_request)
    guesser.cseq = 1000  # and so a branch of its own
    for number in range(40):
        guesser.peer.flow = Flow("udp", ("192.0.2.2", 5060), (f"198.51.100.{number}", 5060))
        guesser.register(proof(telephone_challenge(guesser), "guess"), call_id=f"g{number}")
    assert guesser.peer.statuses == [], "the account is not guarded"
    assert telephone.register(proof(telephone_challenge(telephone), "secret")).statuses == [200]


def test_a_nonce_given_to_another_is_told_nothing_and_blames_nobody(
    telephone: Telephone, make_peer: Any, make_request: Make
) -> None:
    """Else it would do for guessing, or for having somebody else's address locked out."""
    challenge = telephone.challenge()
    other = Telephone(make_peer(telephone.peer.user_agent), make_request)
    other.cseq = 1000  # and so a branch of its own
    other.peer.flow = Flow("udp", ("192.0.2.2", 5060), ("198.51.100.7", 5060))
    for password in ("secret", "wrong") * 10:
        response = other.register(proof(challenge, password)).response
        assert (response.status, "stale=true" in response.headers["WWW-Authenticate"]) == (401, True)
    fresh = parse_digest(response.headers["WWW-Authenticate"])
    assert fresh is not None
    assert other.register(proof(fresh, "secret")).statuses == [200]


def test_a_scan_gets_no_challenge_any_more(telephone: Telephone) -> None:
    challenge = telephone.challenge()
    for number in range(6):
        telephone.register(proof(challenge, "x", user=f"user{number}"))
    assert telephone.register().statuses == []
    telephone.peer.now += 3
    assert telephone.register().statuses == [401]


def test_a_binding_that_ends_is_told(telephone: Telephone) -> None:
    telephone.register(proof(telephone.challenge(), "secret") + "\nExpires: 60")
    peer = telephone.peer.waits(61)
    assert peer.events == [Registered("alice", "sip:alice@192.0.2.1", 0, peer.flow)]
    assert peer.user_agent.registered(peer.now) == {}


def test_bindings_from_before_a_restart_are_taken_for_users_there_still_are(telephone: Telephone) -> None:
    agent, now = telephone.peer.user_agent, telephone.peer.now
    flow = telephone.peer.flow
    agent.restore_bindings(
        [
            Binding("alice", "sip:alice@192.0.2.1:7000", flow, now + 50, "c1@192.0.2.1", 7),
            Binding("gone", "sip:gone@192.0.2.1", flow, now + 50, "c2", 1),
        ],
        now,
    )
    assert list(agent.registered(now)) == ["alice"]
    challenge = telephone.challenge()
    text = proof(challenge, "secret")
    assert telephone.register(text, contact="<sip:alice@192.0.2.1:7000>").statuses == [500], "CSeq 2 after CSeq 7"
    assert telephone.peer.waits(51).events == [Registered("alice", "sip:alice@192.0.2.1:7000", 0, flow)]


def test_contacts_have_preferences(telephone: Telephone) -> None:
    challenge = telephone.challenge()
    contact = "<sip:alice@192.0.2.1>;q=0.2, <sip:alice@192.0.2.3>;q=0.9, <sip:alice@192.0.2.4>;q=2"
    peer = telephone.register(proof(challenge, "secret"), contact=contact)
    found = [binding.contact[-1] for binding in peer.user_agent.bindings("alice", peer.now)]
    assert found == ["4", "3", "1"]


def test_a_binding_that_is_to_outlive_us_is_acknowledged_once_it_does(make_peer: Any, make_request: Make) -> None:
    settings = UserAgentSettings(accounts={"alice": "secret"}, durable_registrar=True)
    peer = make_peer(UserAgent(settings, rng=random.Random(7)))
    telephone = Telephone(peer, make_request)
    challenge = telephone.challenge()
    telephone.register(proof(challenge, "secret") + "\nExpires: 600")
    bound, keep = peer.events
    assert (peer.statuses, bound) == ([], Registered("alice", "sip:alice@192.0.2.1", 600, peer.flow))
    assert isinstance(keep, RegistrationToKeep) and keep.user == "alice"
    text = make_request("REGISTER", cseq=telephone.cseq, uri="sip:192.0.2.2", headers=proof(challenge, "secret"))
    assert peer.says(text.replace("To: <sip:100@", "To: <sip:alice@")).events == [], "a repetition is a new one"
    peer.now += 1
    peer.got(peer.user_agent.registration_kept(keep.number, peer.now))
    assert (peer.statuses, peer.response.headers["Contact"]) == ([200], "<sip:alice@192.0.2.1>;expires=599")
    assert peer.got(peer.user_agent.registration_kept(keep.number, peer.now)).sent == []
    telephone.register(proof(challenge, "secret"), contact="")
    assert (peer.statuses, peer.events) == ([200], []), "a question waits for no disk"
