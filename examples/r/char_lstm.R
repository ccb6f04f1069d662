# Learns the letters of a text with an LSTM, sentences in buckets by length, then writes on:
# Rscript char_lstm.R [epochs] [file]
library(plait)

args <- commandArgs(trailingOnly = TRUE)
epochs <- if (length(args) > 0) as.integer(args[1]) else 12
file <- if (length(args) > 1) args[2] else file.path(R.home("share"), "licenses", "GPL-3")

text <- paste(readLines(file, warn = FALSE), collapse = " ")
text <- gsub("[^a-z ,.]", "", gsub("\\s+", " ", tolower(text)))
sentences <- trimws(strsplit(text, ".", fixed = TRUE)[[1]])
sentences <- sentences[nchar(sentences) >= 8]
letters.used <- c(".", sort(setdiff(unique(strsplit(text, "")[[1]]), ".")))
classes <- length(letters.used) + 1 # 0 fills up, 1 is the full stop

# Each step's label is the next letter. Long sentences are cut.
longest <- c(24, 48, 72)
pieces <- unlist(lapply(sentences, function(s) {
  starts <- seq(1, nchar(s), by = max(longest))
  substring(s, starts, pmin(starts + max(longest) - 1, nchar(s)))
}))
codes <- lapply(strsplit(pieces, ""), match, letters.used)
bucket <- longest[findInterval(lengths(codes), c(0, longest + 1))]
buckets <- lapply(setNames(longest, longest), function(n) {
  own <- codes[bucket == n]
  column <- function(x) c(x, rep(0, n - length(x)))
  list(
    data = vapply(own, column, numeric(n)),
    label = vapply(own, function(x) column(c(x[-1], 1)), numeric(n))
  )
})
iter <- mx.io.bucket.iter(buckets, batch.size = 16, shuffle = TRUE, seed = 1)

net <- function(last) {
  rnn.graph(1,
    input_size = classes, num_embed = 24, num_hidden = 128, num_decode = classes,
    config = "one-to-one", cell_type = "lstm", loss_output = "softmax", ignore_label = 0,
    masking = !last, output_last_state = last
  )
}
perplexity <- mx.metric.custom("perplexity", function(label, pred) {
  keep <- as.vector(label) > 0
  chosen <- pred[cbind(as.vector(label) + 1, seq_along(label))]
  exp(-mean(log(pmax(chosen[keep], 1e-10))))
})
mx.set.seed(1)
model <- mx.model.buckets(net(FALSE), iter,
  metric = perplexity, num.round = epochs, initializer = mx.init.uniform(0.08),
  optimizer = mx.opt.adam(0.005, rescale.grad = 1 / 16, clip_gradient = 5)
)

# One letter at a time; the states go from step to step.
write.on <- function(start, count) {
  symbol <- net(TRUE)
  states <- NULL
  out <- start
  queue <- match(strsplit(start, "")[[1]], letters.used)
  for (i in seq_len(nchar(start) + count - 1)) {
    step <- mx.io.bucket.iter(list("1" = list(data = matrix(queue[i]), label = matrix(0))), 1)
    got <- mx.infer.rnn.one(step, symbol, model$arg.params, input.params = states)
    states <- list(rnn.state = got[[2]], rnn.state.cell = got[[3]])
    if (i >= length(queue)) {
      p <- as.vector(as.array(got[[1]]))[-1]^1.5
      queue <- c(queue, sample(length(p), 1, prob = p))
      out <- paste0(out, letters.used[queue[length(queue)]])
    }
  }
  out
}
set.seed(2)
cat(write.on("you may ", 80), "\n")
