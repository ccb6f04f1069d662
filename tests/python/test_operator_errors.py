"""Wrong calls of mx.nd and mx.npx: messages name operator, argument, value and rule."""

import numpy as np
import pytest

import plait as mx
from plait import nd, npx, op

A, B, C, V, T = nd.ones((2, 3)), nd.ones((4, 5)), nd.ones((2, 3, 4)), nd.ones(6), nd.ones(3)
W, IM, NA = nd.ones((5, 3)), nd.ones((1, 3, 6, 6)), mx.np.ones((2, 3))
EYE = np.eye(2)
BIG = 2**62

WRONG = [
    (lambda: nd.broadcast_add(A, B), ValueError, "add: shapes (2, 3) and (4, 5) do not broadcast; axis -1 is 3 and 5, must be equal or 1"),
    (lambda: nd.broadcast_mul(A, V), ValueError, "multiply: shapes (2, 3) and (6,) do not broadcast; axis -1 is 3 and 6, must be equal or"),
    (lambda: nd.dot(A, A), ValueError, "dot: lhs has shape (2, 3), rhs has shape (2, 3); lhs.shape[-1] is 3, must equal"),
    (lambda: nd.dot(A, A.astype("float64")), TypeError, "dot: rhs has dtype float64, must be float32 as lhs"),
    (lambda: nd.batch_dot(C, A), ValueError, "batch_dot: lhs has shape (2, 3, 4), rhs has shape (2, 3), must have the same number of"),
    (lambda: nd.batch_dot(C, nd.ones((3, 3, 4))), ValueError, "batch_dot: lhs has shape (2, 3, 4), rhs has shape (3, 3, 4); axis 0 must be equal"),
    (lambda: nd.FullyConnected(A, W, num_hidden=5), ValueError, "fully_connected: got 2 input arrays, must be 3"),
    (lambda: nd.FullyConnected(A, nd.ones((4, 7)), nd.ones(4), num_hidden=4), ValueError, "fully_connected: weight has shape (4, 7), must be (4, 3) for data of shape (2, 3)"),
    (lambda: nd.FullyConnected(A, nd.ones((4, 3)), nd.ones(5), num_hidden=4), ValueError, "fully_connected: bias has shape (5,), must be (4,)"),
    (lambda: nd.FullyConnected(A, nd.ones((4, 3)), num_hidden=4), ValueError, "fully_connected: got 2 input arrays, must be 3"),
    (lambda: nd.FullyConnected(A, nd.ones((0, 3)), num_hidden=0, no_bias=True), ValueError, "fully_connected: num_hidden is 0, must be > 0"),
    (lambda: nd.Convolution(IM, nd.ones((4, 2, 3, 3)), kernel=(3, 3), num_filter=4, no_bias=True), ValueError, "convolution: weight has shape (4, 2, 3, 3), must be (4, 3, 3, 3) for data of shape (1,"),
    (lambda: nd.Convolution(IM, nd.ones((4, 3, 3, 3)), kernel=(3, 3), num_filter=5, no_bias=True), ValueError, "convolution: weight has shape (4, 3, 3, 3), must be (5, 3, 3, 3) for data of shape (1,"),
    (lambda: nd.Convolution(IM, nd.ones((4, 3, 9, 9)), kernel=(9, 9), num_filter=4, no_bias=True), ValueError, "convolution: kernel is (9, 9), must fit into data of shape (1, 3, 6, 6) padded by (0, 0)"),
    (lambda: nd.Convolution(IM, nd.ones((4, 3, 3, 3)), kernel=(3, 3), stride=(0, 1), num_filter=4, no_bias=True), ValueError, "convolution: stride is (0, 1), must be in [1, 2^31)"),
    (lambda: nd.Convolution(IM, nd.ones((4, 3, 3, 3)), kernel=(3, 3), pad=(-1, 0), num_filter=4, no_bias=True), ValueError, "convolution: pad is (-1, 0), must be in [0, 2^31)"),
    (lambda: nd.Convolution(IM, nd.ones((4, 3, 3, 3)), kernel=(3, 3), num_filter=4, num_group=2, no_bias=True), ValueError, "convolution: num_group is 2, must divide 3 channels and 4 filters"),
    (lambda: nd.Convolution(A, nd.ones((4, 3, 3, 3)), kernel=(3, 3), num_filter=4, no_bias=True), ValueError, "convolution: data has shape (2, 3), must have 4 axes for kernel (3, 3)"),
    (lambda: nd.Convolution(IM, nd.ones((4, 3, 3, 3)), kernel=(3, 3), num_filter=4, dilate=(1, 1, 1), no_bias=True), ValueError, "convolution: stride is (1, 1), dilate is (1, 1, 1), pad is (0, 0), must have 2 sizes"),
    (lambda: nd.Convolution(IM, nd.ones((4, 3, 3, 3)), kernel=(3, 3), num_filter=4, layout="NHCW", no_bias=True), NotImplementedError, "convolution: layout is 'NHCW', must be 'NCHW'"),
    (lambda: nd.Deconvolution(IM, nd.ones((4, 4, 3, 3)), kernel=(3, 3), num_filter=4, no_bias=True), ValueError, "deconvolution: weight has shape (4, 4, 3, 3), must be (3, 4, 3, 3) for data of shape"),
    (lambda: nd.Deconvolution(IM, nd.ones((3, 4, 3, 3)), kernel=(3, 3), num_filter=4, adj=(1, 1), no_bias=True), ValueError, "deconvolution: adj is (1, 1), must be smaller than stride (1, 1)"),
    (lambda: nd.Pooling(IM, kernel=(2, 2), pool_type="median"), ValueError, "pooling: pool_type is 'median', must be one of 'max', 'avg', 'sum'"),
    (lambda: nd.Pooling(IM, kernel=(9, 9), pool_type="max"), ValueError, "pooling: kernel is (9, 9), must fit into data of shape (1, 3, 6, 6) padded by ()"),
    (lambda: nd.Pooling(IM, kernel=(2, 2), pad=(2, 2), pool_type="max"), ValueError, "pooling: pad is (2, 2), must be >= 0 and smaller than kernel (2, 2)"),
    (lambda: nd.Pooling(IM, kernel=(2, 2), stride=(0, 0), pool_type="max"), ValueError, "pooling: stride is (0, 0), must be in [1, 2^31)"),
    (lambda: nd.Pooling(A, kernel=(2, 2), pool_type="max"), ValueError, "pooling: data has shape (2, 3), must have 4 axes for kernel (2, 2)"),
    (lambda: nd.Pooling(IM.astype("int32"), kernel=(2, 2), pool_type="max"), TypeError, "pooling: data has dtype int32, must be floating"),
    (lambda: nd.Pooling(IM, kernel=(2, 2), pool_type="avg", pooling_convention="odd"), ValueError, "pooling: pooling_convention is 'odd', must be one of 'valid', 'full', 'same'"),
    (lambda: nd.Pooling(IM, kernel=(2, 2), stride=(1,), pool_type="max"), ValueError, "pooling: stride is (1,), must have 2 sizes"),
    (lambda: nd.BatchNorm(IM, V, V, V, V), ValueError, "batch_norm: gamma has shape (6,), must be (3,) for data of shape (1, 3, 6, 6)"),
    (lambda: nd.BatchNorm(IM, T, T, T, T, eps=0.0), ValueError, "batch_norm: eps is 0, must be > 0"),
    (lambda: nd.BatchNorm(IM, T, T, T, T, axis=7), IndexError, "batch_norm: axis is 7, must be in [-4, 3] for an array of 4 dimensions"),
    (lambda: nd.LayerNorm(A, V, V), ValueError, "layer_norm: gamma has shape (6,), must be (3,) for data of shape (2, 3)"),
    (lambda: nd.LayerNorm(A, T, T, axis=3), IndexError, "layer_norm: axis is 3, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.InstanceNorm(IM, V, V), ValueError, "instance_norm: gamma has shape (6,), must be (3,) for data of shape (1, 3, 6, 6)"),
    (lambda: nd.GroupNorm(IM, T, T, num_groups=2), ValueError, "group_norm: num_groups is 2, must divide 3 channels"),
    (lambda: nd.L2Normalization(A, mode="row"), ValueError, "l2_normalization: mode is 'row', must be one of 'instance', 'channel', 'spatial'"),
    (lambda: nd.LRN(IM, nsize=2), ValueError, "lrn: nsize is 2, must be odd and > 0"),
    (lambda: nd.Activation(A, act_type="gelu2"), ValueError, "activation: act_type is 'gelu2', must be one of 'relu', 'sigmoid', 'tanh', 'softrelu',"),
    (lambda: nd.LeakyReLU(A, act_type="odd"), ValueError, "leaky_relu: act_type is 'odd', must be one of 'elu', 'gelu', 'leaky', 'prelu', 'rrelu',"),
    (lambda: nd.Dropout(A, p=1.5), ValueError, "dropout: p is 1.5, must be in [0, 1)"),
    (lambda: nd.Dropout(A, p=-0.1), ValueError, "dropout: p is -0.1, must be in [0, 1)"),
    (lambda: nd.Embedding(V, W, input_dim=3, output_dim=5), ValueError, "embedding: weight has shape (5, 3), must be (3, 5)"),
    (lambda: nd.Embedding(V, W, input_dim=0, output_dim=5), ValueError, "embedding: input_dim is 0, output_dim is 5, must be > 0"),
    (lambda: nd.softmax(A, axis=2), IndexError, "softmax: axis is 2, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.log_softmax(A, axis=-3), IndexError, "log_softmax: axis is -3, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.softmax(A, temperature=0.0), ValueError, "softmax: temperature is 0, must be > 0"),
    (lambda: nd.SoftmaxOutput(A, nd.ones(5)), ValueError, "softmax_output: label has shape (5,), must be (2,) or that of data, (2, 3)"),
    (lambda: nd.CTCLoss(A, A), ValueError, "ctc_loss: data has shape (2, 3), must be (time, batch, classes)"),
    (lambda: nd.RNN(C, nd.ones(3), nd.ones((1, 3, 4)), state_size=4, num_layers=1, mode="rnn_tanh"), ValueError, "rnn: parameters has shape (3,), must be (40,) for data of shape (2, 3, 4)"),
    (lambda: nd.RNN(C, nd.ones(3), nd.ones((1, 3, 4)), state_size=4, num_layers=1, mode="elman"), ValueError, "rnn: mode is 'elman', must be one of 'gru', 'lstm', 'rnn_relu', 'rnn_tanh'"),
    (lambda: nd.reshape(A, shape=(4, 2)), ValueError, "reshape: shape is (4, 2), must hold the 6 elements of shape (2, 3)"),
    (lambda: nd.reshape(A, shape=(-1, -1)), ValueError, "reshape: shape is (-1, -1), must have at most one -1"),
    (lambda: nd.reshape(A, shape=(-4, 5, 2, 3)), ValueError, "reshape: shape is (-4, 5, 2, 3), must split axis 0 of (2, 3) into two sizes whose"),
    (lambda: nd.reshape(A, shape=(0, 0, 0)), ValueError, "reshape: shape is (0, 0, 0), refers to more axes than (2, 3) has"),
    (lambda: nd.transpose(A, axes=(0, 0)), ValueError, "transpose: axes is (0, 0), must not repeat an axis"),
    (lambda: nd.transpose(A, axes=(0, 1, 2)), ValueError, "transpose: axes is (0, 1, 2), must name all 2 axes of data"),
    (lambda: nd.swapaxes(A, dim1=0, dim2=4), IndexError, "swap_axes: dim2 is 4, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.expand_dims(A, axis=5), IndexError, "expand_dims: axis is 5, must be in [-3, 2] for an array of 3 dimensions"),
    (lambda: nd.squeeze(A, axis=0), ValueError, "squeeze: axis is 0 of size 2, must have size 1"),
    (lambda: nd.concat(A, B, dim=0), ValueError, "concat: array 1 has shape (4, 5), must be that of array 0, (2, 3), except along axis 0"),
    (lambda: nd.concat(A, A, dim=3), IndexError, "concat: dim is 3, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.concat(dim=0), ValueError, "concat: got no arrays, must be at least 1"),
    (lambda: nd.stack(A, B), ValueError, "stack: array 1 has shape (4, 5), must be that of array 0, (2, 3)"),
    (lambda: nd.split(A, num_outputs=2, axis=1), ValueError, "split: num_outputs is 2, must divide the size 3 of axis 1"),
    (lambda: nd.slice(A, begin=(0, 0, 0), end=(1, 1, 1)), ValueError, "slice: begin is (0, 0, 0) and end is (1, 1, 1), must have equal length, at most 2"),
    (lambda: nd.slice(A, begin=(0,), end=(1,), step=(0,)), ValueError, "slice: step is 0, must not be 0"),
    (lambda: nd.slice_axis(A, axis=2, begin=0, end=1), IndexError, "slice_axis: axis is 2, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.slice_like(A, B, axes=(5,)), IndexError, "slice_like: axes is 5, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.take(A, nd.array([9]), mode="raise").wait_to_read(), IndexError, "take: indices has 9, must be in [-2, 1]"),
    (lambda: nd.take(A, nd.array([0]), axis=4), IndexError, "take: axis is 4, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.take(A, nd.array([0]), mode="mirror"), ValueError, "take: mode is 'mirror', must be one of 'raise', 'wrap', 'clip'"),
    (lambda: nd.pick(A, nd.ones(5)), ValueError, "pick: index has shape (5,), must be that of data (2, 3) without axis 1"),
    (lambda: nd.pick(A, nd.ones(2), axis=4), IndexError, "pick: axis is 4, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.one_hot(V, depth=-1), ValueError, "one_hot: depth is -1, must be >= 0"),
    (lambda: nd.gather_nd(A, nd.array([[5], [0]], dtype="int32")).wait_to_read(), IndexError, "gather_nd: indices has 5, must be in [-2, 1] along axis 0 of (2, 3)"),
    (lambda: nd.gather_nd(A, nd.ones((3, 1), dtype="int32")), ValueError, "gather_nd: indices has shape (3, 1), must have 1 to 2 rows, one for each axis that is"),
    (lambda: nd.scatter_nd(V, nd.ones((2, 1), dtype="int32"), shape=(3, 3)), ValueError, "scatter_nd: data has shape (6,), must be (1,) for indices of shape (2, 1) into (3, 3)"),
    (lambda: nd.where(A, A, B), ValueError, "where: shapes (2, 3) and (4, 5) do not broadcast; axis -1 is 3 and 5, must be equal or 1"),
    (lambda: nd.tile(A, reps=(-1,)), ValueError, "tile: reps is (-1,), must be >= 0"),
    (lambda: nd.repeat(A, repeats=-2), ValueError, "repeat: repeats is -2, must be >= 0"),
    (lambda: nd.repeat(A, repeats=2, axis=5), IndexError, "repeat: axis is 5, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.pad(IM, mode="constant", pad_width=(1, 1)), ValueError, "pad: pad_width is (1, 1), must have two numbers for each of the 4 axes"),
    (lambda: nd.pad(IM, mode="odd", pad_width=(0, 0, 0, 0, 1, 1, 1, 1)), ValueError, "pad: mode is 'odd', must be one of 'constant', 'edge', 'reflect'"),
    (lambda: nd.pad(IM, mode="reflect", pad_width=(0, 0, 0, 0, 9, 9, 1, 1)), ValueError, "pad: pad_width is (0, 0, 0, 0, 9, 9, 1, 1), axis 2 must have at least 10 elements for"),
    (lambda: nd.flip(A, axis=3), IndexError, "flip: axis is 3, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.broadcast_to(A, shape=(3, 3)), ValueError, "broadcast_to: shape is (3, 3), must be that of data (2, 3) except where data has size 1"),
    (lambda: nd.broadcast_axis(A, axis=0, size=4), ValueError, "broadcast_axis: axis is 0 of size 2, must have size 1"),
    (lambda: nd.broadcast_like(A, nd.ones((5, 4))), ValueError, "broadcast_like: lhs has shape (2, 3), must have size 1 where the result (5, 4) differs"),
    (lambda: nd.sum(A, axis=4), IndexError, "nd_sum: axis is 4, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.sum(A, axis=(0, 0)), ValueError, "nd_sum: axis is (0, 0), must not repeat an axis"),
    (lambda: nd.mean(A, axis=-3), IndexError, "nd_mean: axis is -3, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.max(nd.zeros((0, 3)), axis=0), ValueError, "nd_max: data has shape (0, 3), must have elements along axis: an extreme of none is"),
    (lambda: nd.norm(A, ord=3), ValueError, "nd_norm: ord is 3, must be 1 or 2"),
    (lambda: nd.argmax(A, axis=2), IndexError, "argmax: axis is 2, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.topk(A, k=5, axis=1), ValueError, "topk: k is 5, must be at most 3"),
    (lambda: nd.topk(A, k=1, axis=3), IndexError, "topk: axis is 3, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.topk(A, k=1, ret_typ="all"), ValueError, "topk: ret_typ is 'all', must be one of 'value', 'indices', 'mask', 'both'"),
    (lambda: nd.sort(A, axis=2), IndexError, "sort: axis is 2, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.argsort(A, axis=-3), IndexError, "argsort: axis is -3, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: nd.clip(A, a_min=0), ValueError, "clip: a_max is missing, must be given"),
    (lambda: nd.cast(A, dtype="complex256"), TypeError, "cast: dtype is 'complex256', must be the name of a dtype"),
    (lambda: nd.diag(C, k=0, axis1=1, axis2=1), ValueError, "diag: axis1 and axis2 are 1 and 1, must differ"),
    (lambda: nd.depth_to_space(IM, block_size=2), ValueError, "depth_to_space: data has 3 channels, must be a multiple of block_size squared, 4"),
    (lambda: nd.space_to_depth(IM, block_size=4), ValueError, "space_to_depth: data has shape (1, 3, 6, 6), height and width must be multiples of"),
    (lambda: nd.UpSampling(IM, scale=0, sample_type="nearest"), ValueError, "up_sampling: scale is 0, must be in [1, 2^31)"),
    (lambda: nd.UpSampling(IM, scale=2, sample_type="cubic"), ValueError, "up_sampling: sample_type is 'cubic', must be one of 'bilinear', 'nearest'"),
    (lambda: nd.SequenceMask(C, nd.ones(2), use_sequence_length=True), ValueError, "sequence_mask: sequence_length has shape (2,), must be (3,)"),
    (lambda: nd.SequenceLast(C, nd.ones(9), use_sequence_length=True), ValueError, "sequence_last: sequence_length has shape (9,), must be (3,)"),
    (lambda: nd.SequenceReverse(V), ValueError, "sequence_reverse: data has shape (6,), must have a time and a batch axis"),
    (lambda: nd.linalg.gemm2(A, A), ValueError, "linalg_gemm2: A has shape (2, 3), B has shape (2, 3); the axes summed over must be equal"),
    (lambda: nd.linalg.potrf(A), ValueError, "cholesky: data has shape (2, 3), must hold square matrices"),
    (lambda: nd.linalg.potrf(-nd.array(EYE)).wait_to_read(), ValueError, "cholesky: matrix 0 of data is not positive definite, must be"),
    (lambda: nd.linalg.syevd(A), ValueError, "linalg_syevd: A has shape (2, 3), must hold square matrices"),
    (lambda: nd.linalg.inverse(nd.zeros((2, 2))).wait_to_read(), ValueError, "inverse: matrix 0 of data is singular, must be invertible"),
    (lambda: nd.linalg.det(A), ValueError, "det: data has shape (2, 3), must hold square matrices"),
    (lambda: nd.khatri_rao(A, nd.ones((2, 4))), ValueError, "khatri_rao: array 1 has shape (2, 4), must be a matrix with the columns of array 0, (2,"),
    (lambda: nd.ROIPooling(IM, A, pooled_size=(2, 2), spatial_scale=1.0), ValueError, "roi_pooling: rois has shape (2, 3), must be (n, 5)"),
    (lambda: nd.contrib.ROIAlign(IM, A, pooled_size=(2, 2), spatial_scale=1.0), ValueError, "roi_align: rois has shape (2, 3), must be (n, 5)"),
    (lambda: nd.GridGenerator(A, transform_type="affine", target_shape=(4, 4)), ValueError, "grid_generator: data has shape (2, 3), must be (batch, 6) for transform_type 'affine'"),
    (lambda: nd.BilinearSampler(IM, A), ValueError, "bilinear_sampler: grid has shape (2, 3), must be (1, 2, height, width)"),
    (lambda: nd.SpatialTransformer(IM, A, target_shape=(4, 4), transform_type="affine", sampler_type="bilinear"), ValueError, "spatial_transformer: data has shape (2, 3), must be (batch, 6) for transform_type"),
    (lambda: nd.Correlation(IM, A), ValueError, "correlation: data1 has shape (1, 3, 6, 6), data2 has shape (2, 3), must be (batch,"),
    (lambda: nd.contrib.box_iou(A, A), ValueError, "box_iou: lhs has shape (2, 3), must be (..., 4)"),
    (lambda: nd.contrib.box_nms(V), ValueError, "box_nms: data has shape (6,), must be (..., boxes, numbers)"),
    (lambda: nd.contrib.MultiBoxPrior(A, sizes=(0.5,)), ValueError, "multi_box_prior: data has shape (2, 3), must be (batch, channels, height, width)"),
    (lambda: nd.contrib.AdaptiveAvgPooling2D(A, output_size=(2, 2)), ValueError, "adaptive_avg_pooling: data has shape (2, 3), must be (batch, channels, height, width)"),
    (lambda: nd.contrib.BilinearResize2D(IM, height=0, width=0), ValueError, "bilinear_resize: height is 0, must be in [1, 2^31)"),
    (lambda: nd.contrib.interleaved_matmul_selfatt_qk(A, heads=2), ValueError, "interleaved_matmul_selfatt_qk: queries_keys_values has shape (2, 3), must be (steps,"),
    (lambda: nd.random.uniform(0, 1, shape=(-1,)), ValueError, "random_uniform: shape is (-1,), sizes must be >= 0"),
    (lambda: nd.sgd_update(A, B, lr=0.1), ValueError, "sgd_update: grad has shape (4, 5), must be (2, 3) as the weight"),
    (lambda: nd.sgd_mom_update(A, A, V, lr=0.1), ValueError, "sgd_mom_update: mom has shape (6,), must be (2, 3) as the weight"),
    (lambda: nd.adam_update(A, A, A, V, lr=0.1), ValueError, "adam_update: var has shape (6,), must be (2, 3) as the weight"),
    (lambda: nd.image.to_tensor(A), ValueError, "image_to_tensor: data has shape (2, 3), must be (height, width, channels), maybe with a"),
    (lambda: nd.image.resize(IM, size=(0, 2)), ValueError, "image_resize: size is (0, 2), must be one or two numbers > 0"),
    (lambda: nd.image.normalize(A, mean=(0,), std=(1,)), ValueError, "image_normalize: data has shape (2, 3), must be (channels, height, width), maybe with a"),
    (lambda: nd.image.crop(nd.ones((5, 5, 3)), x=3, y=3, width=4, height=4), ValueError, "image_crop: x, y, width, height are 3, 3, 4, 4, must be a part of an image of 5 x 5"),
    (lambda: nd.add_n(A, B), ValueError, "add_n: array 1 has shape (4, 5), must be that of array 0, (2, 3)"),
    (lambda: nd.add_n(), ValueError, "add_n: got no arrays, must be at least 1"),
    (lambda: nd.zeros((2,), dtype="complex256"), TypeError, "dtype is 'complex256', must be one of bfloat16, bool, complex128, complex64, float16, float32, float64, int16,"),
    (lambda: nd.array([1, 2]).reshape((3,)), ValueError, "reshape: shape is (3,), must hold the 2 elements of shape (2,)"),
    (lambda: nd.ones((2, 3))[5], IndexError, "index is 5, must be in [-2, 1] for axis 0 of shape (2, 3)"),
    (lambda: nd.ones((2, 3))[0, 0, 0], IndexError, "index has 3 entries, must be at most 2 for shape (2, 3)"),
    (lambda: nd.ones((2, 3))["a"], IndexError, "index is 'a', must be an integer, slice, ellipsis, None or an array of integers or bools"),
    (lambda: nd.ones((2, 3)).asscalar(), ValueError, "asscalar: array has shape (2, 3), must have one element"),
    (lambda: nd.ones((2, 3)).copyto(nd.ones((3, 2))), ValueError, "copyto: other has shape (3, 2), must be (2, 3)"),
    (lambda: nd.ones((2, 3)).copyto(5), TypeError, "copyto: other is int, must be an NDArray or a Context"),
    (lambda: nd.save("x", [1]), TypeError, "save: data holds int, must hold NDArrays"),
    (lambda: nd.relu(5), TypeError, "relu: data is int, must be an array"),
    (lambda: nd.relu(), ValueError, "relu: got 0 input arrays, must be 1"),
    (lambda: nd.square(A, out=nd.ones((3, 2))), ValueError, "square: out has shape (3, 2), must be (2, 3)"),
    (lambda: nd.square(A, out=nd.ones((2, 3), dtype="int32")), TypeError, "square: out has dtype int32, must be float32"),
    (lambda: nd.square(A, out=5), TypeError, "square: out is int, must be an array"),
    (lambda: nd.ones((2, 3)).attach_grad("sometimes"), ValueError, "grad_req is 'sometimes', must be one of ['null', 'write', 'add']"),
    (lambda: nd.ones((2, 3)).backward(), ValueError, "backward: the head was not computed from a variable with a gradient while autograd"),
    (lambda: nd.ones(3, dtype="int32").attach_grad(), TypeError, "attach_grad: dtype is int32, must be floating"),
    (lambda: npx.softmax(NA, axis=3), IndexError, "softmax: axis is 3, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: npx.activation(NA, act_type="odd"), ValueError, "activation: act_type is 'odd', must be one of 'relu', 'sigmoid', 'tanh', 'softrelu',"),
    (lambda: npx.fully_connected(NA, mx.np.ones((4, 7)), num_hidden=4, no_bias=True), ValueError, "fully_connected: weight has shape (4, 7), must be (4, 3) for data of shape (2, 3)"),
    (lambda: npx.convolution(NA, NA, kernel=(3, 3), num_filter=2, no_bias=True), ValueError, "convolution: data has shape (2, 3), must have 4 axes for kernel (3, 3)"),
    (lambda: npx.pooling(NA, kernel=(2, 2)), ValueError, "pooling: data has shape (2, 3), must have 4 axes for kernel (2, 2)"),
    (lambda: npx.batch_norm(NA, NA, NA, NA, NA), ValueError, "batch_norm: gamma has shape (2, 3), must be (3,) for data of shape (2, 3)"),
    (lambda: npx.layer_norm(NA, NA, NA), ValueError, "layer_norm: gamma has shape (2, 3), must be (3,) for data of shape (2, 3)"),
    (lambda: npx.one_hot(NA, -1), ValueError, "one_hot: depth is -1, must be >= 0"),
    (lambda: npx.pick(NA, mx.np.ones(7)), ValueError, "pick: index has shape (7,), must be that of data (2, 3) without axis 1"),
    (lambda: npx.topk(NA, k=9), ValueError, "topk: k is 9, must be at most 3"),
    (lambda: npx.embedding(NA, NA, input_dim=9, output_dim=3), ValueError, "embedding: weight has shape (2, 3), must be (9, 3)"),
    (lambda: npx.dropout(NA, p=2), ValueError, "dropout: p is 2, must be in [0, 1)"),
    (lambda: npx.leaky_relu(NA, act_type="odd"), ValueError, "leaky_relu: act_type is 'odd', must be one of 'elu', 'gelu', 'leaky', 'prelu', 'rrelu',"),
    (lambda: npx.reshape(NA, (4, 4)), ValueError, "view_shape: shape is (4, 4), must hold the 6 elements of shape (2, 3)"),
    (lambda: npx.gather_nd(NA, mx.np.ones((3, 1), dtype="int32")), ValueError, "gather_nd: indices has shape (3, 1), must have 1 to 2 rows, one for each axis that is"),
    (lambda: npx.batch_dot(NA, NA), ValueError, "batch_dot: lhs has shape (2, 3), rhs has shape (2, 3); the axes summed over must be"),
    (lambda: npx.sequence_mask(NA, mx.np.ones(9), use_sequence_length=True), ValueError, "sequence_mask: sequence_length has shape (9,), must be (3,)"),
    (lambda: npx.arange_like(NA, axis=5), IndexError, "arange_like: axis is 5, must be in [-2, 1] for an array of 2 dimensions"),
    (lambda: npx.broadcast_like(NA, mx.np.ones((5, 4))), ValueError, "broadcast_like: lhs has shape (2, 3), must have size 1 where the result (5, 4) differs"),
    (lambda: npx.rnn(NA, NA, NA, mode="odd", state_size=2, num_layers=1), ValueError, "rnn: mode is 'odd', must be one of 'gru', 'lstm', 'rnn_relu', 'rnn_tanh'"),
    (lambda: nd.elemwise_add(A, B), ValueError, "elemwise_add: rhs has shape (4, 5), must be (2, 3) as lhs"),
    (lambda: nd.elemwise_sub(A, T), ValueError, "elemwise_sub: rhs has shape (3,), must be (2, 3) as lhs"),
    (lambda: nd.elemwise_mul(A, A.astype("float64")), TypeError, "elemwise_mul: rhs has dtype float64, must be float32"),
    (lambda: nd.elemwise_div(A, 2), TypeError, "elemwise_div: rhs is int, must be an array"),
    (lambda: nd.arange(0, 1, 0), ValueError, "arange: step is 0, must not be 0"),
    (lambda: nd.split(A, num_outputs=0), ValueError, "split: num_outputs is 0, must be in [1, 2^20]"),
    (lambda: nd.Pooling(IM, kernel=(2, 2), pool_type="lp", p_value=0), ValueError, "pooling: p_value is 0, must be >= 1"),
    (lambda: nd.contrib.quantize_v2(A, out_type="int4"), ValueError, "quantize_v2: out_type is 'int4', must be one of"),
    (lambda: nd.contrib.dequantize(A, T, T), TypeError, "dequantize: data has dtype float32, must be int8, uint8 or int32"),
    (lambda: nd.sparse.zeros("coo", (2, 2)), ValueError, "zeros: stype is 'coo', must be"),
    (lambda: nd.repeat(V, repeats=BIG), ValueError, "repeat: repeats is 4611686018427387904, must fit in 64 bits times 6"),
    (lambda: nd.repeat(C, repeats=BIG, axis=2), ValueError, "repeat: repeats is 4611686018427387904, must fit in 64 bits times 4"),
    (lambda: nd.tile(A, reps=(BIG, 2)), ValueError, "tile: reps is 4611686018427387904, must fit in 64 bits times 2"),
    (lambda: op.invoke("arange", [], {"start": 0.0, "stop": 9.0, "repeat": BIG}), ValueError, "arange: repeat is 4611686018427387904, must fit in 64 bits times 9"),
    (lambda: op.invoke("arange", [], {"start": 0.0, "stop": 1e30}), ValueError, "arange: stop is 1e+30, must be less than 2^62 steps of 1 from 0"),
    (lambda: nd.scatter_nd(T, nd.ones((1, 3), dtype="int32"), shape=(BIG, 8)), ValueError, "scatter_nd: shape is (4611686018427387904, 8), its bytes must fit in 64 bits"),
    (lambda: nd.contrib.interleaved_matmul_selfatt_qk(C, heads=BIG), ValueError, "interleaved_matmul_selfatt_qk: heads is 4611686018427387904, must be in [1, 2^31)"),
    (lambda: nd.RNN(C, T, C, state_size=BIG, num_layers=1, mode="gru"), ValueError, "rnn: state_size is 4611686018427387904, num_layers is 1, projection_size is 4611686018427387904, must give sizes that fit in 64 bits"),
    (lambda: nd.RNN(C, T, C, state_size=2, num_layers=BIG, mode="gru"), ValueError, "rnn: state_size is 2, num_layers is 4611686018427387904, projection_size is 2, must give sizes that fit in 64 bits"),
    (lambda: nd.linalg.maketrian(T, offset=BIG), ValueError, "linalg_maketrian: offset is 4611686018427387904, must be in (-2^31, 2^31)"),
    (lambda: nd.linalg.makediag(T, offset=-BIG), ValueError, "linalg_makediag: offset is -4611686018427387904, must be in (-2^31, 2^31)"),
    (lambda: nd.linalg.extractdiag(C, offset=BIG), ValueError, "linalg_extractdiag: A has shape (2, 3, 4), must hold square matrices"),
    (lambda: nd.diag(T, k=BIG), ValueError, "diag: k is 4611686018427387904, must be in (-2^31, 2^31)"),
    (lambda: nd.Convolution(IM, nd.ones((4, 3, 3, 3)), kernel=(3, 3), dilate=(BIG, 1), num_filter=4, no_bias=True), ValueError, "convolution: dilate is (4611686018427387904, 1), must be in [1, 2^31)"),
    (lambda: nd.Deconvolution(IM, nd.ones((3, 4, 3, 3)), kernel=(3, 3), stride=(BIG, 1), num_filter=4, no_bias=True), ValueError, "deconvolution: stride is (4611686018427387904, 1), must be in [1, 2^31)"),
    (lambda: nd.Deconvolution(IM, nd.ones((3, 4, 3, 3)), kernel=(3, 3), target_shape=(BIG, 1), num_filter=4, no_bias=True), ValueError, "deconvolution: target_shape is (4611686018427387904, 1), must be in [0, 2^31)"),
    (lambda: nd.Deconvolution(IM, nd.ones((3, 4, 3, 3)), kernel=(3, 3), dilate=(2, 2), adj=(1, 0), num_filter=4, no_bias=True), ValueError, "deconvolution: adj is (1, 0), must be smaller than stride (1, 1)"),
    (lambda: nd.Deconvolution(IM, nd.ones((3, 4, 3, 3)), kernel=(3, 3), target_shape=(7, 8), num_filter=4, no_bias=True), ValueError, "deconvolution: adj is (1, 0) for this target_shape, must be smaller than stride (1, 1)"),
    (lambda: nd.reshape(A, shape=(BIG, 8)), ValueError, "reshape: shape is 8, must fit in 64 bits times 4611686018427387904"),
    (lambda: op.invoke("pick_backward", [V, V], {"axis": 0, "shape": (BIG, BIG)}), ValueError, "pick_backward: shape is (4611686018427387904, 4611686018427387904), its bytes must fit in 64 bits"),
    (lambda: nd.contrib.box_nms(C, coord_start=2**63 - 1), ValueError, "box_nms: coord_start is 9223372036854775807, score_index is 1, id_index is -1, must lie in the 4 numbers of a box"),
    (lambda: nd.broadcast_to(nd.ones((1, 1)), shape=(BIG, BIG)), ValueError, "broadcast_to: shape is (4611686018427387904, 4611686018427387904), its bytes must fit in 64 bits"),
    (lambda: nd.broadcast_axis(nd.ones((1, 3)), axis=0, size=BIG), ValueError, "broadcast_axis: shape is (4611686018427387904, 3), its bytes must fit in 64 bits"),
    (lambda: nd.image.resize(nd.ones((5, 6, 3)), size=BIG, keep_ratio=True), ValueError, "image_resize: size is (4611686018427387904,), must be in [1, 2^31)"),
    (lambda: op.invoke("row_numbers", [V], {"rows": 0}), ValueError, "row_numbers: rows is 0, must be > 0"),
    (lambda: op.invoke("csr_rows", [T.astype("int64"), T.astype("int64")], {"shape": (2**63 - 1, 1)}), ValueError, "csr_rows: indptr has shape (3,), must be a vector with one number more than the 9223372036854775807 rows"),
    (lambda: nd.Pooling(IM, kernel=(BIG, 2), pad=(BIG // 2, 0), pool_type="max"), ValueError, "pooling: kernel is (4611686018427387904, 2), must be in [1, 2^31)"),
    (lambda: nd.im2col(IM, kernel=(2, 2), pad=(BIG, 0)), ValueError, "im2col: pad is (4611686018427387904, 0), must be in [0, 2^31)"),
    (lambda: nd.col2im(C, output_size=(BIG, 8), kernel=(2, 2)), ValueError, "col2im: shape is (4611686018427387904, 8), its bytes must fit in 64 bits"),
    (lambda: nd.pad(IM, mode="constant", pad_width=(0, 0, 0, 0, BIG, BIG, 0, 0)), ValueError, "pad: pad_width is (0, 0, 0, 0, 4611686018427387904, 4611686018427387904, 0, 0), must be in [0, 2^31)"),
    (lambda: nd.UpSampling(IM, scale=BIG, sample_type="nearest"), ValueError, "up_sampling: scale is 4611686018427387904, must be in [1, 2^31)"),
    (lambda: nd.Correlation(IM, IM, max_displacement=BIG), ValueError, "correlation: max_displacement is 4611686018427387904, must be in [0, 2^31)"),
    (lambda: nd.Correlation(IM, IM, kernel_size=2), ValueError, "correlation: kernel_size is 2, must be odd"),
    (lambda: nd.contrib.BilinearResize2D(IM, scale_height=1e30, scale_width=1.0), ValueError, "bilinear_resize: height is 0, must be in [1, 2^31)"),
    (lambda: nd.contrib.ROIAlign(IM, nd.zeros((1, 5)), pooled_size=(2, 2), spatial_scale=1.0, sample_ratio=BIG), ValueError, "roi_align: sample_ratio is 4611686018427387904, must be at most 1024"),
    (lambda: nd.ROIPooling(IM, nd.zeros((1, 5)), pooled_size=(0, 2), spatial_scale=1.0), ValueError, "roi_pooling: pooled_size is (0, 2), must be in [1, 2^31)"),
    (lambda: nd.image.crop(nd.ones((5, 5, 3)), x=1, y=1, width=2**63 - 1, height=1), ValueError, "image_crop: x, y, width, height are 1, 1, 9223372036854775807, 1, must be a part of an image of 5 x 5"),
    (lambda: nd.image.random_crop(nd.ones((5, 5, 3)), width=BIG, height=4), ValueError, "image_random_crop: width is 4611686018427387904, must be in [1, 2^31)"),
    (lambda: nd.image.random_resized_crop(nd.ones((5, 5, 3)), width=4, height=4, max_trial=BIG), ValueError, "image_random_resized_crop: max_trial is 4611686018427387904, must be in [0, 2^20]"),
    (lambda: nd.split(nd.zeros((2, 0)), num_outputs=BIG), ValueError, "split: num_outputs is 4611686018427387904, must be in [1, 2^20]"),
    (lambda: nd.split_v2(nd.zeros((2, 0)), BIG, axis=1), ValueError, "split_v2: sections is 4611686018427387904, must be in [1, 2^20]"),
    (lambda: nd.Crop(IM, h_w=(-BIG * 2 + 1, 1), center_crop=True), ValueError, "crop_like: the part has size -9223372036854775807, must be in [1, 6] along axis 2"),
    (lambda: nd.ones((2**40, 2**40)), ValueError, "full: a result has shape (1099511627776, 1099511627776), must have at most 2^63 - 1 elements"),
]  # fmt: skip


def test_table_is_long():
    assert len(WRONG) >= 200


# Numbers that no array has are allowed where they only bound what is taken.
def test_extreme_numbers_that_are_legal():
    x = nd.array(np.arange(6.0).reshape(2, 3))
    most, least = 2**63 - 1, -(2**63) + 1
    assert nd.slice(x, begin=(least, 1), end=(most, most), step=(BIG, BIG)).shape == (1, 1)
    assert nd.slice(x, begin=(None, most), end=(None, least), step=(1, -1)).shape == (2, 3)
    assert nd.slice_axis(x, axis=1, begin=least, end=most).shape == (2, 3)
    y = mx.np.array(x.asnumpy())
    for k in (BIG, -BIG, most, least):
        assert (mx.np.tril(y, k).asnumpy() == np.tril(x.asnumpy(), np.sign(k) * 9)).all()
        assert (mx.np.triu(y, k).asnumpy() == np.triu(x.asnumpy(), np.sign(k) * 9)).all()
        assert mx.np.diagonal(y, k).shape == (0,)


def test_diagonal_without_elements_adds_no_strides():
    attrs = {"shape": (0, 1, BIG), "axis1": 0, "axis2": 1}
    rows = nd.zeros((BIG, 0), dtype="int8")
    assert op.invoke("place_diagonal", [rows], attrs).shape == (0, 1, BIG)


def test_regions_that_lie_outside_are_refused():
    def place(first, step, count, shape):
        attrs = {"first": first, "step": step, "count": count, "shape": shape}
        return op.invoke("place_region", [nd.ones(count)], attrs)

    assert place((1,), (BIG,), (1,), (3,)).asnumpy().tolist() == [0, 1, 0]
    for case in (
        ((-BIG * 2 + 1,), (1,), (1,), (3,)),
        ((0,), (-BIG * 2,), (2,), (3,)),
        ((2,), (BIG,), (2,), (3,)),
    ):
        with pytest.raises(ValueError, match="must lie in shape"):
            place(*case)
    with pytest.raises(ValueError, match="must fit in 64 bits"):
        place((0, 0), (1, 1), (1, 1), (BIG, 8))
    for begin, end, step in ((-BIG * 2 + 1, 2, 1), (0, BIG, BIG), (1, -BIG, -1)):
        attrs = {"begin": (begin,), "end": (end,), "step": (step,)}
        with pytest.raises(IndexError, match="basic_index: begin is .*must lie in shape"):
            op.invoke("basic_index", [T], attrs)


# int64 arithmetic of elements wraps round as NumPy's does.
def test_whole_numbers_wrap_round():
    limits = np.iinfo("int64")
    a = np.array([limits.min, limits.max, -1, BIG], dtype="int64")
    b = np.array([-1, 2, limits.min, 4], dtype="int64")
    x, y = mx.np.array(a, dtype="int64"), mx.np.array(b, dtype="int64")
    with np.errstate(over="ignore"):
        for name in ("add", "subtract", "multiply", "power"):
            other = np.abs(b % 7) if name == "power" else b
            got = getattr(mx.np, name)(x, mx.np.array(other, dtype="int64"))
            assert got.asnumpy().tolist() == getattr(np, name)(a, other).tolist(), name
        for name in ("negative", "square", "abs", "sum", "prod", "cumsum", "cumprod"):
            assert getattr(mx.np, name)(x).asnumpy().tolist() == getattr(np, name)(a).tolist(), name
    assert (x // -1).asnumpy().tolist() == [limits.min, -limits.max, 1, -BIG]
    assert y.dtype == np.int64


def test_matrices_without_elements():
    assert nd.linalg.det(nd.zeros((2, 0, 0))).asnumpy().tolist() == [1, 1]
    assert nd.linalg.inverse(nd.zeros((0, 0))).shape == (0, 0)


def test_box_of_any_size_ends():
    image = nd.array(np.ones((1, 1, 4, 4)))
    rois = nd.array(
        [[0, -1e30, -1e30, 1e30, 1e30], [0, 0, 0, np.inf, np.inf], [0, 0, 0, 3, np.nan]]
    )
    for align in (nd.contrib.ROIAlign, nd.ROIPooling):
        assert align(image, rois, pooled_size=(2, 2), spatial_scale=1.0).shape == (3, 1, 2, 2)


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_wrong_call(case):
    call, error, text = WRONG[case]
    with pytest.raises(error) as raised:
        call()
    assert text in str(raised.value)
