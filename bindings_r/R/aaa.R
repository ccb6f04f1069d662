# What the other files share: the operators, errors, names, JSON.

# External pointers of all operators by name; filled when the package is loaded.
.ops <- new.env(parent = emptyenv())

# What changes while the package runs: counters of names, the default context.
.state <- new.env(parent = emptyenv())
.state$names <- list()
.state$ctx <- NULL

# Condition class of each status of the library.
.classes <- c(
  PLAIT_ERR_INVALID_ARGUMENT = "plait_value_error",
  PLAIT_ERR_TYPE = "plait_type_error",
  PLAIT_ERR_SHAPE = "plait_shape_error",
  PLAIT_ERR_INDEX = "plait_index_error",
  PLAIT_ERR_KEY = "plait_key_error",
  PLAIT_ERR_NOT_IMPLEMENTED = "plait_not_implemented",
  PLAIT_ERR_OUT_OF_MEMORY = "plait_memory_error",
  PLAIT_ERR_IO = "plait_io_error",
  PLAIT_ERR_DEVICE = "plait_device_error",
  PLAIT_ERR_COMM = "plait_comm_error",
  PLAIT_ERR_CALLBACK = "plait_callback_error",
  PLAIT_ERR_INTERNAL = "plait_internal_error"
)

# Called from C: raises the condition of a status.
.stop <- function(status, message) {
  if (status == "interrupt") {
    signalCondition(structure(
      class = c("interrupt", "condition"), list(message = message, call = NULL)
    ))
    invokeRestart("abort")
  }
  stop(structure(
    class = c(.classes[[status]], "plait_error", "error", "condition"),
    list(message = message, call = NULL)
  ))
}

.value.error <- function(...) {
  .stop("PLAIT_ERR_INVALID_ARGUMENT", paste0(...))
}

.type.error <- function(...) .stop("PLAIT_ERR_TYPE", paste0(...))

# One argument in words, for messages.
.word <- function(x) {
  if (is.character(x) && length(x) == 1) return(sprintf("'%s'", x))
  if (is.numeric(x) && length(x) == 1) return(format(x))
  sprintf("of class %s and length %d", class(x)[1], length(x))
}

.check.number <- function(x, what, rule, ok) {
  if (!(is.numeric(x) && length(x) == 1 && !is.na(x) && ok(x))) {
    .value.error(what, " is ", .word(x), ", must be ", rule)
  }
  x
}

# A new name for a node: "convolution0", "convolution1", ...
.new.name <- function(hint) {
  hint <- tolower(hint)
  count <- .state$names[[hint]]
  if (is.null(count)) count <- 0
  .state$names[[hint]] <- count + 1
  paste0(hint, count)
}

# The arrays of an operator that takes any number, one by one or in lists. The
# count that MXNet's programs pass too follows from them.
.arrays <- function(...) {
  given <- list(...)
  given <- given[!(.names(given) %in% c("num.args", "num_args"))]
  flat <- list()
  for (x in given) {
    flat <- c(flat, if (is.list(x)) unname(x) else list(x))
  }
  flat
}

# MXNet's programs write the names of arguments with underscores or with dots.
# The functions of operators have the former; what comes with dots arrives in
# `...`, and the function is called again.
.with.underscores <- function(f, given) {
  known <- names(formals(f))
  under <- gsub(".", "_", given, fixed = TRUE)
  change <- under != given & under %in% known & !given %in% known
  given[change] <- under[change]
  given
}

.is.dotted <- function(f, ...) {
  given <- names(list(...))
  !is.null(given) && any(.with.underscores(f, given) != given)
}

# Called by such a function: itself again, in place of its caller.
.again <- function(f = sys.function(-1), call = sys.call(-1),
                   env = parent.frame(2)) {
  call <- match.call(f, call, TRUE, env)
  given <- .names(as.list(call))
  under <- .with.underscores(f, given)
  if (identical(under, given)) {
    known <- setdiff(names(formals(f)), "...")
    unknown <- setdiff(given, c("", known))
    .type.error("argument is ",
      if (length(unknown)) .word(unknown[1]) else "one too many",
      ", must be one of ", paste(known, collapse = ", "))
  }
  names(call) <- under
  eval(call, env)
}

# Names of a list, "" where there is none.
.names <- function(x) {
  if (is.null(names(x))) character(length(x)) else names(x)
}

.from.json <- function(text) {
  jsonlite::fromJSON(text, simplifyVector = FALSE)
}

.to.json <- function(x) as.character(jsonlite::toJSON(x, auto_unbox = TRUE))
