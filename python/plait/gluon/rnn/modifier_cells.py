"""Cells that change what another cell does."""

from .cell import BidirectionalCell, HybridRecurrentCell
from .sequence import as_steps, is_one, join_steps, mask, namespace

__all__ = ["DropoutCell", "ModifierCell", "ZoneoutCell", "ResidualCell", "VariationalDropoutCell"]


class DropoutCell(HybridRecurrentCell):
    """Sets a share `rate` of the elements of (n, ...) to 0 in training; has no state.

    Parameters
    ----------
    rate : float
        Share of the elements; the others are divided by ``1 - rate``.
    axes : tuple of int
        Axes along which the choice is the same.

    Notes
    -----
    Srivastava and others: Dropout (2014).
    """

    def __init__(self, rate, axes=(), prefix=None, params=None):
        super().__init__(prefix, params)
        self._rate, self._axes = rate, axes

    def _alias(self):
        return "dropout"

    def state_info(self, batch_size=0):
        """No states."""
        return []

    def hybrid_forward(self, F, inputs, states):
        if self._rate > 0:
            inputs = F.Dropout(inputs, p=self._rate, axes=self._axes)
        return inputs, states

    def unroll(
        self,
        length,
        inputs,
        begin_state=None,
        layout="NTC",
        merge_outputs=None,
        valid_length=None,
    ):
        """Drop elements of the whole sequence; see `RecurrentCell.unroll`."""
        self.reset()
        if is_one(inputs) and merge_outputs is not False:
            return self.hybrid_forward(namespace(inputs), inputs, begin_state or [])
        return super().unroll(length, inputs, begin_state or [], layout, merge_outputs)

    def __repr__(self):
        return f"DropoutCell(rate={self._rate}, axes={self._axes})"


class ModifierCell(HybridRecurrentCell):
    """Base: has the parameters and states of `base_cell`."""

    def __init__(self, base_cell):
        base_cell._check_free()
        base_cell._modified = True
        super().__init__(prefix=base_cell.prefix + self._alias(), params=None)
        self.base_cell = base_cell

    @property
    def params(self):
        """ParameterDict: those of the base cell."""
        return self.base_cell.params

    def _alias(self):
        return type(self).__name__.lower()

    def state_info(self, batch_size=0):
        """The states of the base cell."""
        return self.base_cell.state_info(batch_size)

    def begin_state(self, *args, **kwargs):
        """The states of the base cell; see `RecurrentCell.begin_state`."""
        self._check_free()
        self.base_cell._modified = False
        try:
            return self.base_cell.begin_state(*args, **kwargs)
        finally:
            self.base_cell._modified = True

    def __repr__(self):
        return f"{type(self).__name__}({self.base_cell})"


class ZoneoutCell(ModifierCell):
    """Keeps old outputs and states at random in training; shapes are those of `base_cell`.

    Krueger and others: Zoneout (2016).

    Parameters
    ----------
    base_cell : RecurrentCell
    zoneout_outputs, zoneout_states : float
        Probability that an element keeps its value.
    """

    def __init__(self, base_cell, zoneout_outputs=0.0, zoneout_states=0.0):
        if isinstance(base_cell, BidirectionalCell):
            raise ValueError(
                "ZoneoutCell: base_cell is a BidirectionalCell, must have single steps\n"
                "  hint: put the ZoneoutCell around each of its cells"
            )
        super().__init__(base_cell)
        self.zoneout_outputs, self.zoneout_states = zoneout_outputs, zoneout_states
        self._prev_output = None

    def _alias(self):
        return "zoneout"

    def reset(self):
        """Forget the last output as well."""
        super().reset()
        self._prev_output = None

    def hybrid_forward(self, F, inputs, states):
        output, new_states = self.base_cell(inputs, states)

        def keep(p, new, old):
            # Dropout gives 0 with probability p: there the old value stays.
            return F.where(F.Dropout(F.ones_like(new), p=p), new, old) if p else new

        old = self._prev_output
        output = keep(self.zoneout_outputs, output, F.zeros_like(output) if old is None else old)
        self._prev_output = output
        pairs = zip(new_states, states, strict=True)
        return output, [keep(self.zoneout_states, new, old) for new, old in pairs]

    def __repr__(self):
        return (
            f"ZoneoutCell(p_out={self.zoneout_outputs}, p_state={self.zoneout_states}, "
            f"{self.base_cell})"
        )


