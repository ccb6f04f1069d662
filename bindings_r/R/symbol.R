#' Symbols
#'
#' A symbol is a graph of operators that is composed first and run later. The
#' functions `mx.symbol.*` make its nodes; R's arithmetic works on symbols too.
#'
#' A symbol has fields as in MXNet's R package: `$arguments`, `$outputs`,
#' `$auxiliary.states`, `$name`, `$attributes`, which can be set, and the
#' functions `$as.json()`, `$save(file)`, `$get.internals()`,
#' `$get.children()`, `$get.output(name or number from 1)`,
#' `$infer.shape(list)`.
#'
#' @param name name of the variable
#' @param ... symbols, or lists of symbols; for `mx.symbol.infer.shape` shapes
#'   in R's order, by name
#' @param symbol,x a symbol
#' @param filename path of a file of JSON
#' @param str JSON text
#' @return A symbol; `arguments` and `outputs` names; `mx.symbol.infer.shape` a
#'   list of `arg.shapes`, `out.shapes` and `aux.shapes`, or `NULL` if the
#'   shapes given do not determine all.
#' @examples
#' x <- mx.symbol.Variable("x")
#' net <- mx.symbol.FullyConnected(x, num_hidden = 4, name = "fc")
#' arguments(net)
#' outputs(net)
#' mx.symbol.infer.shape(net, x = c(3, 10))$arg.shapes
#' @name mx.symbol
NULL

#' @rdname mx.symbol
#' @export
mx.symbol.Variable <- function(name) .Call(C_symbol_variable, name)

#' @rdname mx.symbol
#' @export
mx.symbol.Group <- function(...) {
  .Call(C_symbol_group, .arrays(...))
}

#' @rdname mx.symbol
#' @export
mx.symbol.load <- function(filename) {
  if (!file.exists(filename)) {
    .stop("PLAIT_ERR_IO", paste0(
      "mx.symbol.load: file '", filename, "' does not exist, must be readable"
    ))
  }
  mx.symbol.load.json(paste(readLines(filename, warn = FALSE), collapse = "\n"))
}

#' @rdname mx.symbol
#' @export
mx.symbol.load.json <- function(str) .Call(C_symbol_from_json, str)

#' @rdname mx.symbol
#' @export
mx.symbol.save <- function(symbol, filename) {
  text <- .Call(C_symbol_to_json, symbol)
  folder <- dirname(path.expand(filename))
  part <- tempfile(".symbol", folder)
  if (inherits(try(suppressWarnings(writeLines(text, part)), TRUE),
    "try-error") || !file.rename(part, path.expand(filename))) {
    .stop("PLAIT_ERR_IO", paste0(
      "mx.symbol.save: file '", filename, "' cannot be written"
    ))
  }
  invisible(filename)
}

#' @rdname mx.symbol
#' @export
mx.symbol.infer.shape <- function(symbol, ...) {
  given <- list(...)
  known <- lapply(given, function(shape) {
    list(shape = I(rev(as.numeric(shape))))
  })
  text <- if (length(known)) .to.json(known) else "{}"
  found <- .from.json(.Call(C_symbol_infer, symbol, text))
  shapes <- list(
    arg.shapes = setNames(found$arg_shapes, arguments(symbol)),
    out.shapes = setNames(found$out_shapes, outputs(symbol)),
    aux.shapes = setNames(found$aux_shapes, .names.of(symbol, 1L))
  )
  if (any(vapply(unlist(shapes, FALSE), is.null, TRUE))) return(NULL)
  lapply(shapes, lapply, function(shape) rev(as.integer(unlist(shape))))
}

# 0: arguments, 1: auxiliary states, 2: inputs, 3: outputs.
.names.of <- function(symbol, which) {
  as.character(unlist(.from.json(.Call(C_symbol_names, symbol, which))))
}

#' @rdname mx.symbol
#' @export
arguments <- function(x) .names.of(x, 0L)

#' @rdname mx.symbol
#' @export
outputs <- function(x) .names.of(x, 3L)

#' @rdname mx.symbol
#' @export
internals <- function(x) .Call(C_symbol_internals, x)

#' @rdname mx.symbol
#' @export
children <- function(x) .Call(C_symbol_children, x)

#' @rdname mx.symbol
#' @export
is.mx.symbol <- function(x) inherits(x, "MXSymbol")

#' Replace the variables of a symbol
#'
#' @param x a symbol
#' @param ... symbols by the name of the variable that they replace
#' @param name new name of the node that `x` is
#' @return A symbol.
#' @examples
#' a <- mx.symbol.Variable("a")
#' net <- mx.apply(a * 2, a = mx.symbol.Variable("b"))
#' arguments(net)
#' @export
mx.apply <- function(x, ..., name = NULL) {
  parts <- list(...)
  whole <- .Call(C_symbol_compose, x, .names(parts), unname(parts))
  if (is.null(name)) return(whole)
  graph <- .from.json(.Call(C_symbol_to_json, whole))
  graph$nodes[[graph$heads[[1]][[1]] + 1]]$name <- name
  mx.symbol.load.json(.to.json(graph))
}

