"""Batches through the executors of a module."""

from .. import ndarray as nd
from .base_module import BaseModule, as_batch, as_list

__all__ = ["Running"]


class Running(BaseModule):
    """Base of Module: forward and backward on the executors that `bind` made."""

    def forward(self, data_batch, is_train=None):
        """Run a batch; batches of other shapes than those it is bound to are taken as they are.

        Parameters
        ----------
        data_batch : DataBatch or list of DataBatch
            A list holds one batch for each device.
        is_train : bool, optional
            Default `for_training`.
        """
        self._require(binded=True, params_initialized=True)
        is_train = self.for_training if is_train is None else is_train
        batches = [as_batch(b) for b in data_batch] if isinstance(data_batch, list) else None
        if batches is None:
            data_batch = as_batch(data_batch)
            self._follow_shapes(data_batch)
        for k, executor in enumerate(self._execs):
            batch = batches[k] if batches else data_batch
            arrays = {}
            for names, values in (
                (self._data_names_of(batch), batch.data),
                ([d.name for d in self._label_shapes] or self._label_names, batch.label or []),
            ):
                for name, value in zip(names, values, strict=False):
                    part = value if batches or len(self._execs) == 1 else value[self._slices[k]]
                    arrays[name] = part
            self._fill_labels(executor, arrays)
            executor.set_inputs(arrays)
            executor.forward(is_train=is_train)

    def _fill_labels(self, executor, arrays):
        """Labels that a batch does not bring, of its size: outputs do not depend on them.

        With ``label_names=None`` those of the output layers stand among the parameters.
        """
        size = next(iter(arrays.values())).shape[:1]
        for name in (*self._label_names, *(n for n in self._param_names if n.endswith("label"))):
            own = executor.arg_dict[name]
            if name not in arrays and own.shape[:1] != size:
                arrays[name] = nd.zeros((*size, *own.shape[1:]), own.context, own.dtype)

    def _data_names_of(self, batch):
        described = batch.provide_data or self._data_shapes
        return [d.name if hasattr(d, "name") else d[0] for d in described]

    def _follow_shapes(self, batch):
        """Cut batches of another size in other parts."""
        now = [tuple(a.shape) for a in batch.data]
        if now == [d.shape for d in self._data_shapes]:
            return
        described = batch.provide_data or [
            type(d)(d.name, s, d.dtype, d.layout)
            for d, s in zip(self._data_shapes, now, strict=True)
        ]
        labels = batch.provide_label
        if labels is None and batch.label:
            labels = [
                type(d)(d.name, a.shape, d.dtype, d.layout)
                for d, a in zip(self._label_shapes, batch.label, strict=False)
            ]
        self._set_shapes(described, labels if labels is not None else self._label_shapes)

    def backward(self, out_grads=None):
        """Gradients of the parameters; `out_grads` are those of outputs that are no losses."""
        self._require(binded=True, params_initialized=True)
        if not self.for_training:
            raise RuntimeError("Module: backward needs bind(for_training=True)")
        for k, executor in enumerate(self._execs):
            grads = None
            if out_grads is not None:
                grads = as_list(out_grads)
                if len(self._execs) > 1:
                    grads = [g[self._slices[k]] for g in grads]
            executor.backward(grads)

    def _merged(self, parts, merge):
        """Lists of one array for each device, joined if asked for."""
        if not merge:
            return parts
        return [
            p[0] if len(p) == 1 else nd.concat(*(x.as_in_context(p[0].context) for x in p), dim=0)
            for p in parts
        ]

    def get_outputs(self, merge_multi_context=True):
        """list of NDArray: outputs of the last `forward`; unmerged, a list for each output."""
        self._require(binded=True, params_initialized=True)
        return self._merged(
            list(zip(*(e.outputs for e in self._execs), strict=True)), merge_multi_context
        )

    def get_input_grads(self, merge_multi_context=True):
        """list of NDArray: gradients of the data."""
        self._require(binded=True, params_initialized=True)
        if not self.inputs_need_grad:
            raise RuntimeError("Module: get_input_grads needs bind(inputs_need_grad=True)")
        parts = [[e.grad_dict[n] for e in self._execs] for n in self._data_names]
        return self._merged(parts, merge_multi_context)

    def get_states(self, merge_multi_context=True):
        """list of NDArray: the states."""
        self._require(binded=True, params_initialized=True)
        parts = [[e.arg_dict[n] for e in self._execs] for n in self._state_names]
        return self._merged(parts, merge_multi_context)

    def set_states(self, states=None, value=None):
        """Set the states from arrays (as unmerged `get_states` gives them) or to one number."""
        if (states is None) == (value is None):
            raise ValueError("set_states: give either states or value")
        for i, name in enumerate(self._state_names):
            for k, executor in enumerate(self._execs):
                array = executor.arg_dict[name]
                array[:] = value if states is None else states[i][k]

    def update_metric(self, eval_metric, labels, pre_sliced=False):
        """Count the outputs of the last `forward` against labels."""
        names = [d.name for d in self._label_shapes]
        for k, executor in enumerate(self._execs):
            if pre_sliced:
                part = labels[k]
            elif len(self._execs) == 1:
                part = labels
            else:
                part = [label[self._slices[k]] for label in labels]
            eval_metric.update_dict(
                dict(zip(names, part or [], strict=False)),
                dict(zip(self.output_names, executor.outputs, strict=True)),
            )

    def install_monitor(self, mon):
        """Let a `Monitor` see the results of all operators."""
        self._require(binded=True)
        for executor in self._execs:
            mon.install(executor)
