.onLoad <- function(libname, pkgname) {
  .Call(C_init, topenv())
  .Call(C_load_ops, .ops)
  for (name in names(.binary)) {
    .arith[[name]] <- unname(mget(.binary[[name]], .ops))
  }
}

.onUnload <- function(libpath) {
  .Call(C_unload)
  library.dynam.unload("plait", libpath)
}
