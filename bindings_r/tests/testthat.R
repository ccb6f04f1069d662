library(testthat)
library(plait)

test_check("plait")
