"""The key-value store of several processes from R."""

import shutil
import subprocess

import pytest
from ranks import SETTINGS

PROGRAM = """
library(plait)
kv <- mx.kv.create("dist_sync")
stopifnot(kv$num.workers == 2, kv$rank %in% 0:1, kv$type == "dist_sync")
kv$init("w", mx.nd.array(c(1 + kv$rank, 2)))
w <- mx.nd.zeros(2)
kv$pull("w", w)
stopifnot(as.array(w) == c(1, 2)) # that of process 0
kv$push("w", mx.nd.array(c(kv$rank, 3)))
kv$pull("w", w)
stopifnot(as.array(w) == c(1, 6))
kv$set.optimizer(mx.opt.create("sgd", learning.rate = 0.5))
kv$push("w", mx.nd.ones(2))
kv$barrier()
kv$pull("w", w)
stopifnot(as.array(w) == c(0, 5))

# Each key is kept by one process, whose optimizer takes each push as it comes.
kv <- mx.kv.create("dist_async")
keys <- c("a", "b")
kv$init(keys, list(mx.nd.ones(2), mx.nd.ones(2) * 8))
kv$set.optimizer(mx.opt.create("sgd", learning.rate = 0.5))
kv$barrier()
for (i in 1:10) {
  for (key in keys) kv$push(key, mx.nd.ones(2))
  kv$pull("b", w)
  stopifnot(as.array(w) <= 8 - i / 2) # what this process has pushed, or more
}
kv$barrier()
kv$pull(keys, list(w, v <- mx.nd.zeros(2)))
stopifnot(as.array(w) == c(-9, -9), as.array(v) == c(-2, -2))
kv$barrier() # nobody asks this process any more
"""


def test_two_processes(r_environment, tmp_path):
    mpirun = shutil.which("mpirun") or pytest.skip("no mpirun")
    (tmp_path / "store.R").write_text(PROGRAM)
    command = [mpirun, "-n", "2", "Rscript", str(tmp_path / "store.R")]
    env = r_environment | SETTINGS
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
