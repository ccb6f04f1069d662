.onLoad <- function(libname, pkgname) {
  .Call(C_init, topenv())
  .Call(C_load_ops, .ops)
}

.onUnload <- function(libpath) {
  .Call(C_unload)
  library.dynam.unload("plait", libpath)
}
