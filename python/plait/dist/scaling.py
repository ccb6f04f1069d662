"""What speed many ranks can have, from what few machines were measured to do.

The alpha-beta model: a message of m bytes takes ``alpha + beta m`` seconds. Thakur, Rabenseifner,
Gropp, "Optimization of collective communication operations in MPICH", IJHPCA 19 (2005).
"""

import math
from dataclasses import dataclass

__all__ = [
    "Link",
    "Training",
    "allreduce_seconds",
    "fit_link",
    "step_seconds",
    "efficiency",
    "table",
]

_RING_BYTES = 16384  # from so many bytes on allreduce goes round, as in core/dist


@dataclass(frozen=True)
class Link:
    """What connects ranks.

    Parameters
    ----------
    alpha : float
        Seconds until a message of no bytes is there.
    bandwidth : float
        Bytes per second.
    busy : float, optional
        Share of the time of a message in which a core that computes is busy with it: 0 where the
        network's hardware does the work, 1 between processes of one machine that have no other
        cores.
    """

    alpha: float
    bandwidth: float
    busy: float = 0.0


@dataclass(frozen=True)
class Training:
    """One step of one rank.

    Parameters
    ----------
    forward, backward, update : float
        Seconds of computation.
    gradient_bytes : int
    buckets : int
        Operations that these bytes are summed in.
    """

    forward: float
    backward: float
    update: float
    gradient_bytes: int
    buckets: int = 8

    @property
    def seconds(self):
        """float: one step without communication."""
        return self.forward + self.backward + self.update


def allreduce_seconds(link, nbytes, ranks):
    """Seconds for the sum of `nbytes` bytes over `ranks` ranks.

    Recursive doubling, ``ceil(log2 n) (alpha + beta m)``, below 16 KiB; a ring,
    ``2 (n - 1) (alpha + beta m / n)``, above.

    Examples
    --------
    >>> allreduce_seconds(Link(1e-5, 1e9), 10**6, 1)
    0.0
    """
    if ranks < 1:
        raise ValueError(f"allreduce_seconds: ranks is {ranks}, must be >= 1")
    if ranks == 1:
        return 0.0
    if nbytes < _RING_BYTES:
        return math.ceil(math.log2(ranks)) * (link.alpha + nbytes / link.bandwidth)
    return 2 * (ranks - 1) * (link.alpha + nbytes / ranks / link.bandwidth)


def fit_link(nbytes, seconds, ranks=2, busy=0.0):
    """The link that explains measured times of ring allreduces best, by least squares.

    Parameters
    ----------
    nbytes : list of int
        At least two different sizes, of 16 KiB and more.
    seconds : list of float
    ranks : int
        >= 2.
    busy : float, optional
        Of the link: these times do not tell.

    Raises
    ------
    ValueError
        If there are less than two sizes, or the times do not rise with them.
    """
    if len(set(nbytes)) < 2:
        raise ValueError("fit_link: nbytes has less than 2 different sizes, must have 2 or more")
    # Relative errors count: 1 / t weighs small messages as much as large ones.
    rows = [(1 / t, m / t) for m, t in zip(nbytes, seconds, strict=True)]
    aa = sum(a * a for a, _ in rows)
    ab = sum(a * b for a, b in rows)
    bb = sum(b * b for _, b in rows)
    ya, yb = sum(a for a, _ in rows), sum(b for _, b in rows)
    det = aa * bb - ab * ab
    constant, slope = (ya * bb - yb * ab) / det, (yb * aa - ya * ab) / det
    if slope <= 0:
        raise ValueError("fit_link: seconds do not rise with the sizes, must do so")
    steps = 2 * (ranks - 1)
    return Link(max(constant, 0.0) / steps, steps / ranks / slope, busy)


def step_seconds(link, training, ranks):
    """Seconds of one step in which each bucket is summed as soon as backward has made it.

    Buckets are ready at equal distances during backward and are summed one after the other; what
    is not done when backward ends is waited for. The busy share of each sum delays what is
    computed after it has begun.
    """
    each = allreduce_seconds(link, training.gradient_bytes / training.buckets, ranks)
    done = delay = 0.0
    for i in range(1, training.buckets + 1):
        if i > 1:
            delay += link.busy * each  # of the sum before, beside this part of backward
        ready = training.backward * i / training.buckets + delay
        done = max(done, ready) + each
    return training.forward + max(done, ready) + training.update


def efficiency(link, training, ranks):
    """Speed of `ranks` ranks, each with a batch of its own, over `ranks` times the speed of one."""
    return training.seconds / step_seconds(link, training, ranks)


def table(link, training, ranks=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)):
    """str: seconds of a step and efficiency for numbers of ranks, as a table in Markdown."""
    rows = ["| ranks | step, ms | of it waiting, ms | efficiency |", "|---|---|---|---|"]
    for n in ranks:
        t = step_seconds(link, training, n)
        rows.append(
            f"| {n} | {t * 1e3:.1f} | {(t - training.seconds) * 1e3:.1f} "
            f"| {efficiency(link, training, n):.1%} |"
        )
    return "\n".join(rows)
