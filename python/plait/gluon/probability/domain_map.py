"""Transformations from all real numbers to what a constraint allows."""

from .distributions import constraint as allowed
from .transformation import AffineTransform, ComposeTransform, ExpTransform, SigmoidTransform

__all__ = ["biject_to", "domain_map", "transform_to"]


class domain_map:  # noqa: N801 - MXNet's name
    """A table from constraints to transformations into them: call it with a constraint.

    Examples
    --------
    >>> positive = mx.gluon.probability.constraint.Positive()
    >>> mx.gluon.probability.biject_to(positive)(mx.np.array([0.0]))
    array([1.])
    """

    def __init__(self):
        self._factories = {}

    def register(self, constraint, factory=None):
        """Let ``factory(constraint)`` make the transformation into constraints of a class.

        Parameters
        ----------
        constraint : Constraint or subclass of it
        factory : function, optional
            Without it this is a decorator.
        """
        if factory is None:
            return lambda function: self.register(constraint, function)
        kind = constraint if isinstance(constraint, type) else type(constraint)
        if not issubclass(kind, allowed.Constraint):
            raise TypeError(f"domain_map: {constraint!r} must be a Constraint or a class of them")
        self._factories[kind] = factory
        return factory

    def __call__(self, constraint):
        """Transformation: from all real numbers into the constraint.

        Raises
        ------
        NotImplementedError
            If none is registered for the class of the constraint.
        """
        factory = self._factories.get(type(constraint))
        if factory is None:
            raise NotImplementedError(
                f"domain_map: no transformation into {type(constraint).__name__}\n"
                "  hint: register one"
            )
        return factory(constraint)


biject_to, transform_to = domain_map(), domain_map()


def _both(*kinds):
    def add(factory):
        for kind in kinds:
            biject_to.register(kind, factory)
            transform_to.register(kind, factory)
        return factory

    return add


@_both(allowed.Real)
def _to_real(constraint):
    return ComposeTransform([])


@_both(allowed.Positive, allowed.NonNegative)
def _to_positive(constraint):
    return ExpTransform()


@_both(allowed.GreaterThan, allowed.GreaterThanEq)
def _above(constraint):
    return ComposeTransform([ExpTransform(), AffineTransform(constraint.lower, 1)])


@_both(allowed.LessThan, allowed.LessThanEq)
def _below(constraint):
    return ComposeTransform([ExpTransform(), AffineTransform(constraint.upper, -1)])


@_both(allowed.UnitInterval)
def _to_unit(constraint):
    return SigmoidTransform()


@_both(allowed.Interval, allowed.OpenInterval, allowed.HalfOpenInterval)
def _between(constraint):
    width = constraint.upper - constraint.lower
    return ComposeTransform([SigmoidTransform(), AffineTransform(constraint.lower, width)])
