"""The base of the recurrent cells, and cells made of others."""

from ... import ndarray
from ..block import Block
from ..hybrid_block import HybridBlock
from .sequence import as_steps, is_one, join_steps, mask, namespace, reverse, zero_state

__all__ = [
    "RecurrentCell",
    "HybridRecurrentCell",
    "SequentialRNNCell",
    "HybridSequentialRNNCell",
    "BidirectionalCell",
    "dynamic_unroll",
]


class RecurrentCell(Block):
    """Base of the cells: ``output, states = cell(input, states)`` does one step.

    Subclasses define `state_info` and ``hybrid_forward`` (or ``forward``).

    Parameters
    ----------
    prefix, params
        As `Block`.
    """

    def __init__(self, prefix=None, params=None):
        super().__init__(prefix=prefix, params=params)
        self._modified = False
        self.reset()

    def reset(self):
        """Forget the number of steps, before another sequence."""
        self._init_counter = self._counter = -1
        for cell in self._children.values():
            if hasattr(cell, "reset"):
                cell.reset()

    def state_info(self, batch_size=0):
        """list of dict with the 'shape' of each state."""
        raise NotImplementedError(f"{type(self).__name__} must define state_info")

    def _check_free(self):
        if self._modified:
            raise RuntimeError(
                f"{self.name}: is modified by another cell, must be used through that cell"
            )

    def begin_state(self, batch_size=0, func=ndarray.zeros, **kwargs):
        """States at the start of a sequence.

        Parameters
        ----------
        batch_size : int
        func : callable
            ``func(shape=..., **kwargs)`` makes one state.
        **kwargs
            Such as ctx and dtype.
        """
        self._check_free()
        states = []
        for info in self.state_info(batch_size):
            self._init_counter += 1
            options = {k: v for k, v in info.items() if not k.startswith("__")}
            name = f"{self._prefix}begin_state_{self._init_counter}"
            states.append(func(name=name, **{**options, **kwargs}))
        return states

    def _begin(self, begin_state, step):
        """The given states, or zeros for the batch of the array `step`."""
        if begin_state is not None:
            return begin_state
        F = namespace(step)
        return [zero_state(F, step, info["shape"]) for info in self.state_info(0)]

    def unroll(
        self,
        length,
        inputs,
        begin_state=None,
        layout="NTC",
        merge_outputs=None,
        valid_length=None,
    ):
        """Run over a sequence.

        Parameters
        ----------
        length : int
            Number of steps.
        inputs : array or list of array
            One array in `layout`, or a step (n, ...) for each number.
        begin_state : list of array, optional
            Default zeros.
        layout : {'NTC', 'TNC'}
        merge_outputs : bool, optional
            Whether outputs become one array; default: a list.
        valid_length : array (n,), optional
            Steps of each sample: outputs behind are 0, states those of the last step.

        Returns
        -------
        outputs : array or list of array
        states : list of array
        """
        self.reset()
        steps = as_steps(inputs, length, layout)
        F = namespace(steps)
        states = self._begin(begin_state, steps[0])
        outputs, history = [], []
        for step in steps:
            output, states = self(step, states)
            outputs.append(output)
            history.append(states)
        if valid_length is not None:
            states = [
                F.SequenceLast(
                    F.stack(*column, axis=0),
                    sequence_length=valid_length,
                    use_sequence_length=True,
                    axis=0,
                )
                for column in zip(*history, strict=True)
            ]
            outputs = mask(outputs, len(steps), valid_length, layout)
        return (join_steps(outputs, layout) if merge_outputs else outputs), states

    def _activate(self, F, x, activation):
        if isinstance(activation, str):
            if hasattr(F, activation) and activation != "softrelu":
                return getattr(F, activation)(x)
            return F.Activation(x, act_type=activation)
        return activation(x)

    def forward(self, inputs, states):
        """One step; counts it."""
        self._counter += 1
        return super().forward(inputs, states)


class HybridRecurrentCell(RecurrentCell, HybridBlock):
    """Cell that also runs as a compiled graph."""


