#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "kernels/parallel.h"
#include "kernels/simd.h"

// Sorting by unsigned keys that stand for numbers of any type.
namespace plait::kernels {

template <size_t kBytes>
struct KeyOfSize;
template <>
struct KeyOfSize<1> {
  using type = uint8_t;
};
template <>
struct KeyOfSize<2> {
  using type = uint16_t;
};
template <>
struct KeyOfSize<4> {
  using type = uint32_t;
};
template <>
struct KeyOfSize<8> {
  using type = uint64_t;
};
template <class T>
using order_key_t = typename KeyOfSize<sizeof(T)>::type;

// The bits of a type of numbers.
template <class T>
struct KeyBits {
  using Key = order_key_t<T>;
  static constexpr bool kFloating = !std::is_integral_v<T>;
  static constexpr Key kSign =
      kFloating || std::is_signed_v<T> ? static_cast<Key>(Key{1} << (8 * sizeof(T) - 1)) : Key{0};
  static constexpr Key kInfinity = std::is_same_v<T, float>    ? static_cast<Key>(0x7f800000u)
                                   : std::is_same_v<T, double> ? static_cast<Key>(0x7ffull << 52)
                                   : std::is_same_v<T, Half>   ? static_cast<Key>(0x7c00u)
                                                               : static_cast<Key>(0x7f80u);
};

// Unsigned numbers in the order of those of T: NaN is larger than any number, all NaN are equal,
// and -0 is 0.
template <class T>
order_key_t<T> order_key(T x) {
  using B = KeyBits<T>;
  using Key = typename B::Key;
  const Key bits = std::bit_cast<Key>(x);
  if constexpr (!B::kFloating) {
    return bits ^ B::kSign;
  } else {
    const Key magnitude = bits & static_cast<Key>(~B::kSign);
    const Key ordered = bits == magnitude || magnitude == 0 ? static_cast<Key>(magnitude | B::kSign)
                                                            : static_cast<Key>(~bits);
    return magnitude > B::kInfinity ? static_cast<Key>(~Key{0}) : ordered;
  }
}
// Whether numbers with the key of x may have other bits than x.
template <class T>
bool shares_key(T x) {
  if constexpr (!KeyBits<T>::kFloating) return false;
  using B = KeyBits<T>;
  const auto bits = std::bit_cast<typename B::Key>(x);
  const auto magnitude = static_cast<typename B::Key>(bits & ~B::kSign);
  return bits == B::kSign || magnitude > B::kInfinity;
}
// A number with that key.
template <class T>
T order_value(order_key_t<T> key) {
  using B = KeyBits<T>;
  using Key = typename B::Key;
  if constexpr (std::is_same_v<T, bool>) {
    return key != 0;
  } else if constexpr (!B::kFloating) {
    return std::bit_cast<T>(static_cast<Key>(key ^ B::kSign));
  } else {
    return std::bit_cast<T>(key & B::kSign ? static_cast<Key>(key ^ B::kSign)
                                           : static_cast<Key>(~key));
  }
}

// A key and the place where its number stands.
template <class Key, class Place>
struct Placed {
  Key key;
  Place place;
  bool operator<(const Placed& b) const { return key < b.key || (key == b.key && place < b.place); }
};
template <class Key>
Key key_of(Key key) requires std::unsigned_integral<Key> {
  return key;
}
template <class Key, class Place>
Key key_of(const Placed<Key, Place>& item) {
  return item.key;
}

namespace detail {
inline constexpr int kDigitBits = 8;
inline constexpr int64_t kBuckets = 1 << kDigitBits;
using Counts = std::array<int64_t, kBuckets>;

template <class Item>
size_t digit(const Item& item, int which) {
  return static_cast<size_t>(key_of(item) >> (kDigitBits * which)) & (kBuckets - 1);
}

// Moves items to where their digit belongs; `counts[part]` says how many of each digit each part of
// the items has. False: all have the same digit, nothing was moved.
template <class Item>
bool scatter(const Item* from, Item* to, int64_t n, int which, std::vector<Counts>& counts) {
  const auto parts = static_cast<int64_t>(counts.size());
  int64_t at = 0;
  for (size_t d = 0; d < kBuckets; ++d) {
    const int64_t start = at;
    for (Counts& c : counts) at += std::exchange(c[d], at);
    if (at - start == n) return false;
  }
  parallel_for(static_cast<int>(parts), parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      Counts& next = counts[static_cast<size_t>(part)];
      for (int64_t i = n * part / parts, end = n * (part + 1) / parts; i < end; ++i) {
        to[next[digit(from[i], which)]++] = from[i];
      }
    }
  });
  return true;
}
}  // namespace detail

