#include "data/archive.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

// Layout, little-endian: uint64 0x112, uint64 0, uint64 count, the arrays, uint64 count of names,
// each name as uint64 length and bytes. An array: uint32 magic, int32 storage type, shape (uint32
// axes, int64 sizes), int32 device kind, int32 device id, int32 dtype, data. A sparse array has the
// shape of its values before its own, and behind dtype for each kind of index (indptr first) int32
// dtype and shape; its data are the values, then these indices. Before magic numbers existed an
// array began with its number of axes and had 32-bit sizes.
namespace plait::data {
namespace {

constexpr uint64_t kFileMagic = 0x112;
constexpr uint32_t kV1 = 0xF993fac8, kV2 = 0xF993fac9, kV3 = 0xF993faca;

class Reader {
 public:
  Reader(std::string_view bytes, const std::string& what) : bytes_(bytes), what_(what) {}

  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view take(uint64_t n) {
    if (n > bytes_.size() - at_)
      fault(cat("needs ", n, " bytes more, the file has ", bytes_.size() - at_));
    at_ += n;
    return bytes_.substr(at_ - n, n);
  }
  uint64_t left() const { return bytes_.size() - at_; }
  [[noreturn]] void fault(const std::string& why) const {
    fail(ErrorKind::kIo, "load: ", what_, " is corrupt at byte ", at_, ": ", why);
  }

