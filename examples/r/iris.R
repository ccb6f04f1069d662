# Classifies Fisher's irises with a multi-layer perceptron: Rscript iris.R
library(plait)

mx.set.seed(1)
set.seed(1)
train <- sample(150, 100)
model <- mx.mlp(
  Species ~ ., iris[train, ],
  hidden_node = c(16, 8), out_node = 3, num.round = 100, array.batch.size = 20,
  learning.rate = 0.03, initializer = mx.init.Xavier(), eval.metric = mx.metric.accuracy,
  epoch.end.callback = mx.callback.log.train.metric(20), verbose = FALSE
)
probability <- predict(model, data.matrix(iris[-train, 1:4]))
guess <- factor(model$levels[max.col(t(probability))], levels(iris$Species))
print(table(guess, truth = iris$Species[-train]))
cat(sprintf("accuracy %.3f\n", mean(guess == iris$Species[-train])))
