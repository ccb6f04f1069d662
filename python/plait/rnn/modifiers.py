"""Cells that change what other cells do."""

from .. import symbol
from ..gluon.rnn.sequence import as_steps, is_one
from .cells import BaseRNNCell, collect

__all__ = ["DropoutCell", "ModifierCell", "ZoneoutCell", "ResidualCell"]


class DropoutCell(BaseRNNCell):
    """Drops a share of the elements of its input in training; has no state.

    Parameters
    ----------
    dropout : float
        Share, in [0, 1).
    """

    def __init__(self, dropout, prefix="dropout_", params=None):
        super().__init__(prefix, params)
        if not isinstance(dropout, (int, float)):
            raise TypeError(f"DropoutCell: dropout is {dropout!r}, must be a number")
        self.dropout = dropout

    def _groups(self):
        return ()

    @property
    def state_info(self):
        """No state."""
        return []

    def _step(self, inputs, states, name):
        return (symbol.Dropout(inputs, p=self.dropout) if self.dropout > 0 else inputs), states

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Drop elements of the sequence; see `BaseRNNCell.unroll`."""
        self.reset()
        if is_one(inputs) and merge_outputs is not False:
            return self(inputs, [])
        return super().unroll(length, inputs, begin_state, layout, merge_outputs)


class ModifierCell(BaseRNNCell):
    """Base of cells that wrap another one; the wrapped cell must not be used by itself then."""

    def __init__(self, base_cell):
        base_cell._modified = True
        super().__init__()
        self.base_cell = base_cell
        self._cells = [base_cell]

    def _groups(self):
        return ()

    @property
    def params(self):
        """RNNParams: those of the wrapped cell."""
        self._own_params = False
        return self.base_cell.params

    @property
    def state_info(self):
        """The states of the wrapped cell."""
        return self.base_cell.state_info

    def begin_state(self, func=None, **kwargs):
        """The states of the wrapped cell at the start; see `BaseRNNCell.begin_state`."""
        self._check_free()
        self.base_cell._modified = False
        try:
            return self.base_cell.begin_state(func, **kwargs)
        finally:
            self.base_cell._modified = True


class ZoneoutCell(ModifierCell):
    """Keeps a share of the elements as they were in the last step, in training.

    Krueger and others: Zoneout (2016).

    Parameters
    ----------
    base_cell : BaseRNNCell
    zoneout_outputs, zoneout_states : float
        Shares, in [0, 1).
    """

    def __init__(self, base_cell, zoneout_outputs=0.0, zoneout_states=0.0):
        if not hasattr(base_cell, "_step"):
            raise TypeError(f"ZoneoutCell: base_cell is {type(base_cell).__name__}, must be a cell")
        if type(base_cell).__call__ is not BaseRNNCell.__call__:
            raise ValueError(
                f"ZoneoutCell: base_cell is {type(base_cell).__name__}, must have single steps\n"
                "  hint: wrap the cells of unfuse(), or those below"
            )
        super().__init__(base_cell)
        self.zoneout_outputs, self.zoneout_states = zoneout_outputs, zoneout_states
        self._last = None

    def reset(self):
        """Forget the last output too."""
        super().reset()
        self._last = None

    def _mix(self, rate, new, old):
        """`old` where a draw says so, else `new`."""
        if rate <= 0:
            return new
        chosen = symbol.Dropout(symbol.ones_like(new), p=rate)
        return symbol.where(chosen, new, symbol.zeros_like(new) if old is None else old)

    def _step(self, inputs, states, name):
        output, new = self.base_cell(inputs, states)
        output = self._mix(self.zoneout_outputs, output, self._last)
        new = [self._mix(self.zoneout_states, n, o) for n, o in zip(new, states, strict=True)]
        self._last = output
        return output, new


class ResidualCell(ModifierCell):
    """Adds the input to the output of a cell. Wu and others: GNMT (2016)."""

    def _step(self, inputs, states, name):
        output, states = self.base_cell(inputs, states)
        return symbol.elemwise_add(output, inputs, name=f"{output.name}_plus_residual"), states

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Unroll the wrapped cell and add the inputs; see `BaseRNNCell.unroll`."""
        self.reset()
        self.base_cell._modified = False
        try:
            outputs, states = self.base_cell.unroll(
                length, inputs, begin_state, layout, merge_outputs
            )
        finally:
            self.base_cell._modified = True
        if merge_outputs is None:
            merge_outputs = is_one(outputs)
        outputs = as_steps(outputs, length, layout)
        steps = as_steps(inputs, length, layout)
        outputs = [
            symbol.elemwise_add(output, step, name=f"{output.name}_plus_residual")
            for output, step in zip(outputs, steps, strict=True)
        ]
        return collect(outputs, layout, merge_outputs), states
