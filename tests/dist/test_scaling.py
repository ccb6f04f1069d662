"""The model of scaling, and the share of hidden communication, on cases done by hand."""

import pytest

from plait.dist import scaling
from plait.dist.scaling import Link, Training
from plait.dist.trace import overlap


def test_allreduce_by_hand():
    link = Link(1e-5, 1e9)
    assert scaling.allreduce_seconds(link, 1000, 1) == 0
    assert scaling.allreduce_seconds(link, 1000, 5) == pytest.approx(3 * (1e-5 + 1e-6))
    assert scaling.allreduce_seconds(link, 10**6, 4) == pytest.approx(6 * (1e-5 + 2.5e-4))


def test_fit_finds_the_link_again():
    link, sizes = Link(2e-5, 3e9), [1 << 16, 1 << 20, 1 << 24]
    for ranks in (2, 4):
        times = [scaling.allreduce_seconds(link, m, ranks) for m in sizes]
        found = scaling.fit_link(sizes, times, ranks)
        assert found.alpha == pytest.approx(link.alpha)
        assert found.bandwidth == pytest.approx(link.bandwidth)


def test_hidden_sums_cost_nothing_but_the_last():
    training = Training(forward=0.1, backward=0.2, update=0.01, gradient_bytes=10**6, buckets=4)
    link = Link(0.0, 1e9)
    last = scaling.allreduce_seconds(link, 250000, 2)
    assert scaling.step_seconds(link, training, 2) == pytest.approx(0.31 + last)
    assert scaling.step_seconds(link, training, 1) == pytest.approx(0.31)
    assert scaling.efficiency(link, training, 1) == 1


def test_slow_links_are_waited_for():
    training = Training(forward=0.1, backward=0.2, update=0.0, gradient_bytes=4 * 10**8, buckets=4)
    link = Link(0.0, 1e9)
    # The first bucket is ready after 0.05 s; then four sums of 0.1 s follow each other.
    assert scaling.step_seconds(link, training, 2) == pytest.approx(0.1 + 0.05 + 0.4)


def test_busy_cores_compute_later():
    training = Training(forward=0.1, backward=0.2, update=0.0, gradient_bytes=4 * 10**7, buckets=4)
    sums = 4 * scaling.allreduce_seconds(Link(0.0, 1e9), 10**7, 2)
    # Nothing of the sums is hidden where the core that computes does them, half of three of them
    # where it is busy for half of their time.
    for busy, seconds in ((0.0, sums / 4), (0.5, sums * (1 + 3 * 0.5) / 4), (1.0, sums)):
        link = Link(0.0, 1e9, busy)
        assert scaling.step_seconds(link, training, 2) == pytest.approx(0.3 + seconds)


def test_table_has_a_row_for_each_number():
    text = scaling.table(Link(1e-5, 1e9), Training(0.1, 0.2, 0.01, 10**6), (1, 1024))
    assert text.splitlines()[2].startswith("| 1 | 310.0 | 0.0 | 100.0%")
    assert len(text.splitlines()) == 4


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: scaling.allreduce_seconds(Link(0, 1), 1, 0), "ranks is 0"),
        (lambda: scaling.fit_link([1, 1], [1.0, 1.0]), "less than 2"),
        (lambda: scaling.fit_link([1, 2], [2.0, 1.0]), "do not rise"),
    ],
)
def test_bad_input(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_overlap_counts_common_times_once():
    def span(name, begin, end):
        return {"name": name, "begin": begin * 10**9, "end": end * 10**9}

    found = overlap(
        [
            span("dot", 0, 2),
            span("add", 5, 6),
            span("allreduce a", 1, 4),
            span("allreduce b", 3, 5),
            span("broadcast c", 5, 7),
        ]
    )
    assert found == {"communication": 6.0, "hidden": 2.0, "share": 2 / 6}
    assert overlap([span("dot", 0, 1)])["share"] == 0
