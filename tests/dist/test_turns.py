"""Operators that wait for other ranks cannot stop all of them: a model, and the checks of turns.py.

A program is a list of tasks. Task i needs earlier ones, those in ``needs[i]``, and is of a kind:

- ``work`` holds a core until it ends;
- ``sum`` begins on a core and ends when it has begun on all ranks, as `sum_over_ranks` does;
- ``send`` begins on a core, gives it back, and ends when it has begun on all ranks, as the sum of
  a bucket of gradients does.

All ranks have one program and one core each, and begin what is ready in any order. The rules of
core/op/ranks.h are switches: sums take turns, in the order of the program; a sum lends its core
while it waits. Where a compiled graph is one task with several sums, a rank may also begin a sum
only when the needs of another one are met: ``bound`` says of which, as they lie in one part.
"""

import itertools

import pytest
from ranks import checks_of


def stuck(kinds, needs, bounds, turns, lends):
    """A state in which no rank can go on, or None. `bounds`: for each rank the parts of a task."""
    tasks, ranks = range(len(kinds)), range(len(bounds))
    sums = [i for i in tasks if kinds[i] == "sum"]
    start = tuple(tuple("new" for _ in tasks) for _ in ranks)
    seen, stack = {start}, [start]

    def can_begin(state, rank, i):
        mine = state[rank]
        holds = ("work",) if lends else ("work", "sum")
        if any(mine[k] == "begun" and kinds[k] in holds for k in tasks):
            return False  # no core
        if kinds[i] == "sum" and turns and any(mine[k] != "done" for k in sums if k < i):
            return False
        wanted = set(needs[i]).union(*(needs[k] for k in bounds[rank].get(i, ())))
        return all(mine[k] == "done" for k in wanted)

    def steps(state):
        for rank, i in itertools.product(ranks, tasks):
            if state[rank][i] == "new" and can_begin(state, rank, i):
                yield rank, i, "begun"
            elif state[rank][i] == "begun":
                if kinds[i] == "work" or all(state[r][i] != "new" for r in ranks):
                    yield rank, i, "done"

    while stack:
        state = stack.pop()
        moves = list(steps(state))
        if not moves and any(s != "done" for mine in state for s in mine):
            return state
        for rank, i, to in moves:
            mine = (*state[rank][:i], to, *state[rank][i + 1 :])
            after = (*state[:rank], mine, *state[rank + 1 :])
            if after not in seen:
                seen.add(after)
                stack.append(after)
    return None


def programs(length):
    """All programs with two sums or more that differ."""
    pairs = list(itertools.combinations(range(length), 2))
    for kinds in itertools.product(("work", "sum", "send"), repeat=length):
        if kinds.count("sum") < 2:
            continue
        for chosen in itertools.product((False, True), repeat=len(pairs)):
            needs = [[] for _ in range(length)]
            for (a, b), is_needed in zip(pairs, chosen, strict=True):
                if is_needed:
                    needs[b].append(a)
            yield kinds, needs


def parts_of(kinds, needs):
    """The ways to put two neighbouring sums into one part: both begin when both needs are met."""
    sums = [i for i, kind in enumerate(kinds) if kind == "sum"]
    yield {}
    for a, b in itertools.pairwise(sums):
        if a not in needs[b] and all(k < a for k in needs[b]):
            yield {a: (b,)}


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize(("length", "every"), [(2, 1), (3, 1), (4, 19)])  # all of 4 take 15 s
def test_turns_and_loans_never_stop(length, every, bound):
    for kinds, needs in itertools.islice(programs(length), 0, None, every):
        ways = list(parts_of(kinds, needs)) if bound else [{}]
        for bounds in itertools.product(ways, repeat=2):
            assert not stuck(kinds, needs, bounds, turns=True, lends=True), (kinds, needs, bounds)


def test_three_ranks_never_stop():
    for kinds, needs in itertools.islice(programs(3), 0, None, 3):
        assert not stuck(kinds, needs, ({}, {}, {}), turns=True, lends=True), (kinds, needs)


def test_without_turns_two_sums_stop_each_other():
    assert stuck(("sum", "sum"), [[], []], ({}, {}), turns=False, lends=False)


def test_without_loans_a_sum_stops_what_an_earlier_one_needs():
    # Rank 1 needs the sum of gradients before its first sum, because it has both in one part; rank
    # 0 waits in that sum without a core for what leads to the sum of gradients.
    kinds, needs, bounds = ("work", "send", "sum", "sum"), [[], [], [], [1]], ({}, {2: (3,)})
    assert stuck(kinds, needs, bounds, turns=True, lends=False)
    assert not stuck(kinds, needs, bounds, turns=True, lends=True)


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("name", checks_of("turns"))
def test_processes(launched, name, size):
    assert launched("turns", size)[name] == ""