class ResidualCell(ModifierCell):
    """Adds the input (n, c) to the output of `base_cell`, which must have the same shape.

    He, Zhang, Ren, Sun: Deep residual learning (2015).

    Parameters
    ----------
    base_cell : RecurrentCell
    """

    def hybrid_forward(self, F, inputs, states):
        output, states = self.base_cell(inputs, states)
        return output + inputs, states

    def unroll(
        self,
        length,
        inputs,
        begin_state=None,
        layout="NTC",
        merge_outputs=None,
        valid_length=None,
    ):
        """Run the base cell, then add; see `RecurrentCell.unroll`."""
        self.reset()
        self.base_cell._modified = False
        try:
            outputs, states = self.base_cell.unroll(
                length, inputs, begin_state, layout, False, valid_length
            )
        finally:
            self.base_cell._modified = True
        steps = as_steps(inputs, length, layout)
        if valid_length is not None:
            steps = mask(steps, len(steps), valid_length, layout)
        outputs = [a + b for a, b in zip(outputs, steps, strict=True)]
        return (join_steps(outputs, layout) if merge_outputs else outputs), states


class VariationalDropoutCell(ModifierCell):
    """Drops the same elements in all steps of a sequence.

    Gal, Ghahramani: A theoretically grounded application of dropout in recurrent networks (2016).
    Masks are drawn at the first step after `reset`.

    Parameters
    ----------
    base_cell : RecurrentCell
    drop_inputs, drop_states, drop_outputs : float
        Share of elements; of the states, the first is meant.
    """

    def __init__(self, base_cell, drop_inputs=0.0, drop_states=0.0, drop_outputs=0.0):
        if drop_states and isinstance(base_cell, BidirectionalCell):
            raise ValueError(
                "VariationalDropoutCell: base_cell is a BidirectionalCell, must have single steps "
                "with drop_states\n  hint: put it around each of its cells"
            )
        super().__init__(base_cell)
        self.drop_inputs, self.drop_states = drop_inputs, drop_states
        self.drop_outputs = drop_outputs
        self._masks = {}

    def _alias(self):
        return "vardrop"

    def reset(self):
        """Forget the masks as well."""
        super().reset()
        self._masks = {}

    def _drop(self, F, name, rate, x):
        if not rate:
            return x
        if name not in self._masks:
            self._masks[name] = F.Dropout(F.ones_like(x), p=rate)
        return x * self._masks[name]

    def hybrid_forward(self, F, inputs, states):
        inputs = self._drop(F, "inputs", self.drop_inputs, inputs)
        states = [self._drop(F, "states", self.drop_states, states[0]), *states[1:]]
        output, states = self.base_cell(inputs, states)
        return self._drop(F, "outputs", self.drop_outputs, output), states

    def unroll(
        self,
        length,
        inputs,
        begin_state=None,
        layout="NTC",
        merge_outputs=None,
        valid_length=None,
    ):
        """Run over a sequence; see `RecurrentCell.unroll`."""
        if self.drop_states:
            return super().unroll(length, inputs, begin_state, layout, merge_outputs, valid_length)
        self.reset()
        F = namespace(inputs)
        steps = as_steps(inputs, length, layout)
        steps = [self._drop(F, "inputs", self.drop_inputs, step) for step in steps]
        self.base_cell._modified = False
        try:
            outputs, states = self.base_cell.unroll(
                length, steps, begin_state, layout, False, valid_length
            )
        finally:
            self.base_cell._modified = True
        outputs = [self._drop(F, "outputs", self.drop_outputs, step) for step in outputs]
        return (join_steps(outputs, layout) if merge_outputs else outputs), states
