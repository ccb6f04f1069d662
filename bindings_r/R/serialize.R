#' Models as R objects
#'
#' Arrays and symbols of the library do not survive [saveRDS()]. A serialized
#' model does: it holds text and bytes.
#'
#' @param model a model
#' @param x any object; for `mx.unserialize` a serialized model
#' @return `mx.serialize` an object of class `MXSerialized`, `mx.unserialize` a
#'   model, `is.serialized` `TRUE` or `FALSE`.
#' @examples
#' x <- mx.symbol.Variable("data")
#' model <- structure(class = "MXFeedForwardModel", list(
#'   symbol = x * mx.symbol.Variable("w"),
#'   arg.params = list(w = mx.nd.ones(2)), aux.params = list()
#' ))
#' file <- tempfile(fileext = ".rds")
#' saveRDS(mx.serialize(model), file)
#' mx.unserialize(readRDS(file))
#' @export
mx.serialize <- function(model) {
  own <- c("symbol", "arg.params", "aux.params")
  rest <- unclass(model)[setdiff(names(model), own)]
  text <- function(symbol) .Call(C_symbol_to_json, symbol)
  params <- .marked.params(model)
  symbol <- model$symbol
  symbol <- if (is.mx.symbol(symbol)) text(symbol) else lapply(symbol, text)
  structure(class = "MXSerialized", list(
    symbol = symbol,
    params = .Call(C_archive_to_raw, unname(params), names(params)),
    rest = rest
  ))
}

#' @rdname mx.serialize
#' @export
mx.unserialize <- function(x) {
  if (!is.serialized(x)) {
    .type.error("x is ", .word(x), ", must be what mx.serialize() gave")
  }
  arrays <- .Call(C_archive_load, x$params)
  symbol <- if (is.list(x$symbol)) {
    lapply(x$symbol, mx.symbol.load.json)
  } else {
    mx.symbol.load.json(x$symbol)
  }
  structure(class = "MXFeedForwardModel", c(
    list(symbol = symbol), .unmarked.params(arrays), x$rest
  ))
}

#' @rdname mx.serialize
#' @export
is.serialized <- function(x) inherits(x, "MXSerialized")