# Makes a node. `inputs` are symbols by name, NULL where one is left out;
# `attrs` are given to the library only where they differ from NULL.
.compose <- function(op, hint, name, inputs, attrs, attr) {
  inputs <- inputs[!vapply(inputs, is.null, TRUE)]
  attrs <- attrs[!vapply(attrs, is.null, TRUE)]
  if (is.null(name)) name <- .new.name(hint)
  node <- .Call(C_symbol_apply, op, name, unname(inputs), .names(inputs),
    unname(attrs), .names(attrs))
  for (key in names(attr)) {
    .Call(C_symbol_set_attr, node, key, as.character(attr[[key]]))
  }
  node
}

.symbol.output <- function(x, index) {
  if (is.character(index)) {
    at <- match(index, outputs(x))
    if (is.na(at)) {
      .stop("PLAIT_ERR_KEY", paste0(
        "symbol: output is '", index, "', must be one of ",
        paste(outputs(x), collapse = ", ")
      ))
    }
    index <- at - 1
  }
  .Call(C_symbol_output, x, as.integer(index))
}

#' @export
`$.MXSymbol` <- function(x, name) {
  switch(name,
    arguments = arguments(x),
    outputs = outputs(x),
    auxiliary.states = .names.of(x, 1L),
    name = .Call(C_symbol_name, x),
    attributes = .own.attrs(x),
    as.json = function() .Call(C_symbol_to_json, x),
    save = function(filename) mx.symbol.save(x, filename),
    get.internals = function() internals(x),
    get.children = function() children(x),
    get.output = function(index) x[[index]],
    infer.shape = function(shapes) {
      do.call(mx.symbol.infer.shape, c(list(x), shapes))
    },
    .stop("PLAIT_ERR_KEY", paste0("symbol: has no field '", name, "'"))
  )
}

# Attributes of all nodes by their names; of the node that a symbol is.
.attrs.of <- function(x) .from.json(.Call(C_symbol_attrs, x))

.own.attrs <- function(x) {
  name <- .Call(C_symbol_name, x)
  own <- if (is.null(name)) NULL else .attrs.of(x)[[name]]
  if (is.null(own)) list() else own
}

#' @export
`$<-.MXSymbol` <- function(x, name, value) {
  if (name != "attributes") {
    .stop("PLAIT_ERR_KEY", paste0(
      "symbol: field is '", name, "', must be attributes, the others stay"
    ))
  }
  for (key in .names(value)) {
    .Call(C_symbol_set_attr, x, key, as.character(value[[key]]))
  }
  x
}

#' @export
`[[.MXSymbol` <- function(x, i) {
  .symbol.output(x, if (is.numeric(i)) i - 1 else i)
}

#' @export
length.MXSymbol <- function(x) .Call(C_symbol_num_outputs, x)

#' @export
print.MXSymbol <- function(x, ...) {
  cat("<MXSymbol ", paste(outputs(x), collapse = ", "), ">\n", sep = "")
  invisible(x)
}

# A node with a name that is made up, from symbols by place.
.node <- function(name, inputs, attrs = list()) {
  .compose(.ops[[name]], name, NULL, inputs, attrs, NULL)
}

#' @export
Math.MXSymbol <- function(x, ...) .node(.math.name(.Generic), list(x))

#' @export
Summary.MXSymbol <- function(..., na.rm = FALSE) {
  given <- list(...)
  if (length(given) != 1 || !.Generic %in% c("sum", "prod", "max", "min")) {
    .value.error(.Generic, ": is not there for these symbols, must be sum, ",
      "prod, max or min of one symbol")
  }
  .node(.Generic, given)
}

#' @export
mean.MXSymbol <- function(x, ...) .node("mean", list(x))

#' @export
Ops.MXSymbol <- function(e1, e2) {
  apply <- function(name, ...) .node(name, list(...))
  scalar <- function(name, x, value) .node(name, list(x), list(scalar = value))
  if (nargs() == 1) {
    return(switch(.Generic,
      "-" = apply("negative", e1),
      "+" = e1,
      "!" = apply("logical_not", e1)
    ))
  }
  if (.Generic == "%/%") return(apply("floor", e1 / e2))
  names <- .binary[[.Generic]]
  if (is.mx.symbol(e1) && is.mx.symbol(e2)) return(apply(names[1], e1, e2))
  number <- if (is.mx.symbol(e1)) e2 else e1
  if (!.is.scalar(number)) {
    .type.error(.Generic, ": operand is ", .word(number),
      ", must be a symbol or a number")
  }
  if (is.mx.symbol(e1)) return(scalar(names[2], e1, as.numeric(e2)))
  scalar(names[3], e2, as.numeric(e1))
}
