"""The key log shows what a question took, and no secret ever."""

from ivr.call.keys import KeyLog


def test_keys_are_masked_until_a_question_takes_them() -> None:
    log = KeyLog()
    for at, key in enumerate("123"):
        log.pressed(key, at)
    assert log.text == "•••"
    log.consumed(2, secret=False)
    assert log.text == "12•"


def test_a_secret_stays_masked_though_it_was_typed_ahead_of_its_question() -> None:
    log = KeyLog()
    for key in "12580":
        log.pressed(key, 0.0)
    log.consumed(1, secret=False)
    log.consumed(4, secret=True)
    log.pressed("0", 1.0)
    log.consumed(1, secret=False)
    assert log.text == "1••••0"
    assert "2580" not in repr(log) and "2580" not in str(log.entries())


def test_dropped_keys_stay_masked_and_do_not_shift_the_others() -> None:
    log = KeyLog()
    for key in "98":
        log.pressed(key, 0.0)
    log.dropped(1)
    log.consumed(1, secret=False)
    assert log.text == "•8"


def test_more_taken_than_pressed_is_harmless() -> None:
    log = KeyLog()
    log.consumed(3, secret=False)
    log.pressed("1", 0.5)
    assert log.entries() == [{"at": 0.5, "key": "•"}]
