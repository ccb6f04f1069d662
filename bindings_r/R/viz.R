#' Draw a network
#'
#' @param symbol a symbol
#' @param shape shape of the input `data`, or a list of shapes by name, in R's
#'   order; edges show the shapes of results then
#' @param direction `"TD"`: from top to bottom, `"LR"`: from left to right
#' @param type `"graph"`: nodes show operators and their main attributes;
#'   `"plain"`: names only
#' @param graph.width.px,graph.height.px size of the drawing in pixels; `NULL`
#'   for what it takes
#' @param x what `graph.viz` gave
#' @param ... not used
#' @return An object of class `MXGraphViz`; `x$dot` is its text in the language
#'   of Graphviz. `print` writes the text, `plot` draws with R's graphics.
#' @examples
#' net <- mx.symbol.Variable("data")
#' net <- mx.symbol.FullyConnected(net, num_hidden = 4, name = "fc")
#' net <- mx.symbol.SoftmaxOutput(net, name = "softmax")
#' picture <- graph.viz(net, shape = c(3, 10))
#' picture
#' plot(picture)
#' @export
graph.viz <- function(symbol, shape = NULL, direction = "TD", type = "graph",
  graph.width.px = NULL, graph.height.px = NULL) {
  .choice(direction, "direction", c("TD", "TB", "LR", "RL", "BT"))
  .choice(type, "type", c("graph", "plain"))
  nodes <- .from.json(.Call(C_symbol_to_json, symbol))$nodes
  shapes <- if (!is.null(shape)) .node.shapes(symbol, shape)
  hidden <- vapply(nodes, function(node) {
    parameter <- "(weight|bias|gamma|beta|moving_mean|moving_var)$"
    node$op == "null" && grepl(parameter, node$name)
  }, TRUE)
  labels <- vapply(nodes, function(node) .node.label(node, type), "")
  edges <- do.call(rbind, lapply(which(!hidden), function(i) {
    from <- vapply(nodes[[i]]$inputs, function(input) input[[1]] + 1, 1)
    from <- from[!hidden[from]]
    if (length(from)) data.frame(from = from, to = i)
  }))
  if (is.null(edges)) edges <- data.frame(from = integer(0), to = integer(0))
  names <- vapply(nodes, function(node) node$name, "")
  edges$label <- vapply(edges$from, function(i) {
    size <- shapes[[names[i]]]
    if (is.null(size)) "" else paste(size, collapse = "x")
  }, "")
  structure(class = "MXGraphViz", list(
    nodes = data.frame(id = which(!hidden), label = labels[!hidden],
      fill = vapply(nodes[!hidden], function(node) .node.colour(node$op), "")),
    edges = edges, direction = direction,
    dot = .dot(which(!hidden), labels, nodes, edges, direction, graph.width.px,
      graph.height.px)
  ))
}

# Shapes of all results by the name of the node.
.node.shapes <- function(symbol, shape) {
  if (!is.list(shape)) shape <- list(data = shape)
  all <- internals(symbol)
  found <- do.call(mx.symbol.infer.shape, c(list(all), shape))
  if (is.null(found)) {
    .value.error("graph.viz: shape does not determine all of ",
      paste(arguments(symbol), collapse = ", "))
  }
  setNames(found$out.shapes, sub("_(output|out)[0-9]*$", "", outputs(all)))
}

.node.label <- function(node, type) {
  if (node$op == "null" || type == "plain") return(node$name)
  shown <- c("num_hidden", "act_type", "kernel", "stride", "num_filter",
    "pool_type", "p", "mode", "state_size")
  attrs <- node$attrs[intersect(shown, names(node$attrs))]
  paste(c(node$name, node$op, if (length(attrs)) {
    paste(names(attrs), unlist(attrs), sep = "=")
  }), collapse = "\n")
}

.node.colour <- function(op) {
  switch(op,
    null = "#e8e8e8",
    Convolution = , Deconvolution = , FullyConnected = , RNN = "#f4a582",
    BatchNorm = "#c2a5cf",
    Activation = , LeakyReLU = "#fee391",
    Pooling = "#92c5de",
    SoftmaxOutput = , softmax = "#f1b6da",
    "#b8e186"
  )
}

.dot <- function(shown, labels, nodes, edges, direction, width, height) {
  quote <- function(x) {
    x <- gsub("\"", "\\\"", gsub("\\", "\\\\", x, fixed = TRUE), fixed = TRUE)
    paste0("\"", gsub("\n", "\\n", x, fixed = TRUE), "\"")
  }
  size <- if (!is.null(width) && !is.null(height)) {
    sprintf("  size=\"%g,%g\";", width / 96, height / 96)
  }
  if (direction == "TD") direction <- "TB"
  paste(c(
    "digraph network {", paste0("  rankdir=", direction, ";"), size,
    "  node [shape=box, style=\"rounded,filled\"];",
    vapply(shown, function(i) {
      sprintf("  n%d [label=%s, fillcolor=\"%s\"];", i, quote(labels[i]),
        .node.colour(nodes[[i]]$op))
    }, ""),
    sprintf("  n%d -> n%d%s;", edges$from, edges$to, ifelse(
      edges$label == "", "", sprintf(" [label=%s]", quote(edges$label))
    )),
    "}"
  ), collapse = "\n")
}

#' @rdname graph.viz
#' @export
print.MXGraphViz <- function(x, ...) {
  cat(x$dot, "\n", sep = "")
  invisible(x)
}

#' @rdname graph.viz
#' @export
plot.MXGraphViz <- function(x, ...) {
  ids <- as.character(x$nodes$id)
  level <- setNames(rep(0, length(ids)), ids)
  for (i in seq_len(nrow(x$edges))) { # edges come in the order of the nodes
    from <- as.character(x$edges$from[i])
    to <- as.character(x$edges$to[i])
    level[to] <- max(level[to], level[from] + 1)
  }
  across <- stats::ave(level, level, FUN = function(l) {
    (seq_along(l) - (length(l) + 1) / 2)
  })
  sideways <- x$direction %in% c("LR", "RL")
  place <- if (sideways) cbind(level, -across) else cbind(across, -level)
  if (x$direction %in% c("RL", "BT")) place <- -place
  rownames(place) <- ids
  graphics::plot(place, type = "n", axes = FALSE, xlab = "", ylab = "",
    xlim = range(place[, 1]) + c(-0.6, 0.6),
    ylim = range(place[, 2]) + c(-0.6, 0.6))
  from <- place[as.character(x$edges$from), , drop = FALSE]
  to <- place[as.character(x$edges$to), , drop = FALSE]
  if (nrow(x$edges)) {
    graphics::arrows(from[, 1], from[, 2], to[, 1], to[, 2], length = 0.08)
    graphics::text((from + to) / 2, x$edges$label, pos = 4, cex = 0.7)
  }
  width <- graphics::strwidth(x$nodes$label, cex = 0.8) / 2 + 0.05
  height <- graphics::strheight(x$nodes$label, cex = 0.8) / 2 + 0.05
  graphics::rect(place[, 1] - width, place[, 2] - height, place[, 1] + width,
    place[, 2] + height, col = x$nodes$fill)
  graphics::text(place, x$nodes$label, cex = 0.8)
  invisible(x)
}