// Sorts n items by their keys, equal ones in the order in which they come: by digits from the last
// (Knuth, TAOCP 3, 5.2.5). The result lies in one of the two arrays of n items, which is returned.
// Items with places must come in the order of these.
template <class Item>
Item* sort_items(Item* items, Item* spare, int64_t n, int threads) {
  constexpr int kDigits = sizeof(key_of(Item{}));
  if (n < 48 * kDigits) {
    std::sort(items, items + n);
    return items;
  }
  const int64_t parts = std::clamp<int64_t>(n / kGrain, 1, threads);
  std::vector<detail::Counts> counts(static_cast<size_t>(parts));
  if (parts == 1) {  // one look at the items is enough
    std::array<detail::Counts, kDigits> all{};
    for (int64_t i = 0; i < n; ++i) {
      for (int which = 0; which < kDigits; ++which) ++all[which][detail::digit(items[i], which)];
    }
    for (int which = 0; which < kDigits; ++which) {
      counts[0] = all[which];
      if (detail::scatter(items, spare, n, which, counts)) std::swap(items, spare);
    }
    return items;
  }
  for (int which = 0; which < kDigits; ++which) {
    parallel_for(threads, parts, 1, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part) {
        detail::Counts& c = counts[static_cast<size_t>(part)];
        c.fill(0);
        for (int64_t i = n * part / parts, end = n * (part + 1) / parts; i < end; ++i) {
          ++c[detail::digit(items[i], which)];
        }
      }
    });
    if (detail::scatter(items, spare, n, which, counts)) std::swap(items, spare);
  }
  return items;
}

namespace detail {
inline constexpr int64_t kStride = 16;  // numbers that are looked at together

// A key that at least k of n numbers do not exceed: every lane of numbers has its smallest, of
// which k do not exceed the k-th.
template <class T, class Key>
Key bound_of(const T* x, int64_t n, Key flip, int64_t k) {
  const int64_t lanes = 64 * ((k + 15) / 16);
  if (n < 4 * lanes) return static_cast<Key>(~Key{0});
  std::vector<Key> least(static_cast<size_t>(lanes), static_cast<Key>(~Key{0}));
  vector_call([=, y = least.data()] {
    for (int64_t i = 0; i + lanes <= n; i += lanes) {
#pragma GCC ivdep
      for (int64_t j = 0; j < lanes; ++j) {
        y[j] = std::min(y[j], static_cast<Key>(order_key(x[i + j]) ^ flip));
      }
    }
  });
  std::nth_element(least.begin(), least.begin() + (k - 1), least.end());
  return least[static_cast<size_t>(k - 1)];
}

// The first place from `i` on, in steps, behind which a key may be below `limit`.
template <class T, class Key>
int64_t next_below(const T* x, int64_t i, int64_t end, Key flip, Key limit) {
  return vector_call([=] {
    int64_t at = i;
    for (; at + kStride <= end; at += kStride) {
      Key any = 0;
      for (int64_t j = 0; j < kStride; ++j) {
        any |= static_cast<Key>((order_key(x[at + j]) ^ flip) < limit);
      }
      if (any) break;
    }
    return at;
  });
}

// Puts the `k` first of the numbers at [begin, end), in no order, at the start of `room`, which
// holds 2 k + 2 kStride items. Returns how many there are.
template <class T, class Place>
int64_t first_of(const T* x, int64_t begin, int64_t end, order_key_t<T> flip, int64_t k,
                 Placed<order_key_t<T>, Place>* room) {
  using Key = order_key_t<T>;
  // Keys must be below, if there is a limit: of equal ones the first stay.
  Key limit = static_cast<Key>(bound_of(x + begin, end - begin, flip, k) + 1);
  int64_t size = 0;
  for (int64_t i = begin; i < end;) {
    if (limit != 0) i = next_below(x, i, end, flip, limit);
    for (const int64_t stop = std::min(i + kStride, end); i < stop; ++i) {
      const Key key = order_key(x[i]) ^ flip;
      room[size] = {key, static_cast<Place>(i)};
      size += limit == 0 || key < limit;
    }
    if (size > 2 * k + kStride) {
      std::nth_element(room, room + k - 1, room + size);
      limit = room[k - 1].key;
      if (limit == 0) return k;
      size = k;
    }
  }
  if (size > k) std::nth_element(room, room + k - 1, room + size);
  return std::min(size, k);
}
}  // namespace detail

