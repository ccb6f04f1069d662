#' Batches from files
#'
#' Iterators of the library, with the options of MXNet. In names of options a
#' dot may stand for each underscore: `batch.size`.
#'
#' @param ... options: for `mx.io.MNISTIter` `image`, `label`, `batch_size`,
#'   `shuffle`, `flat`, `seed`, `num_parts`, `part_index`; for `mx.io.CSVIter`
#'   `data_csv`, `data_shape`, `label_csv`, `label_shape`, `batch_size`,
#'   `round_batch`; for `mx.io.LibSVMIter` `data_libsvm`, `data_shape`,
#'   `label_libsvm`, `label_shape`, `batch_size`, `round_batch`; for
#'   `mx.io.ImageRecordIter` `path_imgrec`, `data_shape`, `batch_size`,
#'   `path_imglist`, `mean_img` and those of MXNet for changing images; for
#'   `mx.io.ImageDetRecordIter`, whose labels are boxes around objects, those of
#'   MXNet too. `mx.io.ImageRecordUInt8Iter` and `mx.io.ImageRecordInt8Iter`
#'   give whole numbers. Shapes are in R's order:
#'   `data_shape = c(width, height, channels)`. An unknown option is an error
#'   that names all options.
#' @param iter an iterator
#' @param field `"data"` or `"label"`
#' @return An iterator as [mx.io.arrayiter()] gives; `mx.io.extract` an R array
#'   of the whole field.
#' @examples
#' file <- tempfile(fileext = ".csv")
#' write.table(matrix(1:6, 3), file, sep = ",", row.names = FALSE,
#'   col.names = FALSE)
#' iter <- mx.io.CSVIter(data.csv = file, data.shape = 2, batch.size = 3)
#' mx.io.extract(iter, "data")
#' @name mx.io.files
NULL

# "(1, 2)", "true" or "3" as the library reads options. Shapes are reversed,
# other lists, as of limits, are not.
.option.text <- function(name, x) {
  if (is.logical(x) && length(x) == 1 && !is.na(x)) {
    return(tolower(as.character(x)))
  }
  if (is.character(x) && length(x) == 1) return(path.expand(x))
  if (!is.numeric(x) || anyNA(x)) {
    .type.error(name, " is ", .word(x),
      ", must be numbers, a logical or a string")
  }
  if (grepl("shape$", name)) x <- rev(x)
  numbers <- format(x, digits = 15, scientific = FALSE, trim = TRUE)
  if (length(x) == 1) return(numbers)
  paste0("(", paste(numbers, collapse = ","), ")")
}

.file.iter <- function(kind, ...) {
  options <- list(...)
  names <- gsub(".", "_", .names(options), fixed = TRUE)
  texts <- as.character(mapply(.option.text, names, options))
  handle <- .Call(C_iter_new, kind, names, texts)
  batch <- NULL
  fresh <- TRUE
  self <- new.env(parent = emptyenv())
  size <- match("batch_size", names)
  .dataiter(self, if (is.na(size)) NA else options[[size]],
    reset = function() {
      # A new iterator stands at the beginning of a pass already.
      if (!fresh) .Call(C_iter_reset, handle)
      batch <<- NULL
      fresh <<- TRUE
      invisible(NULL)
    },
    iter.next = function() {
      batch <<- .Call(C_iter_next, handle)
      fresh <<- FALSE
      if (is.null(batch)) return(FALSE)
      self$batch.size <- .count(batch[[1]])
      TRUE
    },
    value = function() {
      if (is.null(batch)) {
        .value.error(kind, ": there is no batch, must be after iter.next()")
      }
      list(data = batch[[1]], label = batch[[2]])
    },
    num.pad = function() if (is.null(batch)) 0 else batch[[3]]
  )
}

#' @rdname mx.io.files
#' @export
mx.io.MNISTIter <- function(...) .file.iter("MNISTIter", ...)

#' @rdname mx.io.files
#' @export
mx.io.CSVIter <- function(...) .file.iter("CSVIter", ...)

#' @rdname mx.io.files
#' @export
mx.io.LibSVMIter <- function(...) .file.iter("LibSVMIter", ...)

#' @rdname mx.io.files
#' @export
mx.io.ImageRecordIter <- function(...) .file.iter("ImageRecordIter", ...)

#' @rdname mx.io.files
#' @export
mx.io.ImageRecordUInt8Iter <- function(...) {
  .file.iter("ImageRecordIter", ..., dtype = "uint8")
}

#' @rdname mx.io.files
#' @export
mx.io.ImageRecordInt8Iter <- function(...) {
  .file.iter("ImageRecordIter", ..., dtype = "int8")
}

#' @rdname mx.io.files
#' @export
mx.io.ImageDetRecordIter <- function(...) .file.iter("ImageDetRecordIter", ...)

#' @rdname mx.io.files
#' @export
mx.io.extract <- function(iter, field = "data") {
  parts <- list()
  iter$reset()
  while (iter$iter.next()) {
    x <- as.array(iter$value()[[field]])
    keep <- seq_len(.count(x) - iter$num.pad())
    parts[[length(parts) + 1]] <- .samples(x, keep)
  }
  .bind.samples(parts)
}
