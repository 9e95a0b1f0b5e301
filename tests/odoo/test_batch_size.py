"""How many records go into one call, by the time that calls take and by what a request may weigh."""

from __future__ import annotations

from crm2odoo.odoo.batch_size import FASTEST, SLOWEST, BatchSize


def test_it_grows_while_calls_are_quick_and_never_passes_two_thousand() -> None:
    size = BatchSize(200)
    seen = []
    for _ in range(4):
        size.took(size.rows, 0.5)
        seen.append(size.rows)
    assert seen == [600, 1800, 2000, 2000]


def test_heavy_records_stop_at_twice_the_start() -> None:
    size = BatchSize(50)
    for _ in range(3):
        size.took(size.rows, 0.5)
    assert size.rows == 100


def test_it_does_not_grow_into_calls_that_are_too_slow() -> None:
    size = BatchSize(200)
    size.took(200, 1.5)
    assert size.rows == 400
    size.took(400, 3.0)
    assert size.rows == 400


def test_a_slow_call_makes_the_next_one_as_large_as_three_seconds_bear() -> None:
    size = BatchSize(500)
    size.took(500, 30.0)
    assert size.rows == 50
    size.took(50, (FASTEST + SLOWEST) / 2)
    assert size.rows == 50


def test_a_short_last_batch_teaches_nothing() -> None:
    size = BatchSize(500)
    size.took(3, 0.01)
    assert size.rows == 500


def test_what_did_not_fit_into_a_request_is_not_cut_again_and_again() -> None:
    size = BatchSize(500)
    size.fits(3)
    assert size.rows == 6
    size.took(3, 0.5)
    assert size.rows == 6  # still files of megabytes: three of six fitted
    size.took(6, 0.5)
    assert size.rows == 18  # all six fitted: the files are smaller now


def test_time_outs_halve_it_down_to_one_row() -> None:
    size = BatchSize(4)
    for _ in range(4):
        size.halve()
    assert size.rows == 1
