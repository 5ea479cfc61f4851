from __future__ import annotations

import pytest

from ivr.media.receiver import Reception


def feed(reception: Reception, numbers: list[int], ssrc: int = 1) -> list[int]:
    return [reception.update(n & 0xFFFF, n * 160 & 0xFFFFFFFF, ssrc, n * 0.02) for n in numbers]


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        pytest.param(range(100, 150), 0, id="all of them"),
        pytest.param([*range(100, 110), *range(113, 150)], 3, id="three lost"),
        pytest.param([100, 102, 101, 103], 0, id="out of order"),
        pytest.param([100, 101, 101, 101], 0, id="repeated"),
        pytest.param(range(0xFFF0, 0x10010), 0, id="wrap"),
        pytest.param([*range(0xFFF0, 0xFFFE), *range(0x10003, 0x10010)], 5, id="lost across the wrap"),
        pytest.param([*range(100, 110), 30000, *range(110, 120)], 0, id="one stray packet"),
        pytest.param([*range(100, 110), 30000, *range(111, 120)], 1, id="a stray packet stands for no lost one"),
        pytest.param([*range(100, 110), *range(30000, 30010)], 0, id="numbers begun anew"),
    ],
)
def test_lost_packets_are_counted(numbers: list[int], lost: int) -> None:
    reception = Reception()
    feed(reception, list(numbers))
    assert reception.lost == lost
    assert reception.received == len(list(numbers))


def test_totals_go_on_when_the_source_changes() -> None:
    reception = Reception()
    feed(reception, [1, 2, 4], ssrc=1)
    feed(reception, [500, 503], ssrc=2)
    assert (reception.received, reception.lost, reception.streams, reception.ssrc) == (5, 3, 2, 2)


def test_each_packet_is_placed_against_the_newest() -> None:
    assert feed(Reception(), [10, 11, 14, 12, 14, 15]) == [1, 1, 3, -2, 0, 1]


def test_an_even_stream_has_no_jitter_and_a_shaken_one_has_what_was_put_in() -> None:
    even, shaken = Reception(), Reception()
    for n in range(400):
        even.update(n, n * 160, 1, 5.0 + n * 0.02)
        shaken.update(n, n * 160, 1, 5.0 + n * 0.02 + (0.004 if n % 2 else 0.0))
    assert even.jitter == pytest.approx(0, abs=1e-6)
    assert shaken.jitter == pytest.approx(0.004, rel=0.01)


def test_a_clock_set_anew_is_no_jitter() -> None:
    reception = Reception()
    reception.update(1, 0, 1, 1.0)
    reception.update(2, 900_000, 1, 1.02)
    assert reception.jitter == 0


def test_the_report_tells_the_share_lost_since_the_last_one() -> None:
    reception = Reception()
    assert reception.report() is None
    feed(reception, [n for n in range(100, 200) if n % 4])
    report = reception.report(last_report=5, delay=6)
    assert report is not None
    assert (report.ssrc, report.lost, report.fraction_lost) == (1, 24, 24 * 256 // 99)
    assert (report.highest, report.last_report, report.delay) == (199, 5, 6)
    feed(reception, list(range(200, 300)))
    again = reception.report()
    assert again is not None
    assert (again.lost, again.fraction_lost) == (24, 0)


def test_the_highest_number_counts_its_wraps() -> None:
    reception = Reception()
    feed(reception, list(range(0xFFFE, 0x10003)))
    report = reception.report()
    assert report is not None and report.highest == 0x10002


def test_packets_that_came_twice_may_make_the_report_negative_but_never_the_count() -> None:
    reception = Reception()
    feed(reception, [1, 1, 1, 2])
    report = reception.report()
    assert report is not None and (report.lost, report.fraction_lost) == (-2, 0)
    assert reception.lost == 0
