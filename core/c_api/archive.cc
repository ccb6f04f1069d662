#include "data/archive.h"

#include "c_api/common.h"
#include "c_api/sparse.h"
#include "op/invoke.h"

using namespace plait;
using namespace plait::c_api;

struct plait_archive_s {
  static constexpr char kKind[] = "archive";
  data::Archive archive;
};

namespace {

// In the memory of the host, without gaps.
ArrayRef packed(const ArrayRef& a) {
  if (a->contiguous() && !is_gpu(a->device())) return a;
  Arrays out{Array::empty(a->shape(), a->dtype())};
  op::invoke(op::Op::get("copy"), {}, {&a, 1}, out);
  return out[0];
}

data::Stored stored(plait_array_t array, plait_sparse_t sparse) {
  if (array || !sparse) return {packed(array_of(array)), nullptr};
  const SparseRef s = sparse_of(sparse);
  const Arrays parts = s->parts();
  Arrays dense;
  for (const ArrayRef& a : parts) dense.push_back(packed(a));
  return {nullptr, make_ref<SparseArray>(s->storing(), s->shape(), std::move(dense))};
}

std::string bytes_of(const plait_array_t* arrays, const plait_sparse_t* sparse,
                     const char* const* names, int32_t count) {
  require_list(arrays, count, "arrays");
  std::vector<data::Stored> list;
  std::vector<std::string> texts;
  for (int32_t i = 0; i < count; ++i) {
    list.push_back(stored(arrays[i], sparse ? sparse[i] : nullptr));
    if (names) texts.emplace_back(names[i] ? names[i] : "");
  }
  return data::write_archive(list, texts);
}

const data::Stored& item_of(plait_archive_t archive, int32_t index) {
  require(archive, "archive");
  const auto& arrays = archive->archive.arrays;
  check(index >= 0 && index < static_cast<int32_t>(arrays.size()), ErrorKind::kIndex, "index is ",
        index, ", must be in [0, ", static_cast<int64_t>(arrays.size()) - 1, "]");
  return arrays[static_cast<size_t>(index)];
}

}  // namespace

plait_status_t plait_archive_save(const char* path, const plait_array_t* arrays,
                                  const char* const* names, int32_t count) {
  return guarded([&] {
    require(path, "path");
    data::write_file(path, bytes_of(arrays, nullptr, names, count));
  });
}

plait_status_t plait_archive_save_mixed(const char* path, const plait_array_t* arrays,
                                        const plait_sparse_t* sparse, const char* const* names,
                                        int32_t count) {
  return guarded([&] {
    require(path, "path");
    require_list(sparse, count, "sparse");
    data::write_file(path, bytes_of(arrays, sparse, names, count));
  });
}

plait_status_t plait_archive_save_buffer(const plait_array_t* arrays, const char* const* names,
                                         int32_t count, plait_buffer_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_buffer(bytes_of(arrays, nullptr, names, count));
  });
}

plait_status_t plait_archive_load(const char* path, plait_archive_t* out) {
  return guarded([&] {
    require(path, "path");
    require(out, "out");
    *out = new_object<plait_archive_s>(data::read_archive(data::read_file(path), path));
  });
}

plait_status_t plait_archive_load_buffer(const void* bytes, int64_t size, plait_archive_t* out) {
  return guarded([&] {
    require(bytes, "data");
    require(out, "out");
    check(size >= 0, ErrorKind::kInvalidArgument, "bytes is ", size, ", must be >= 0");
    *out = new_object<plait_archive_s>(data::read_archive(
        {static_cast<const char*>(bytes), static_cast<size_t>(size)}, "the buffer"));
  });
}

int32_t plait_archive_count(plait_archive_t archive) {
  return is_alive(archive) ? static_cast<int32_t>(archive->archive.arrays.size()) : -1;
}

int32_t plait_archive_storing(plait_archive_t archive, int32_t index) {
  if (!archive || index < 0 || index >= plait_archive_count(archive)) return -1;
  const data::Stored& item = archive->archive.arrays[static_cast<size_t>(index)];
  return item.sparse ? static_cast<int32_t>(item.sparse->storing()) : 0;
}

plait_status_t plait_archive_array(plait_archive_t archive, int32_t index, plait_array_t* out) {
  return guarded([&] {
    require(out, "out");
    const data::Stored& item = item_of(archive, index);
    check(static_cast<bool>(item.dense), ErrorKind::kType, "archive: array ", index,
          " is sparse, must be read with plait_archive_sparse()");
    *out = new_handle(item.dense);
  });
}

plait_status_t plait_archive_sparse(plait_archive_t archive, int32_t index, plait_sparse_t* out) {
  return guarded([&] {
    require(out, "out");
    const data::Stored& item = item_of(archive, index);
    check(static_cast<bool>(item.sparse), ErrorKind::kType, "archive: array ", index,
          " is dense, must be read with plait_archive_array()");
    *out = new_sparse(item.sparse);
  });
}

const char* plait_archive_name(plait_archive_t archive, int32_t index) {
  const bool inside = is_alive(archive) && index >= 0 &&
                      index < static_cast<int32_t>(archive->archive.names.size());
  return inside ? archive->archive.names[static_cast<size_t>(index)].c_str() : nullptr;
}

void plait_archive_free(plait_archive_t archive) { free_object(archive); }
