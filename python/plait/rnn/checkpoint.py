"""Files of models with cells: weights are stored gate by gate."""

import warnings

from ..model import load_checkpoint, save_checkpoint

__all__ = ["do_rnn_checkpoint", "load_rnn_checkpoint", "rnn_unroll", "save_rnn_checkpoint"]


def _as_cells(cells):
    return cells if isinstance(cells, (list, tuple)) else [cells]


def save_rnn_checkpoint(cells, prefix, epoch, symbol, arg_params, aux_params):
    """As `mx.model.save_checkpoint`, with the weights of the cells unpacked.

    Parameters
    ----------
    cells : BaseRNNCell or list of BaseRNNCell
    """
    for cell in _as_cells(cells):
        arg_params = cell.unpack_weights(arg_params)
    save_checkpoint(prefix, epoch, symbol, arg_params, aux_params)


def load_rnn_checkpoint(cells, prefix, epoch):
    """As `mx.model.load_checkpoint`, with the weights of the cells packed again."""
    symbol, arguments, auxiliary = load_checkpoint(prefix, epoch)
    for cell in _as_cells(cells):
        arguments = cell.pack_weights(arguments)
    return symbol, arguments, auxiliary


def do_rnn_checkpoint(cells, prefix, period=1):
    """Epoch callback that saves with `save_rnn_checkpoint`, each `period` epochs."""
    period = max(int(period), 1)

    def callback(epoch, symbol=None, arguments=None, auxiliary=None):
        if (epoch + 1) % period == 0:
            save_rnn_checkpoint(cells, prefix, epoch + 1, symbol, arguments, auxiliary)

    return callback


def rnn_unroll(cell, length, inputs=None, begin_state=None, input_prefix="", layout="NTC"):
    """``cell.unroll``; without inputs, variables ``input_prefix + "t0_data"`` and so on."""
    from ..symbol import Variable

    warnings.warn("rnn_unroll is deprecated, call cell.unroll", DeprecationWarning, stacklevel=2)
    if inputs is None:
        inputs = [Variable(f"{input_prefix}t{i}_data") for i in range(length)]
    return cell.unroll(length, inputs, begin_state, layout)
