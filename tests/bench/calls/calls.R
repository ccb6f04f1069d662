# Nanoseconds for a call from R: arrays of the library beside R's own arithmetic. Best of many
# rounds.
library(plait)

best <- function(label, call, calls = 200, rounds = 60) {
  loop <- eval(bquote(function() for (i in seq_len(.(calls))) .(call)))
  loop()
  times <- vapply(seq_len(rounds), function(r) {
    start <- proc.time.ns()
    loop()
    proc.time.ns() - start
  }, 0)
  cat(sprintf("%s\t%.0f\n", label, min(times) / calls))
}
# R's clocks have microseconds: a round of 200 calls is long enough.
proc.time.ns <- function() as.numeric(Sys.time()) * 1e9

x <- matrix(1, 4, 4)
y <- matrix(2, 4, 4)
a <- mx.nd.array(x)
b <- mx.nd.array(y)
out <- mx.nd.zeros(c(4, 4))
best("R: x + y", quote(x + y))
best("R: x * 2", quote(x * 2))
best("R: x %*% y", quote(x %*% y))
best("a + b", quote(a + b))
best("a * 2", quote(a * 2))
best("mx.nd.broadcast.add(a, b)", quote(mx.nd.broadcast.add(a, b)))
best("mx.nd.broadcast.add(a, b, out)", quote(mx.nd.broadcast.add(a, b, out = out)))
best("mx.nd.dot(a, b)", quote(mx.nd.dot(a, b)))
best("as.array(a)", quote(as.array(a)))
X <- matrix(1, 1000, 1000)
A <- mx.nd.array(X)
best("R: X + X, 1000 x 1000", quote(X + X), 2, 20)
best("A + A, 1000 x 1000, waited for", quote({
  B <- A + A
  mx.nd.waitall()
}), 2, 20)
best("R: X %*% X", quote(X %*% X), 1, 2)
best("mx.nd.dot(A, A), waited for", quote({
  B <- mx.nd.dot(A, A)
  mx.nd.waitall()
}), 1, 5)
