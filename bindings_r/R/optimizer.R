#' Optimizers
#'
#' Each optimizer has `create.state(index, weight)` and
#' `update(index, weight, grad, state)`, which changes `weight` in place and
#' gives the new state. `mx.opt.get.updater` binds one to a list of weights.
#'
#' @param name `"sgd"`, `"adam"`, `"rmsprop"`, `"adagrad"`, `"adadelta"` or
#'   `"nag"`
#' @param ... arguments of that optimizer
#' @param learning.rate step size, no unit
#' @param momentum factor of the step before
#' @param wd weight decay, no unit
#' @param rescale.grad factor of the gradients
#' @param clip_gradient largest absolute value of a gradient after rescaling;
#'   `NULL` or a negative number for none
#' @param lr_scheduler a function as `mx.lr_scheduler.FactorScheduler()` gives
#' @param beta1,beta2 decay of the means of gradients and of their squares
#' @param epsilon added to a root
#' @param gamma1,rho decay of the mean of squares, and of that of gradients
#' @param centered whether squares are taken around that mean, and steps have a
#'   momentum of `gamma2`
#' @param gamma2 factor of the step before
#' @param optimizer an optimizer
#' @param weights list of arrays by name
#' @param ctx accepted for MXNet's programs: states are where the weights are
#' @return An optimizer: a list of class `MXOptimizer`. For
#'   `mx.opt.get.updater` a function of `(weights, grads)` that updates the
#'   weights and gives them back.
#' @references Kingma, Ba: Adam, ICLR 2015. Tieleman, Hinton: Lecture 6.5,
#'   COURSERA 2012. Graves, arXiv 1308.0850.
#'   Duchi, Hazan, Singer, JMLR 12 (2011). Zeiler: ADADELTA,
#'   arXiv 1212.5701. Nesterov, Soviet Math. Doklady 27 (1983).
#' @examples
#' w <- list(w = mx.nd.ones(2))
#' update <- mx.opt.get.updater(mx.opt.sgd(learning.rate = 0.1), w)
#' w <- update(w, list(w = mx.nd.ones(2)))
#' as.array(w$w)
#' @name mx.opt
NULL

.optimizer <- function(learning.rate, lr_scheduler, create.state, step) {
  .check.number(learning.rate, "learning.rate", "a number > 0", function(x) {
    x > 0
  })
  state <- new.env(parent = emptyenv())
  state$lr <- learning.rate
  state$count <- 0
  state$num_update <- 0
  counts <- new.env(parent = emptyenv())
  update <- function(index, weight, grad, own) {
    key <- as.character(index)
    t <- counts[[key]]
    t <- if (is.null(t)) 1 else t + 1
    counts[[key]] <- t
    state$num_update <- max(state$num_update, t)
    if (!is.null(lr_scheduler)) lr_scheduler(state)
    step(weight, grad, own, state$lr, t)
    own
  }
  structure(
    class = "MXOptimizer",
    list(create.state = create.state, update = update, state = state)
  )
}

.clip <- function(x) if (is.null(x)) -1 else x

#' @rdname mx.opt
#' @export
mx.opt.sgd <- function(learning.rate = 0.01, momentum = 0, wd = 0,
  rescale.grad = 1, clip_gradient = -1, lr_scheduler = NULL) {
  clip <- .clip(clip_gradient)
  .optimizer(learning.rate, lr_scheduler, function(index, weight) {
    if (momentum != 0) .op1("zeros_like", weight)
  }, function(weight, grad, mom, lr, t) {
    if (is.null(mom)) {
      mx.nd.sgd.update(weight, grad, lr = lr, wd = wd,
        rescale_grad = rescale.grad, clip_gradient = clip, out = weight)
    } else {
      mx.nd.sgd.mom.update(weight, grad, mom, lr = lr, momentum = momentum,
        wd = wd, rescale_grad = rescale.grad, clip_gradient = clip,
        out = weight)
    }
  })
}

#' @rdname mx.opt
#' @export
mx.opt.adam <- function(learning.rate = 1e-3, beta1 = 0.9, beta2 = 0.999,
  epsilon = 1e-8, wd = 0, rescale.grad = 1, clip_gradient = -1,
  lr_scheduler = NULL) {
  clip <- .clip(clip_gradient)
  .optimizer(learning.rate, lr_scheduler, function(index, weight) {
    list(mean = .op1("zeros_like", weight), var = .op1("zeros_like", weight))
  }, function(weight, grad, own, lr, t) {
    rate <- lr * sqrt(1 - beta2^t) / (1 - beta1^t)
    mx.nd.adam.update(weight, grad, own$mean, own$var, lr = rate,
      beta1 = beta1, beta2 = beta2, epsilon = epsilon, wd = wd,
      rescale_grad = rescale.grad, clip_gradient = clip, out = weight)
  })
}

