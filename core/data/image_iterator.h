#pragma once

#include <memory>
#include <vector>

#include "data/image_reader.h"
#include "data/iterator.h"

// What iterators over record files of images share; `o` has their options, see iterator_kinds.cc.
namespace plait::data {

// The size of the images, how they are read, and the options of both kinds that change them.
ReaderOptions plain_reader_options(const Options& o);

// Where the records of this part begin; at least one.
std::vector<int64_t> part_of_records(const Options& o);

// Passes over the records at `offsets`; reads or makes the file of the mean image first.
std::unique_ptr<Iterator> image_passes(const Options& o, const ReaderOptions& options,
                                       std::vector<int64_t> offsets);

}  // namespace plait::data