class _Chain:
    """What the sequences of cells share."""

    def add(self, cell):
        """Append a cell."""
        self.register_child(cell)

    def state_info(self, batch_size=0):
        """The states of all cells, one after the other."""
        return [info for cell in self._children.values() for info in cell.state_info(batch_size)]

    def begin_state(self, batch_size=0, func=ndarray.zeros, **kwargs):
        """The states of all cells at the start; see `RecurrentCell.begin_state`."""
        self._check_free()
        return [
            state
            for cell in self._children.values()
            for state in cell.begin_state(batch_size=batch_size, func=func, **kwargs)
        ]

    def _split(self, states):
        """(cell, its states) of each cell."""
        start = 0
        for cell in self._children.values():
            count = len(cell.state_info())
            yield cell, states[start : start + count]
            start += count

    def __len__(self):
        return len(self._children)

    def __getitem__(self, i):
        return list(self._children.values())[i]

    def forward(self, inputs, states):
        """One step of each cell."""
        self._counter += 1
        found = []
        for cell, own in self._split(states):
            inputs, own = cell(inputs, own)
            found += own
        return inputs, found

    def unroll(
        self,
        length,
        inputs,
        begin_state=None,
        layout="NTC",
        merge_outputs=None,
        valid_length=None,
    ):
        """Run each cell over the whole sequence; see `RecurrentCell.unroll`."""
        self.reset()
        steps = as_steps(inputs, length, layout)
        found = []
        outputs, last = steps, len(self) - 1
        for i, (cell, own) in enumerate(self._split(self._begin(begin_state, steps[0]))):
            outputs, own = cell.unroll(
                length,
                outputs,
                own,
                layout,
                merge_outputs if i == last else False,
                valid_length,
            )
            found += own
        return outputs, found


class SequentialRNNCell(_Chain, RecurrentCell):
    """Cells one above the other: the output of one is the input of the next."""


class HybridSequentialRNNCell(_Chain, HybridRecurrentCell):
    """`SequentialRNNCell` of hybrid cells."""


class BidirectionalCell(_Chain, HybridRecurrentCell):
    """One cell from left to right, one from right to left; outputs are joined.

    Only for `unroll`: there is no single step.

    Parameters
    ----------
    l_cell, r_cell : RecurrentCell
    output_prefix : str
        Accepted; names come from the operators.
    """

    def __init__(self, l_cell, r_cell, output_prefix="bi_"):
        super().__init__(prefix="", params=None)
        self.register_child(l_cell, "l_cell")
        self.register_child(r_cell, "r_cell")

    def __repr__(self):
        left, right = self._children.values()
        return f"BidirectionalCell(forward={left}, backward={right})"

    def __call__(self, inputs, states):
        """There is no single step.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("BidirectionalCell: has no single step, must be unrolled")

    def unroll(
        self,
        length,
        inputs,
        begin_state=None,
        layout="NTC",
        merge_outputs=None,
        valid_length=None,
    ):
        """Run both cells over the sequence; see `RecurrentCell.unroll`."""
        self.reset()
        steps = as_steps(inputs, length, layout)
        F = namespace(steps)
        (left, own), (right, others) = self._split(self._begin(begin_state, steps[0]))
        ahead, l_states = left.unroll(length, steps, own, layout, False, valid_length)
        back, r_states = right.unroll(
            length, reverse(steps, valid_length), others, layout, False, valid_length
        )
        back = reverse(back, valid_length)
        outputs = [F.concat(a, b, dim=1) for a, b in zip(ahead, back, strict=True)]
        if valid_length is not None:
            outputs = mask(outputs, len(steps), valid_length, layout)
        if merge_outputs is None:
            merge_outputs = is_one(inputs)
        return (join_steps(outputs, layout) if merge_outputs else outputs), l_states + r_states


def dynamic_unroll(
    cell, inputs, begin_state, drop_inputs=0, drop_outputs=0, layout="TNC", valid_length=None
):
    """`RecurrentCell.unroll` of arrays whose length is that of `inputs`.

    Parameters
    ----------
    drop_inputs, drop_outputs : float
        Share of elements of each step that is dropped, the same in all steps.

    Returns
    -------
    outputs : array in `layout`
    states : list of array
    """
    F, axes = namespace(inputs), (layout.find("T"),)
    if drop_inputs:
        inputs = F.Dropout(inputs, p=drop_inputs, axes=axes)
    length = None if F is not ndarray else inputs.shape[axes[0]]
    if length is None:
        raise ValueError("dynamic_unroll: inputs is a symbol, must be an array")
    outputs, states = cell.unroll(length, inputs, begin_state, layout, True, valid_length)
    return (F.Dropout(outputs, p=drop_outputs, axes=axes) if drop_outputs else outputs), states
