#' Key-value store
#'
#' Keeps the sum of what several devices give, and hands it back to them.
#' [mx.model.FeedForward.create()] uses one when it trains on several contexts.
#'
#' @param type `"local"` or `"device"`, which are the same; `"dist_sync"` is
#'   shared by all processes that `mpirun` started; `"dist_async"`, too, but each
#'   key is kept by one of them, which takes what is pushed as it comes: each
#'   process must use the store now and then, and calls `barrier()` at the end
#' @param x any object
#' @return An object of class `MXKVStore` with the functions
#'   `init(keys, arrays)`, `push(keys, arrays, priority)`, which adds up the
#'   arrays of a key,
#'   `pull(keys, arrays, priority)`, which writes into arrays,
#'   `barrier()`, which waits for all work and for the other processes,
#'   `set.optimizer(optimizer)`, after which pushing updates the values, and the
#'   fields `type`, `rank`, `num.workers` and `update.on.kvstore`. Keys are
#'   numbers or strings; with several keys `arrays` is a list. Where each key
#'   has arrays of several devices, it is a list with one list for each device.
#' @examples
#' kv <- mx.kv.create("local")
#' kv$init("w", mx.nd.ones(2))
#' kv$push("w", list(mx.nd.ones(2), mx.nd.ones(2) * 4))
#' w <- mx.nd.zeros(2)
#' kv$pull("w", w)
#' as.array(w)
#' @name mx.kv.create
NULL

#' @rdname mx.kv.create
#' @export
mx.kv.create <- function(type = "local") {
  handle <- .Call(C_kvstore_new, type)
  self <- new.env(parent = emptyenv())
  place <- .Call(C_kvstore_place, handle)
  self$type <- .Call(C_kvstore_type, handle)
  self$rank <- place[1]
  self$num.workers <- place[2]
  self$update.on.kvstore <- FALSE
  self$init <- function(keys, arrays) {
    groups <- .by.key(keys, arrays)
    for (key in names(groups)) {
      .Call(C_kvstore_init, handle, key, groups[[key]][[1]])
    }
    invisible(NULL)
  }
  self$push <- function(keys, arrays, priority = 0) {
    groups <- .by.key(keys, arrays)
    for (key in names(groups)) .Call(C_kvstore_push, handle, key, groups[[key]])
    invisible(NULL)
  }
  self$pull <- function(keys, arrays, priority = 0) {
    groups <- .by.key(keys, arrays)
    for (key in names(groups)) .Call(C_kvstore_pull, handle, key, groups[[key]])
    invisible(arrays)
  }
  self$set.optimizer <- function(optimizer) {
    .Call(C_kvstore_set_updater, handle, .kv.updater(optimizer))
    self$update.on.kvstore <- TRUE
    invisible(NULL)
  }
  self$barrier <- function() {
    mx.nd.waitall()
    .Call(C_kvstore_barrier, handle)
    invisible(NULL)
  }
  class(self) <- "MXKVStore"
  self
}

# What the store calls with a key, a sum and the value to change; gives NULL or
# what went wrong. The library keeps it, so it must not know the store.
.kv.updater <- function(optimizer) {
  states <- new.env(parent = emptyenv())
  function(key, sum, value) {
    tryCatch({
      if (is.null(states[[key]])) {
        states[[key]] <- list(optimizer$create.state(key, value))
      }
      mx.autograd.pause(optimizer$update(key, value, sum, states[[key]][[1]]))
      NULL
    }, error = conditionMessage)
  }
}

# The arrays of each key: list(key = list(array, ...)). `arrays` is one array, a
# list for one key, a list with one array for each key, or a list of such lists.
.by.key <- function(keys, arrays) {
  keys <- as.character(keys)
  if (is.mx.ndarray(arrays)) arrays <- list(arrays)
  flat <- !any(vapply(arrays, is.list, TRUE))
  if (flat && length(keys) == 1) return(setNames(list(unname(arrays)), keys))
  devices <- if (flat) list(arrays) else arrays
  sizes <- lengths(devices)
  if (any(sizes != length(keys))) {
    .value.error("kvstore: got ", sizes[sizes != length(keys)][1],
      " arrays, must be ", length(keys), ", one for each key")
  }
  setNames(lapply(seq_along(keys), function(i) {
    unname(lapply(devices, function(arrays) arrays[[i]]))
  }), keys)
}

#' @rdname mx.kv.create
#' @export
is.mx.kvstore <- function(x) inherits(x, "MXKVStore")

#' @export
print.MXKVStore <- function(x, ...) {
  cat("<MXKVStore of type ", x$type, ">\n", sep = "")
  invisible(x)
}
