/* Batches of samples. Part of plait.hpp. */
#pragma once

#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "plait/cpp/ndarray.hpp"

namespace plait::cpp {

struct DataBatch {
  NDArray data, label;
  int64_t pad_num = 0; /* samples at the end that only fill the batch up */
  std::vector<int64_t> index;
};

/* Passes over samples:
 *
 *   for (iter.Reset(); iter.Next();) use(iter.GetDataBatch());
 */
class DataIter {
 public:
  virtual ~DataIter() = default;
  virtual void BeforeFirst() = 0;
  virtual bool Next() = 0;
  virtual DataBatch GetDataBatch() = 0;
  NDArray GetData() { return GetDataBatch().data; }
  NDArray GetLabel() { return GetDataBatch().label; }
  int64_t GetPadNum() { return GetDataBatch().pad_num; }
  std::vector<int64_t> GetIndex() { return GetDataBatch().index; }
  void Reset() { BeforeFirst(); }
};

namespace detail {

template <class T>
std::string option_text(const T& value) {
  std::ostringstream text;
  if constexpr (std::is_same_v<T, Shape>) {
    text << '(';
    for (int64_t n : value) text << n << ',';
    text << ')';
  } else {
    text << std::boolalpha << value;
  }
  return text.str();
}

}  // namespace detail

/* What all iterators of the library share: options, then a handle. */
class LibraryIter : public DataIter {
 public:
  void BeforeFirst() override { Check(plait_iter_reset(made())); }
  bool Next() override {
    plait_array_t data = nullptr, label = nullptr, index = nullptr;
    Check(plait_iter_next(made(), &data, &label, &index, &batch_.pad_num));
    batch_.data = data ? NDArray(data) : NDArray();
    batch_.label = label ? NDArray(label) : NDArray();
    const NDArray ids = index ? NDArray(index) : NDArray();
    batch_.index.assign(static_cast<size_t>(index ? ids.Size() : 0), 0);
    if (index) {
      Check(plait_array_copy_to_host(index, batch_.index.data(), plait_array_nbytes(index)));
    }
    return data != nullptr;
  }
  DataBatch GetDataBatch() override { return batch_; }

 protected:
  virtual plait_status_t make(const char* const* names, const char* const* values, int32_t count,
                              plait_iter_t* out) const = 0;
  plait_iter_t made() {
    if (!handle_) {
      std::vector<const char*> names, values;
      for (const auto& [name, value] : options_) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
      }
      plait_iter_t out = nullptr;
      Check(make(names.data(), values.data(), static_cast<int32_t>(names.size()), &out));
      handle_.reset(out);
    }
    return handle_.get();
  }
  void set(const std::string& name, std::string text) {
    options_.emplace_back(name, std::move(text));
    handle_.reset();
  }

 private:
  std::vector<std::pair<std::string, std::string>> options_;
  detail::Owner<plait_iter_t, plait_iter_free> handle_;
  DataBatch batch_;
};

/* An iterator over files: "MNISTIter", "CSVIter", "LibSVMIter", "ImageRecordIter" or
 * "ImageDetRecordIter".
 *
 *   auto iter = MXDataIter("MNISTIter").SetParam("image", "t10k-images-idx3-ubyte")
 *                   .SetParam("label", "t10k-labels-idx1-ubyte").CreateDataIter();
 */
class MXDataIter : public LibraryIter {
 public:
  explicit MXDataIter(std::string type) : type_(std::move(type)) {}
  template <class T>
  MXDataIter& SetParam(const std::string& name, const T& value) {
    set(name, detail::option_text(value));
    return *this;
  }
  /* Opens the files now, so that what is wrong with them is thrown here. */
  MXDataIter CreateDataIter() {
    made();
    return std::move(*this);
  }

 protected:
  plait_status_t make(const char* const* names, const char* const* values, int32_t count,
                      plait_iter_t* out) const override {
    return plait_iter_new(type_.c_str(), names, values, count, out);
  }

 private:
  std::string type_;
};

/* An iterator over copies of two arrays. */
class NDArrayIter : public LibraryIter {
 public:
  NDArrayIter(NDArray data, NDArray label, int64_t batch_size = 1, bool shuffle = false,
              const std::string& last_batch_handle = "pad")
      : data_(std::move(data)), label_(std::move(label)) {
    set("batch_size", std::to_string(batch_size));
    set("shuffle", shuffle ? "true" : "false");
    set("last_batch_handle", last_batch_handle);
    made();
  }

 protected:
  plait_status_t make(const char* const* names, const char* const* values, int32_t count,
                      plait_iter_t* out) const override {
    return plait_iter_from_arrays(data_.handle(), label_.handle(), names, values, count, out);
  }

 private:
  NDArray data_, label_;
};

}  // namespace plait::cpp
