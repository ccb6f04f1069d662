# The content of an array without its dim.
values <- function(x) as.vector(as.array(x))

# Arrays that R forgot are freed; what is left must be what was there before.
expect_no_leak <- function(code) {
  gc()
  before <- mx.nd.live.count()
  force(code)
  rm(code)
  gc()
  gc()
  mx.nd.waitall()
  expect_equal(mx.nd.live.count(), before)
}

# Central differences of f, a function of one R array that gives a number.
slope <- function(f, x, step = 1e-3) {
  vapply(seq_along(x), function(i) {
    up <- x
    down <- x
    up[i] <- up[i] + step
    down[i] <- down[i] - step
    (f(up) - f(down)) / (2 * step)
  }, 0)
}

# PLAIT_BRIEF=1: networks train for two rounds and need not have learned
# anything. For valgrind, which looks at memory only and is slow.
.brief <- nzchar(Sys.getenv("PLAIT_BRIEF"))
rounds <- function(n) if (.brief) min(n, 2) else n
expect_learned <- function(expectation) if (!.brief) expectation