 private:
  std::string_view bytes_;
  const std::string& what_;
  size_t at_ = 0;
};

// Whether steps between elements of `item` bytes fit in 64 bits; an axis of 0 does not ensure it.
bool steps_fit(const Dims& shape, int64_t item) {
  for (int64_t d : shape) {
    if (d < 0 || __builtin_mul_overflow(item, std::max<int64_t>(d, 1), &item)) return false;
  }
  return true;
}

template <class T>
Dims read_shape(Reader& in, uint32_t ndim) {
  if (ndim > kMaxNdim) in.fault(cat("an array has ", ndim, " axes, must be at most ", kMaxNdim));
  Dims shape;
  for (uint32_t i = 0; i < ndim; ++i) shape.push_back(static_cast<int64_t>(in.number<T>()));
  if (!steps_fit(shape, 1)) in.fault(cat("an array has shape ", shape));
  return shape;
}

DType read_dtype(Reader& in) {
  const auto number = in.number<int32_t>();
  if (number < 0 || number > static_cast<int32_t>(DType::kBfloat16))
    in.fault(cat("dtype number is ", number));
  return static_cast<DType>(number);
}

ArrayRef read_data(Reader& in, const Dims& shape, DType dtype) {
  const int64_t n = num_elements(shape);
  if (n > static_cast<int64_t>(in.left()) || !steps_fit(shape, dtype_size(dtype)))
    in.fault(cat("an array of shape ", shape, " does not fit"));
  const std::string_view bytes = in.take(static_cast<uint64_t>(n * dtype_size(dtype)));
  ArrayRef array = Array::empty(shape, dtype);
  if (n) std::memcpy(array->data(), bytes.data(), bytes.size());
  return array;
}

// What follows the storage type of a sparse array.
SparseRef read_sparse(Reader& in, Storing storing) {
  const Dims stored = read_shape<int64_t>(in, in.number<uint32_t>());
  const Dims shape = read_shape<int64_t>(in, in.number<uint32_t>());
  in.number<int32_t>();  // where it was
  in.number<int32_t>();
  const DType dtype = read_dtype(in);
  std::vector<Spec> indices;
  for (int64_t i = 1; i < SparseArray::num_parts(storing); ++i) {
    const DType type = read_dtype(in);
    indices.push_back({read_shape<int64_t>(in, in.number<uint32_t>()), type});
  }
  Arrays parts{read_data(in, stored, dtype)};
  for (const Spec& s : indices) parts.push_back(read_data(in, s.shape, s.dtype));
  if (storing == Storing::kCsr) std::swap(parts[1], parts[2]);
  // MXNet stores no indptr for a matrix without elements.
  constexpr int64_t kMostEmptyRows = int64_t{1} << 27;
  if (storing == Storing::kCsr && parts[2]->size() == 0 && shape.size() == 2 &&
      shape[0] <= kMostEmptyRows)
    return SparseArray::zeros(storing, {shape, dtype});
  try {
    auto sparse = make_ref<SparseArray>(storing, shape, std::move(parts));
    sparse->check_numbers();
    return sparse;
  } catch (const Error& e) {
    in.fault(e.what());
  }
}

Stored read_array(Reader& in) {
  const auto magic = in.number<uint32_t>();
  Dims shape;
  if (magic == kV2 || magic == kV3) {
    const auto storage_type = in.number<int32_t>();
    if (storage_type < 0 || storage_type > 2) in.fault(cat("storage type is ", storage_type));
    const auto storing = static_cast<Storing>(storage_type);
    if (storing != Storing::kDense) return {nullptr, read_sparse(in, storing)};
    shape = read_shape<int64_t>(in, in.number<uint32_t>());
  } else if (magic == kV1) {
    shape = read_shape<int64_t>(in, in.number<uint32_t>());
  } else {
    shape = read_shape<uint32_t>(in, magic);
  }
  if (magic != kV3 && shape.empty()) return {Array::empty(Dims{0}, DType::kFloat32), nullptr};
  in.number<int32_t>();  // where it was
  in.number<int32_t>();
  const DType dtype = read_dtype(in);
  return {read_data(in, shape, dtype), nullptr};
}

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_shape(std::string& out, const Dims& shape) {
  put(out, static_cast<uint32_t>(shape.size()));
  for (int64_t d : shape) put<int64_t>(out, d);
}

void put_place(std::string& out) {
  put<int32_t>(out, static_cast<int32_t>(DeviceKind::kCpu));
  put<int32_t>(out, 0);
}

void put_data(std::string& out, const Array& a) {
  if (a.size()) out.append(static_cast<const char*>(a.data()), static_cast<size_t>(a.nbytes()));
}

void put_array(std::string& out, const ArrayRef& a) {
  check(!is_complex(a->dtype()), ErrorKind::kType, "save: dtype is ", a->dtype(),
        ", must be real: this format has no complex numbers\n  hint: npx.savez writes them");
  a->wait_to_read();
  const bool plain = a->ndim() > 0 && a->size() > 0;  // others need the newer form
  put(out, plain ? kV2 : kV3);
  put<int32_t>(out, 0);
  put_shape(out, a->shape());
  put_place(out);
  put(out, static_cast<int32_t>(a->dtype()));
  put_data(out, *a);
}

void put_sparse(std::string& out, const SparseArray& sparse) {
  Arrays parts = sparse.parts();
  for (const ArrayRef& a : parts) a->wait_to_read();
  if (sparse.storing() == Storing::kCsr) std::swap(parts[1], parts[2]);
  put(out, kV2);
  put<int32_t>(out, static_cast<int32_t>(sparse.storing()));
  put_shape(out, parts[0]->shape());
  put_shape(out, sparse.shape());
  put_place(out);
  put(out, static_cast<int32_t>(sparse.dtype()));
  for (size_t i = 1; i < parts.size(); ++i) {
    put(out, static_cast<int32_t>(parts[i]->dtype()));
    put_shape(out, parts[i]->shape());
  }
  for (const ArrayRef& a : parts) put_data(out, *a);
}

[[noreturn]] void io_error(const std::string& path, const char* verb) {
  fail(ErrorKind::kIo, verb, ": ", path, ": ", std::strerror(errno));
}

}  // namespace

std::string write_archive(const std::vector<Stored>& arrays,
                          const std::vector<std::string>& names) {
  std::string out;
  put(out, kFileMagic);
  put<uint64_t>(out, 0);
  put<uint64_t>(out, arrays.size());
  for (const Stored& a : arrays) {
    a.sparse ? put_sparse(out, *a.sparse) : put_array(out, a.dense);
  }
  put<uint64_t>(out, names.size());
  for (const std::string& name : names) {
    put<uint64_t>(out, name.size());
    out += name;
  }
  return out;
}

Archive read_archive(std::string_view bytes, const std::string& what) {
  Reader in(bytes, what);
  if (in.number<uint64_t>() != kFileMagic) in.fault("it does not begin like a file of arrays");
  in.number<uint64_t>();
  Archive archive;
  for (uint64_t n = in.number<uint64_t>(); n > 0; --n) {
    if (n > in.left()) in.fault(cat("it promises ", n, " arrays more"));
    archive.arrays.push_back(read_array(in));
  }
  for (uint64_t n = in.number<uint64_t>(); n > 0; --n) {
    if (n > in.left()) in.fault(cat("it promises ", n, " names more"));
    archive.names.emplace_back(in.take(in.number<uint64_t>()));
  }
  if (!archive.names.empty() && archive.names.size() != archive.arrays.size()) {
    in.fault(cat("it has ", archive.arrays.size(), " arrays and ", archive.names.size(), " names"));
  }
  return archive;
}

std::string read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) io_error(path, "load");
  std::string bytes;
  char block[1 << 16];
  while (const size_t n = std::fread(block, 1, sizeof block, file)) bytes.append(block, n);
  const bool failed = std::ferror(file);
  std::fclose(file);
  if (failed) io_error(path, "load");
  return bytes;
}

void write_file(const std::string& path, std::string_view bytes) {
  std::string temporary = path + ".XXXXXX";
  const int fd = mkstemp(temporary.data());
  if (fd < 0) io_error(path, "save");
  bool good = true;
  for (size_t at = 0; good && at < bytes.size();) {
    const ssize_t n = write(fd, bytes.data() + at, bytes.size() - at);
    good = n > 0 || (n < 0 && errno == EINTR);
    if (n > 0) at += static_cast<size_t>(n);
  }
  good = good && fchmod(fd, 0644) == 0 && fsync(fd) == 0;
  good = close(fd) == 0 && good;
  good = good && std::rename(temporary.c_str(), path.c_str()) == 0;
  if (!good) {
    const int why = errno;
    unlink(temporary.c_str());
    errno = why;
    io_error(path, "save");
  }
}

}  // namespace plait::data
