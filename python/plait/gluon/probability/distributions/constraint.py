"""Sets that values and parameters must lie in."""

from .... import numpy as np

__all__ = [
    "Constraint",
    "Real",
    "Boolean",
    "Interval",
    "OpenInterval",
    "HalfOpenInterval",
    "UnitInterval",
    "IntegerInterval",
    "IntegerGreaterThanEq",
    "NonNegativeInteger",
    "PositiveInteger",
    "GreaterThan",
    "GreaterThanEq",
    "LessThan",
    "LessThanEq",
    "Positive",
    "NonNegative",
    "Simplex",
    "OneHot",
    "LowerTriangular",
    "LowerCholesky",
    "PositiveDefinite",
]


class Constraint:
    """A set; subclasses define `holds`, and `text` in words."""

    text = "of the set"

    def holds(self, value):
        """Array of bool: where the value is in the set."""
        raise NotImplementedError(f"{type(self).__name__} must define holds")

    def check(self, value, name="value"):
        """The value.

        Raises
        ------
        ValueError
            If it is not in the set everywhere.
        """
        if not bool(np.all(self.holds(value))):
            raise ValueError(f"distribution: {name} is {value}, must be {self.text}")
        return value


class Real(Constraint):
    """All numbers but NaN."""

    text = "numbers"

    def holds(self, value):
        return value == value


class Boolean(Constraint):
    """0 and 1."""

    text = "0 or 1"

    def holds(self, value):
        return np.logical_or(value == 0, value == 1)


class OneHot(Constraint):
    """One 1 along the last axis, else 0."""

    text = "0 but for one 1 in the last axis"

    def holds(self, value):
        return np.logical_and(np.all(Boolean().holds(value), axis=-1), value.sum(axis=-1) == 1)


class Interval(Constraint):
    """Numbers between two bounds, which belong to it."""

    def __init__(self, lower_bound, upper_bound):
        self.lower, self.upper = lower_bound, upper_bound
        self.text = f"in [{lower_bound}, {upper_bound}]"

    def holds(self, value):
        return np.logical_and(value >= self.lower, value <= self.upper)


class OpenInterval(Interval):
    """Numbers between two bounds, which do not belong to it."""

    def holds(self, value):
        return np.logical_and(value > self.lower, value < self.upper)


class HalfOpenInterval(Interval):
    """Numbers between two bounds; the lower one belongs to it."""

    def holds(self, value):
        return np.logical_and(value >= self.lower, value < self.upper)


class UnitInterval(Interval):
    """[0, 1]."""

    def __init__(self):
        super().__init__(0, 1)


def _whole(value):
    return np.floor(value) == value


class IntegerInterval(Interval):
    """Whole numbers between two bounds, which belong to it."""

    def __init__(self, lower_bound, upper_bound):
        super().__init__(lower_bound, upper_bound)
        self.text = f"whole numbers in [{lower_bound}, {upper_bound}]"

    def holds(self, value):
        return np.logical_and(super().holds(value), _whole(value))


class GreaterThanEq(Constraint):
    """Numbers from a bound on."""

    def __init__(self, lower_bound):
        self.lower = lower_bound
        self.text = f">= {lower_bound}"

    def holds(self, value):
        return value >= self.lower


class GreaterThan(GreaterThanEq):
    """Numbers above a bound."""

    def holds(self, value):
        return value > self.lower


class LessThanEq(Constraint):
    """Numbers up to a bound."""

    def __init__(self, upper_bound):
        self.upper = upper_bound
        self.text = f"<= {upper_bound}"

    def holds(self, value):
        return value <= self.upper


class LessThan(LessThanEq):
    """Numbers below a bound."""

    def holds(self, value):
        return value < self.upper


class IntegerGreaterThanEq(GreaterThanEq):
    """Whole numbers from a bound on."""

    def holds(self, value):
        return np.logical_and(super().holds(value), _whole(value))


class NonNegativeInteger(IntegerGreaterThanEq):
    """0, 1, 2, ..."""

    def __init__(self):
        super().__init__(0)
        self.text = "whole numbers >= 0"


class PositiveInteger(IntegerGreaterThanEq):
    """1, 2, 3, ..."""

    def __init__(self):
        super().__init__(1)
        self.text = "whole numbers >= 1"


class Positive(GreaterThan):
    """Numbers above 0."""

    def __init__(self):
        super().__init__(0)
        self.text = "> 0"


class NonNegative(GreaterThanEq):
    """Numbers from 0 on."""

    def __init__(self):
        super().__init__(0)


class Simplex(Constraint):
    """Numbers that are not negative and sum to 1 along the last axis."""

    text = ">= 0 with sum 1 in the last axis"

    def holds(self, value):
        one = np.abs(value.sum(axis=-1) - 1) < 1e-5
        return np.logical_and(np.all(value >= 0, axis=-1), one)


class LowerTriangular(Constraint):
    """Matrices with 0 above the diagonal."""

    text = "lower triangular"

    def holds(self, value):
        return np.tril(value) == value


class LowerCholesky(LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    text = "lower triangular with a positive diagonal"

    def holds(self, value):
        diagonal = np.diagonal(value, axis1=-2, axis2=-1)
        return np.logical_and(np.all(super().holds(value), axis=-1), diagonal > 0)


class PositiveDefinite(Constraint):
    """Symmetric matrices with positive eigenvalues."""

    text = "symmetric and positive definite"

    def holds(self, value):
        turned = np.swapaxes(value, -2, -1)
        same = np.all(np.abs(value - turned) < 1e-5, axis=-1)
        return np.logical_and(same, np.linalg.eigvalsh(value) > 0)
