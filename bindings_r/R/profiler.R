#' Where the time goes
#'
#' Between `mx.profiler.state("run")` and `mx.profiler.state("stop")` the
#' library writes down what it does. Stopping writes the file, which browsers
#' show (`chrome://tracing`, `ui.perfetto.dev`).
#'
#' @param params list of `filename` and, accepted for MXNet's programs, others;
#'   or nothing, for a file `profile.json`
#' @param state `"run"` or `"stop"`
#' @return The name of the file, invisibly.
#' @examples
#' file <- tempfile(fileext = ".json")
#' mx.profiler.config(list(filename = file))
#' mx.profiler.state("run")
#' as.array(mx.nd.ones(100) * 2)[1]
#' mx.profiler.state("stop")
#' file.exists(file)
#' @name mx.profiler
NULL

#' @rdname mx.profiler
#' @export
mx.profiler.config <- function(params = list(filename = "profile.json")) {
  name <- params$filename
  if (!(is.character(name) && length(name) == 1)) {
    .type.error("filename is ", .word(name), ", must be one string")
  }
  .state$profile <- path.expand(name)
  invisible(.state$profile)
}

#' @rdname mx.profiler
#' @export
mx.profiler.state <- function(state = c("stop", "run")) {
  state <- match.arg(state)
  .Call(C_profiler_set, state == "run")
  if (is.null(.state$profile)) .state$profile <- "profile.json"
  if (state == "stop") {
    mx.nd.waitall()
    operations <- .from.json(.Call(C_profiler_read))
    writeLines(.to.json(.trace(operations)), .state$profile)
  }
  invisible(.state$profile)
}

# Operations as events of the trace format of Chrome, in microseconds.
.trace <- function(operations) {
  list(displayTimeUnit = "ms", traceEvents = lapply(operations, function(o) {
    list(name = o$name, ph = "X", pid = 0, tid = o$thread, ts = o$begin / 1000,
      dur = (o$end - o$begin) / 1000, args = list(shapes = o$shapes))
  }))
}