# The gradient after rescaling, clipping and weight decay.
.prepared <- function(weight, grad, rescale, clip, wd) {
  grad <- grad * rescale
  if (clip > 0) grad <- .op1("clip", grad, -clip, clip)
  if (wd == 0) grad else grad + weight * wd
}

# Copies results into arrays that live on.
.assign <- function(to, from) .Call(C_array_copy, from, to)

#' @rdname mx.opt
#' @export
mx.opt.rmsprop <- function(learning.rate = 0.002, centered = TRUE,
  gamma1 = 0.95, gamma2 = 0.9, epsilon = 1e-4, wd = 0, rescale.grad = 1,
  clip_gradient = -1, lr_scheduler = NULL) {
  clip <- .clip(clip_gradient)
  .optimizer(learning.rate, lr_scheduler, function(index, weight) {
    zeros <- function(i) .op1("zeros_like", weight)
    lapply(seq_len(if (centered) 3 else 1), zeros)
  }, function(weight, grad, own, lr, t) {
    if (!centered) {
      return(mx.nd.rmsprop.update(weight, grad, own[[1]], lr = lr,
        gamma1 = gamma1, epsilon = epsilon, wd = wd,
        rescale_grad = rescale.grad, clip_gradient = clip, out = weight))
    }
    mx.nd.rmspropalex.update(weight, grad, own[[1]], own[[2]], own[[3]],
      lr = lr, gamma1 = gamma1, gamma2 = gamma2, epsilon = epsilon, wd = wd,
      rescale_grad = rescale.grad, clip_gradient = clip, out = weight)
  })
}

#' @rdname mx.opt
#' @export
mx.opt.adagrad <- function(learning.rate = 0.05, epsilon = 1e-8, wd = 0,
  rescale.grad = 1, clip_gradient = -1, lr_scheduler = NULL) {
  clip <- .clip(clip_gradient)
  .optimizer(learning.rate, lr_scheduler, function(index, weight) {
    list(history = .op1("zeros_like", weight))
  }, function(weight, grad, own, lr, t) {
    grad <- .prepared(weight, grad, rescale.grad, clip, wd)
    .assign(own$history, own$history + grad * grad)
    .assign(weight, weight - lr * grad / sqrt(own$history + epsilon))
  })
}

#' @rdname mx.opt
#' @export
mx.opt.nag <- function(learning.rate = 0.01, momentum = 0, wd = 0,
  rescale.grad = 1, clip_gradient = -1, lr_scheduler = NULL) {
  clip <- .clip(clip_gradient)
  .optimizer(learning.rate, lr_scheduler, function(index, weight) {
    .op1("zeros_like", weight)
  }, function(weight, grad, mom, lr, t) {
    mx.nd.nag.mom.update(weight, grad, mom, lr = lr, momentum = momentum,
      wd = wd, rescale_grad = rescale.grad, clip_gradient = clip, out = weight)
  })
}

#' @rdname mx.opt
#' @export
mx.opt.adadelta <- function(rho = 0.9, epsilon = 1e-5, wd = 0, rescale.grad = 1,
  clip_gradient = -1) {
  clip <- .clip(clip_gradient)
  .optimizer(1, NULL, function(index, weight) {
    list(mean = .op1("zeros_like", weight), change = .op1("zeros_like", weight))
  }, function(weight, grad, own, lr, t) {
    grad <- .prepared(weight, grad, rescale.grad, clip, 0)
    .assign(own$mean, own$mean * rho + grad * grad * (1 - rho))
    step <- sqrt(own$change + epsilon) / sqrt(own$mean + epsilon) * grad
    .assign(own$change, own$change * rho + step * step * (1 - rho))
    .assign(weight, weight - step - weight * wd)
  })
}

#' @rdname mx.opt
#' @export
mx.opt.create <- function(name, ...) {
  make <- list(
    sgd = mx.opt.sgd, adam = mx.opt.adam, rmsprop = mx.opt.rmsprop,
    adagrad = mx.opt.adagrad, adadelta = mx.opt.adadelta, nag = mx.opt.nag
  )[[name]]
  if (is.null(make)) {
    .stop("PLAIT_ERR_KEY", paste0(
      "mx.opt.create: name is '", name,
      "', must be one of sgd, adam, rmsprop, adagrad, adadelta, nag"
    ))
  }
  make(...)
}

#' @rdname mx.opt
#' @export
mx.opt.get.updater <- function(optimizer, weights, ctx = NULL) {
  states <- lapply(seq_along(weights), function(i) {
    if (!is.null(weights[[i]])) optimizer$create.state(i, weights[[i]])
  })
  function(weights, grads) {
    mx.autograd.pause({
      for (i in seq_along(weights)) {
        if (is.null(grads[[i]])) next
        optimizer$update(i, weights[[i]], grads[[i]], states[[i]])
      }
    })
    weights
  }
}
