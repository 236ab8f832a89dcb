"""A server's allowances as they are mirrored here, told by told."""

from __future__ import annotations

import pytest

from agents.limits.token_buckets import Bucket


def test_what_is_under_way_is_not_taken_to_be_left() -> None:
    tokens = Bucket("tokens")
    tokens.told((6_000.0, 6_000.0, 100.0), under_way=0, now=0.0)
    tokens.take(0.0)
    tokens.told(
        (6_000.0, 5_000.0, 100.0), under_way=0, now=0.0
    )  # so one takes a thousand
    tokens.take(0.0)
    tokens.take(0.0)
    tokens.told((6_000.0, 2_000.0, 100.0), under_way=1, now=0.0)
    # A thousand is left, and 1.2 are waited for; a hundred come each second.
    assert tokens.wait_s(0.0) > 0.0


def test_a_number_counted_before_our_last_requests_gives_none_of_them_back() -> None:
    requests = Bucket("requests")
    requests.told((60.0, 2.0, 1.0), under_way=0, now=0.0)
    requests.take(0.0)
    requests.take(0.0)
    requests.told((60.0, 1.0, 1.0), under_way=1, now=0.0)
    assert requests.wait_s(0.0) == pytest.approx(1.0)
    assert requests.wait_s(1.0) == 0.0


def test_a_request_larger_than_its_bucket_waits_for_a_full_one_and_not_for_ever() -> (
    None
):
    tokens = Bucket("tokens")
    tokens.told((600.0, 600.0, 10.0), under_way=0, now=0.0)
    tokens.take(0.0)
    tokens.told((600.0, 0.0, 10.0), under_way=0, now=0.0)
    assert tokens.wait_s(0.0) == pytest.approx(60.0)
    assert tokens.wait_s(60.0) == 0.0
