"""What is done with one batch."""

from .... import autograd
from ...utils import split_and_load

__all__ = ["BatchProcessor"]


class BatchProcessor:
    """Runs the network on a batch; extend it for losses or batches of other forms."""

    @staticmethod
    def _split(batch, context, batch_axis):
        """(data, labels): the parts of the batch on each device."""
        return tuple(
            split_and_load(part, ctx_list=context, batch_axis=batch_axis) for part in batch[:2]
        )

    def evaluate_batch(self, estimator, val_batch, batch_axis=0):
        """Run one batch of validation.

        Returns
        -------
        data, label, pred, loss : lists with an array for each device
        """
        data, label = self._split(val_batch, estimator.context, batch_axis)
        pred = [estimator.val_net(x) for x in data]
        loss = [estimator.val_loss(p, y) for p, y in zip(pred, label, strict=True)]
        return data, label, pred, loss

    def fit_batch(self, estimator, train_batch, batch_axis=0):
        """Run one batch of training, forward and backward.

        Returns
        -------
        data, label, pred, loss : lists with an array for each device
        """
        data, label = self._split(train_batch, estimator.context, batch_axis)
        with autograd.record():
            pred = [estimator.net(x) for x in data]
            loss = [estimator.loss(p, y) for p, y in zip(pred, label, strict=True)]
            with estimator.scaled(loss) as scaled:
                autograd.backward(scaled)
        return data, label, pred, loss
