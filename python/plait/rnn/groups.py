"""Symbolic cells made of others."""

from .. import symbol
from ..gluon.rnn.sequence import as_steps, is_one
from .cells import BaseRNNCell, collect

__all__ = ["SequentialRNNCell", "BidirectionalCell"]


class _Group(BaseRNNCell):
    """Cells that hold others."""

    def __init__(self, prefix="", params=None):
        self._shares = params is not None
        super().__init__(prefix, params)

    def _groups(self):
        return ()

    def _adopt(self, cell):
        """Append a cell and know its parameters."""
        if self._shares:
            if not cell._own_params:
                raise ValueError("SequentialRNNCell: either it or its cells can be given params")
            cell.params._params.update(self.params._params)
        self._cells.append(cell)
        self.params._params.update(cell.params._params)

    @property
    def state_info(self):
        """The states of all cells, one after the other."""
        return [info for cell in self._cells for info in cell.state_info]

    def begin_state(self, func=None, **kwargs):
        """The states of all cells at the start; see `BaseRNNCell.begin_state`."""
        self._check_free()
        return [state for cell in self._cells for state in cell.begin_state(func, **kwargs)]

    def _split(self, states):
        """(cell, its states) of each cell."""
        start = 0
        for cell in self._cells:
            count = len(cell.state_info)
            yield cell, states[start : start + count]
            start += count


class SequentialRNNCell(_Group):
    """Cells one above the other: the output of one is the input of the next."""

    def __init__(self, params=None):
        super().__init__("", params)

    def add(self, cell):
        """Append a cell."""
        self._adopt(cell)

    def __call__(self, inputs, states):
        """One step of each cell."""
        self._counter += 1
        found = []
        for cell, own in self._split(states):
            if isinstance(cell, BidirectionalCell):
                raise ValueError("SequentialRNNCell: a BidirectionalCell has no single step")
            inputs, own = cell(inputs, own)
            found += own
        return inputs, found

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Unroll each cell over the whole sequence; see `BaseRNNCell.unroll`."""
        self.reset()
        states = self.begin_state() if begin_state is None else begin_state
        found, last = [], len(self._cells) - 1
        for i, (cell, own) in enumerate(self._split(states)):
            merge = merge_outputs if i == last else None
            inputs, own = cell.unroll(length, inputs, own, layout, merge)
            found += own
        return inputs, found


class BidirectionalCell(_Group):
    """One cell from left to right, one from right to left; outputs are joined.

    Only for `unroll`, which gives the states of both cells as two lists.

    Parameters
    ----------
    l_cell, r_cell : BaseRNNCell
    output_prefix : str
        Start of the names of the outputs.
    """

    def __init__(self, l_cell, r_cell, params=None, output_prefix="bi_"):
        super().__init__("", params)
        self._output_prefix = output_prefix
        self._adopt(l_cell)
        self._adopt(r_cell)

    def __call__(self, inputs, states):
        """There is no single step.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("BidirectionalCell: has no single step, must be unrolled")

    def unroll(self, length, inputs, begin_state=None, layout="NTC", merge_outputs=None):
        """Unroll both cells; see `BaseRNNCell.unroll`."""
        self.reset()
        steps = as_steps(inputs, length, layout)
        states = self.begin_state() if begin_state is None else begin_state
        (left, own), (right, others) = self._split(states)
        ahead, l_states = left.unroll(length, steps, own, layout, False)
        back, r_states = right.unroll(length, steps[::-1], others, layout, False)
        ahead, back = as_steps(ahead, length, layout), as_steps(back, length, layout)
        outputs = [
            symbol.Concat(a, b, dim=1, name=f"{self._output_prefix}t{i}")
            for i, (a, b) in enumerate(zip(ahead, back[::-1], strict=True))
        ]
        if merge_outputs is None:
            merge_outputs = is_one(inputs)
        return collect(outputs, layout, merge_outputs), [l_states, r_states]
