"""Wrong passwords, and who waits for them."""

from __future__ import annotations

from ivr.sip.guesses import (
    FIRST_PAUSE,
    FORGOTTEN,
    FREE_ACCOUNTS,
    FREE_OF_ACCOUNT,
    FREE_OF_PAIR,
    LONGEST_PAUSE,
    MAX_KNOWN,
    Guesses,
)

HERE, THERE = "192.0.2.1", "198.51.100.1"


def wrong(guesses: Guesses, times: int, source: str = HERE, user: str = "a", now: float = 0.0) -> None:
    for _ in range(times):
        guesses.wrong(source, user, now)


def test_a_person_who_mistypes_does_not_wait() -> None:
    guesses = Guesses()
    wrong(guesses, FREE_OF_PAIR)
    assert not guesses.must_wait(HERE, "a", 0.0)
    assert guesses.wrong(HERE, "a", 0.0)
    assert guesses.must_wait(HERE, "a", FIRST_PAUSE - 0.1)
    assert not guesses.must_wait(HERE, "a", FIRST_PAUSE)


def test_each_further_try_costs_twice_as_long_up_to_an_end() -> None:
    guesses, now = Guesses(), 0.0
    wrong(guesses, FREE_OF_PAIR)
    pauses = []
    for _ in range(12):
        guesses.wrong(HERE, "a", now)
        pause = next(p for p in range(1, 1000) if not guesses.must_wait(HERE, "a", now + p))
        pauses.append(pause)
        now += pause
    assert pauses[:4] == [FIRST_PAUSE * 2**n for n in range(4)]
    assert pauses[-1] == LONGEST_PAUSE


def test_a_guesser_gets_through_few_passwords_a_day() -> None:
    guesses, tried = Guesses(), 0
    for second in range(86_400):
        if not guesses.must_wait(HERE, "a", float(second)):
            tried += 1
            guesses.wrong(HERE, "a", float(second))
    assert tried < 86_400 / 300 + FREE_OF_PAIR + 15


def test_one_telephone_set_up_wrongly_does_not_lock_its_office_out() -> None:
    guesses = Guesses()
    for second in range(0, 7200, 30):
        guesses.wrong(HERE, "broken", float(second))
    assert guesses.must_wait(HERE, "broken", 7180.0)
    assert not guesses.must_wait(HERE, "colleague", 7180.0)
    assert not guesses.is_scanning(HERE, 7180.0)


def test_a_scan_of_many_accounts_makes_the_source_wait_for_all_of_them() -> None:
    guesses = Guesses()
    for number in range(FREE_ACCOUNTS + 1):
        guesses.wrong(HERE, f"user{number}", 0.0)
    assert guesses.must_wait(HERE, "another", 1.0) and guesses.is_scanning(HERE, 1.0)
    assert not guesses.must_wait(THERE, "another", 1.0)


def test_a_guess_by_many_machines_makes_all_strangers_wait_but_not_where_the_account_is_at_home() -> None:
    guesses = Guesses()
    for number in range(FREE_OF_ACCOUNT + 1):
        guesses.wrong(f"203.0.113.{number}", "a", 0.0)
    assert guesses.must_wait(THERE, "a", 1.0)
    assert not guesses.must_wait(THERE, "a", 1.0, known_here=True)
    assert not guesses.must_wait(THERE, "b", 1.0)


def test_the_right_password_forgives_that_account_and_no_other() -> None:
    guesses = Guesses()
    wrong(guesses, FREE_OF_PAIR + 1, user="a")
    wrong(guesses, FREE_OF_PAIR + 1, user="b")
    guesses.right(HERE, "a")
    assert not guesses.must_wait(HERE, "a", 1.0)
    assert guesses.must_wait(HERE, "b", 1.0)


def test_after_an_hour_nothing_is_known() -> None:
    guesses = Guesses()
    wrong(guesses, FREE_OF_PAIR + 9)
    assert not guesses.wrong(HERE, "a", FORGOTTEN + 1)


def test_a_flood_from_everywhere_leaves_memory_bounded() -> None:
    guesses = Guesses()
    for number in range(MAX_KNOWN):
        guesses.wrong(f"10.{number >> 8}.{number & 255}.1", f"u{number}", 0.0)
    assert len(guesses) == MAX_KNOWN