// The places of n numbers in ascending order, or with `flip` = all ones in descending, equal ones
// from the front; only the first k of them count. `Place` holds n. The result lies in one of the
// two arrays of n items each.
template <class T, class Place>
const Placed<order_key_t<T>, Place>* sorted_places(const T* x, int64_t n, int64_t k,
                                                   order_key_t<T> flip,
                                                   Placed<order_key_t<T>, Place>* items,
                                                   Placed<order_key_t<T>, Place>* spare,
                                                   int threads) {
  using Key = order_key_t<T>;
  const int64_t parts = std::clamp<int64_t>(n / (8 * kGrain), 1, threads);
  const int64_t room = 2 * k + 2 * detail::kStride;
  if (k == 0 || parts * room > n / 4) {
    parallel_for(threads, n, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        items[i] = {static_cast<Key>(order_key(x[i]) ^ flip), static_cast<Place>(i)};
      }
    });
    return sort_items(items, spare, n, threads);
  }
  std::vector<int64_t> found(static_cast<size_t>(parts));
  parallel_for(threads, parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      found[static_cast<size_t>(part)] = detail::first_of(
          x, n * part / parts, n * (part + 1) / parts, flip, k, items + part * room);
    }
  });
  int64_t total = found[0];
  for (int64_t part = 1; part < parts; ++part) {
    total =
        std::copy_n(items + part * room, found[static_cast<size_t>(part)], items + total) - items;
  }
  std::sort(items, items + total);
  return items;
}

// y = x in ascending order, or with `flip` = all ones in descending; equal ones keep theirs. `keys`
// and `spare` hold n keys.
template <class T>
void sort_numbers(const T* x, T* y, int64_t n, order_key_t<T> flip, order_key_t<T>* keys,
                  order_key_t<T>* spare, int threads) {
  using Key = order_key_t<T>;
  std::atomic<bool> is_ambiguous = false;
  parallel_for(threads, n, kGrain, [&](int64_t begin, int64_t end) {
    const bool any = vector_call([=] {
      Key shared = 0;
      for (int64_t i = begin; i < end; ++i) {
        keys[i] = static_cast<Key>(order_key(x[i]) ^ flip);
        shared |= static_cast<Key>(shares_key(x[i]));
      }
      return shared != 0;
    });
    if (any) is_ambiguous = true;
  });
  const Key* sorted = sort_items(keys, spare, n, threads);
  parallel_for(threads, n, kGrain, [&](int64_t begin, int64_t end) {
    vector_loop(end - begin, [=](int64_t i) {
      y[begin + i] = order_value<T>(static_cast<Key>(sorted[begin + i] ^ flip));
    });
  });
  if (!is_ambiguous) return;
  // The zeros of both signs and the NaN of all kinds, from where they stood.
  for (const Key key : {order_key(T(0.0f)), static_cast<Key>(~Key{0})}) {
    T* at = y + (std::lower_bound(sorted, sorted + n, static_cast<Key>(key ^ flip)) - sorted);
    for (int64_t i = 0; i < n; ++i) {
      if (order_key(x[i]) == key) *at++ = x[i];
    }
  }
}

}  // namespace plait::kernels
