#include "op/sparse.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <string>

#include "op/op.h"
#include "op/rows.h"

namespace plait::op {
namespace {

using Keys = std::vector<int64_t>;

Value value_of(const ArrayRef& a) { return {a, {}, 0, a->spec()}; }

ArrayRef vector_of(const Keys& numbers) {
  ArrayRef a = Array::empty(Dims{static_cast<int64_t>(numbers.size())}, DType::kInt64);
  std::copy(numbers.begin(), numbers.end(), static_cast<int64_t*>(a->data()));
  return a;
}

std::span<const int64_t> read(const ArrayRef& index) {
  index->wait_to_read();
  return {static_cast<const int64_t*>(index->data()), static_cast<size_t>(index->size())};
}

int64_t read_number(const Value& v) {
  v.array->wait_to_read();
  return *static_cast<const int64_t*>(v.array->data());
}

// Where the stored parts belong, as one ascending list: row numbers, or places in the matrix.
Keys keys_of(const SparseArray& sparse, const Arrays& parts) {
  const auto index = read(parts[1]);
  Keys keys(index.begin(), index.end());
  if (sparse.storing() == Storing::kRowSparse) return keys;
  const auto start = read(parts[2]);
  const int64_t columns = sparse.shape()[1];
  for (size_t r = 0; r + 1 < start.size(); ++r) {
    for (int64_t i = start[r]; i < start[r + 1]; ++i) {
      keys[static_cast<size_t>(i)] += static_cast<int64_t>(r) * columns;
    }
  }
  return keys;
}

SparseRef from_keys(Storing storing, const Dims& shape, const ArrayRef& values, const Keys& keys) {
  if (storing == Storing::kRowSparse) {
    return make_ref<SparseArray>(storing, shape, Arrays{values, vector_of(keys)});
  }
  Keys columns(keys.size()), start(static_cast<size_t>(shape[0]) + 1, 0);
  for (size_t i = 0; i < keys.size(); ++i) {
    columns[i] = keys[i] % shape[1];
    ++start[static_cast<size_t>(keys[i] / shape[1]) + 1];
  }
  std::partial_sum(start.begin(), start.end(), start.begin());
  return make_ref<SparseArray>(storing, shape,
                               Arrays{values, vector_of(columns), vector_of(start)});
}

// The different keys, ascending; keys[i] is number place[i] of them.
Keys distinct(const Keys& keys, Keys& place) {
  place.resize(keys.size());
  Keys kept;
  const auto most = static_cast<size_t>(*std::max_element(keys.begin(), keys.end()));
  if (most / 64 > 16 * keys.size()) {
    kept = keys;
    std::sort(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
    for (size_t i = 0; i < keys.size(); ++i) {
      place[i] = std::lower_bound(kept.begin(), kept.end(), keys[i]) - kept.begin();
    }
    return kept;
  }
  // The set as bits; a key's place is the number of bits below it.
  std::vector<uint64_t> bits(most / 64 + 1, 0);
  for (int64_t key : keys) bits[static_cast<size_t>(key) / 64] |= 1ull << (key % 64);
  Keys below(bits.size());
  for (size_t w = 0; w < bits.size(); ++w) {
    below[w] = static_cast<int64_t>(kept.size());
    for (uint64_t left = bits[w]; left != 0; left &= left - 1) {
      kept.push_back(static_cast<int64_t>(w * 64) + std::countr_zero(left));
    }
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto word = static_cast<size_t>(keys[i]) / 64;
    place[i] = below[word] + std::popcount(bits[word] & ((1ull << (keys[i] % 64)) - 1));
  }
  return kept;
}

// Rows of `values` added where equal keys meet.
SparseRef merged(Storing storing, const Spec& spec, const Value& values, const Keys& keys) {
  static const OpCall kAdd("take_backward", {"axis", "mode", "shape"});
  Keys place;
  const Keys kept = distinct(keys, place);
  Dims shape = values.shape();
  shape[0] = static_cast<int64_t>(kept.size());
  const Value sums =
      kAdd({values, value_of(vector_of(place))}, {int64_t{0}, std::string("clip"), shape});
  return from_keys(storing, spec.shape, sums.array, kept);
}

void check_alike(const SparseArray& a, const SparseArray& b, const char* who) {
  check(a.storing() == b.storing(), ErrorKind::kType, who,
        ": the arrays are stored in two ways, must be one");
  check(a.shape() == b.shape(), ErrorKind::kShape, who, ": rhs has shape ", b.shape(), ", must be ",
        a.shape());
  check(a.dtype() == b.dtype(), ErrorKind::kType, who, ": rhs has dtype ", b.dtype(), ", must be ",
        a.dtype());
}

SparseRef csr_of(const ArrayRef& dense) {
  static const OpCall kCount("count_nonzero"), kPlaces("nonzero_places", {"count"}),
      kGather("gather_nd");
  check(dense->ndim() == 2, ErrorKind::kShape, "cast_storage: data has shape ", dense->shape(),
        ", must have 2 axes for csr");
  const Value data = value_of(dense);
  const int64_t n = read_number(kCount({data}));
  const Value places = kPlaces({data}, {n});
  const auto both = read(places.array);
  Keys keys(static_cast<size_t>(n));
  for (size_t i = 0; i < keys.size(); ++i) {
    keys[i] = both[i] * dense->shape()[1] + both[keys.size() + i];
  }
  return from_keys(Storing::kCsr, dense->shape(), kGather({data, places}).array, keys);
}

SparseRef rows_of(const ArrayRef& dense) {
  static const OpCall kNotEqual("not_equal_scalar", {"scalar"}), kMax("max", {"axis"}),
      kCount("count_nonzero"), kPlaces("nonzero_places", {"count"}), kTake("take");
  const Dims& shape = dense->shape();
  check(!shape.empty(), ErrorKind::kShape,
        "cast_storage: data has shape (), must have an axis for row_sparse");
  if (dense->size() == 0) return SparseArray::zeros(Storing::kRowSparse, dense->spec());
  const Value data = value_of(dense);
  Value used = kNotEqual({data}, {0.0});
  if (shape.size() > 1) {
    used = kMax({reshape_to(used, {shape[0], dense->size() / shape[0]})}, {Dims{1}});
  }
  const int64_t n = read_number(kCount({used}));
  if (n == 0) return SparseArray::zeros(Storing::kRowSparse, dense->spec());
  const auto rows = read(kPlaces({used}, {n}).array);
  const ArrayRef index = vector_of({rows.begin(), rows.end()});
  return make_ref<SparseArray>(Storing::kRowSparse, shape,
                               Arrays{kTake({data, value_of(index)}).array, index});
}

}  // namespace

SparseRef sparse_of(const ArrayRef& dense, Storing storing) {
  return storing == Storing::kCsr ? csr_of(dense) : rows_of(dense);
}

ArrayRef dense_of(const SparseArray& sparse) {
  static const OpCall kCsr("csr_to_dense", {"shape"});
  const Arrays parts = sparse.parts();
  if (sparse.storing() == Storing::kRowSparse) {
    return dense(row_values(value_of(parts[0]), value_of(parts[1]), sparse.spec())).array;
  }
  return kCsr({value_of(parts[0]), value_of(parts[1]), value_of(parts[2])}, {sparse.shape()}).array;
}

SparseRef sum_of(std::span<const SparseRef> items) {
  static const OpCall kConcat("concat", {"dim"});
  check(!items.empty(), ErrorKind::kInvalidArgument, "add_n: got 0 arrays, must be at least 1");
  Keys keys;
  Values values;
  for (const SparseRef& item : items) {
    check_alike(*items[0], *item, "elemwise_add");
    const Arrays parts = item->parts();
    const Keys more = keys_of(*item, parts);
    keys.insert(keys.end(), more.begin(), more.end());
    if (!more.empty()) values.push_back(value_of(parts[0]));
  }
  if (values.empty()) return SparseArray::zeros(items[0]->storing(), items[0]->spec());
  const AttrValue axis[] = {int64_t{0}};
  const Value all =
      values.size() == 1 ? values[0] : kConcat.all({values.data(), values.size()}, axis)[0];
  return merged(items[0]->storing(), items[0]->spec(), all, keys);
}

SparseRef product_of(const SparseArray& a, const SparseArray& b) {
  static const OpCall kTake("take");
  check_alike(a, b, "elemwise_mul");
  const Arrays pa = a.parts(), pb = b.parts();
  const Keys ka = keys_of(a, pa), kb = keys_of(b, pb);
  Keys kept, from_a, from_b;
  for (size_t i = 0, j = 0; i < ka.size() && j < kb.size();) {
    if (ka[i] == kb[j]) {
      kept.push_back(ka[i]);
      from_a.push_back(static_cast<int64_t>(i));
      from_b.push_back(static_cast<int64_t>(j));
    }
    const bool step_a = ka[i] <= kb[j], step_b = kb[j] <= ka[i];
    i += step_a;
    j += step_b;
  }
  if (kept.empty()) return SparseArray::zeros(a.storing(), a.spec());
  const Value values = kTake({value_of(pa[0]), value_of(vector_of(from_a))}) *
                       kTake({value_of(pb[0]), value_of(vector_of(from_b))});
  return from_keys(a.storing(), a.shape(), values.array, kept);
}

SparseRef merged_rows(const ArrayRef& values, const ArrayRef& index, const Spec& spec) {
  const auto rows = read(index);
  if (rows.empty()) return SparseArray::zeros(Storing::kRowSparse, spec);
  return merged(Storing::kRowSparse, spec, value_of(values), {rows.begin(), rows.end()});
}

}  // namespace plait::op
