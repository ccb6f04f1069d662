#' Pack images into a file of records
#'
#' Writes the images of a list into the file that [mx.io.ImageRecordIter()]
#' reads. The list has lines of an id, one or more labels and the path of an
#' image, with tabs in between.
#'
#' @param image_lst path of the list
#' @param root folder that the paths of the list start from
#' @param output_rec path of the file to write
#' @param label_width labels of each line
#' @param pack_label whether a record keeps all labels of its line; else the
#'   first
#' @param new_size pixels of the shorter side; -1: as it is
#' @param nsplit,partid number of parts the list is divided into, and the one to
#'   write, from 0
#' @param center_crop whether to take the square in the middle
#' @param quality of JPEG, 1 to 100; or compression of PNG, 0 to 9, where the
#'   default is 3
#' @param color_mode 1: three channels, 0: one, -1: as the image has
#' @param unchanged whether to keep the files as they are; then the other
#'   options for images have no effect
#' @param inter_method interpolation: 0 nearest, 1 linear, 2 cubic, 3 area,
#'   4 Lanczos, 9 area to shrink and cubic to enlarge, 10 one of the first five
#'   at random
#' @param encoding `".jpg"` or `".png"`
#' @return The number of images written, invisibly. An image that cannot be read
#'   is an error.
#' @examples
#' folder <- tempfile()
#' dir.create(folder)
#' png <- file.path(folder, "gray.png")
#' if (capabilities("png")) {
#'   grDevices::png(png, 400, 300)
#'   plot.new()
#'   invisible(dev.off())
#'   list <- file.path(folder, "all.lst")
#'   writeLines("0\t1\tgray.png", list)
#'   records <- file.path(folder, "all.rec")
#'   im2rec(list, folder, records, new_size = 16)
#'   iter <- mx.io.ImageRecordIter(path.imgrec = records, batch.size = 1,
#'     data.shape = c(16, 16, 3))
#'   dim(mx.io.extract(iter))
#' }
#' @export
im2rec <- function(image_lst, root, output_rec, label_width = 1L,
                   pack_label = 0L, new_size = -1L, nsplit = 1L, partid = 0L,
                   center_crop = 0L, quality = 95L, color_mode = 1L,
                   unchanged = 0L, inter_method = 1L, encoding = ".jpg") {
  kinds <- c(.jpg = "jpeg", .png = "png")
  if (!encoding %in% names(kinds)) {
    .value.error("im2rec: encoding is ", .word(encoding),
      ", must be .jpg or .png")
  }
  kind <- kinds[[encoding]]
  if (!inter_method %in% c(0:4, 9, 10)) {
    .value.error("im2rec: inter_method is ", inter_method,
      ", must be 0 to 4, 9 or 10")
  }
  if (kind == "png" && missing(quality)) quality <- 3L
  entries <- .read.list(path.expand(image_lst), label_width)
  entries <- .list.part(entries, nsplit, partid)
  records <- .Call(C_records_open, path.expand(output_rec))
  for (entry in entries) {
    path <- file.path(path.expand(root), entry$path)
    bytes <- .file.bytes(path)
    if (!unchanged) {
      image <- .Call(C_image_decode, bytes, path, as.integer(color_mode))
      if (center_crop) image <- .center.square(image)
      if (new_size > 0) image <- .shorter.side(image, new_size, inter_method)
      bytes <- .Call(C_image_encode, image, kind, as.integer(quality))
    }
    .Call(C_records_write, records, c(.record.header(entry, pack_label), bytes))
  }
  .Call(C_records_close, records)
  invisible(length(entries))
}

.file.bytes <- function(path) {
  if (!file.exists(path)) {
    .stop("PLAIT_ERR_IO", paste0("im2rec: ", path, " cannot be read"))
  }
  readBin(path, "raw", file.size(path))
}

# list(id, labels, path) of each line of a list.
.read.list <- function(path, label_width) {
  if (!file.exists(path)) {
    .stop("PLAIT_ERR_IO", paste0("im2rec: ", path, " cannot be read"))
  }
  lines <- readLines(path, warn = FALSE)
  number <- which(grepl("[^[:space:]]", lines))
  Map(function(line, at) {
    fields <- strsplit(trimws(line), "\t", fixed = TRUE)[[1]]
    numbers <- suppressWarnings(as.numeric(fields[-length(fields)]))
    id <- numbers[1]
    good <- length(fields) == label_width + 2 && !anyNA(numbers) &&
      id >= 0 && id <= .Machine$integer.max && id == floor(id)
    if (!good) {
      .stop("PLAIT_ERR_IO", sprintf(
        "im2rec: %s, line %d must be an id, %d labels and a path, with tabs",
        path, at, as.integer(label_width)
      ))
    }
    list(id = id, labels = numbers[-1], path = fields[length(fields)])
  }, lines[number], number)
}

.list.part <- function(entries, nsplit, partid) {
  .check.number(nsplit, "nsplit", "a number >= 1", function(x) x >= 1)
  .check.number(partid, "partid", "a number from 0 to nsplit - 1",
    function(x) x >= 0 && x < nsplit)
  n <- length(entries)
  entries[seq_len(n) > floor(n * partid / nsplit) &
    seq_len(n) <= floor(n * (partid + 1) / nsplit)]
}

# The header of a record: number of labels that follow, a label, two ids.
.record.header <- function(entry, pack) {
  bytes <- function(x) writeBin(x, raw(), 4, endian = "little")
  labels <- as.double(entry$labels)
  c(
    bytes(if (pack) length(labels) else 0L),
    bytes(if (pack) 0 else labels[1]),
    bytes(c(as.integer(entry$id), 0L, 0L, 0L)),
    if (pack) bytes(labels)
  )
}

# The functions below know an image as the library does: (height, width,
# channels), which R sees in reverse.
.center.square <- function(image) {
  sides <- rev(dim(image))[1:2]
  side <- min(sides)
  for (axis in 1:2) {
    begin <- (sides[axis] - side) %/% 2
    image <- .Call(C_invoke, .ops$slice_axis, list(image),
      list(axis - 1L, begin, begin + side), 1L, NULL)
  }
  image
}

.shorter.side <- function(image, size, how) {
  sides <- rev(dim(image))[1:2]
  sides <- as.integer(round(sides * size / min(sides)))
  if (how == 9) how <- if (size < min(dim(image)[-1])) 3 else 2
  if (how == 10) how <- sample(0:4, 1)
  .Call(C_image_resample, image, sides, as.integer(how))
}
