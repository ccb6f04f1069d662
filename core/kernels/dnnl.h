#pragma once

#include <cstdint>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <span>
#include <string>
#include <unordered_map>

#include "base/dims.h"
#include "base/env.h"
#include "kernels/epilogue.h"

// What all users of oneDNN share: the engine, a stream for each thread, prepared primitives.
namespace plait::kernels::onednn {

dnnl::engine& cpu();
dnnl::stream& stream();

// A primitive with the layouts that it wants. Plain operands are brought into these layouts and
// back by reorders when they differ. Its memory objects are made once and pointed to the data of
// each call, so one object serves one thread.
class Prepared {
 public:
  template <class PrimitiveDesc>
  Prepared(const PrimitiveDesc& pd, dnnl::primitive primitive)
      : primitive_(std::move(primitive)), scratchpad_(pd.scratchpad_desc(), cpu(), nullptr) {
    args_.push_back({DNNL_ARG_SCRATCHPAD, scratchpad_.get()});
  }

  // The operand lies `offset` bytes behind its address.
  void add(int arg, const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted,
           bool is_output, int64_t offset = 0);
  const dnnl::memory::desc plain(size_t operand) const {
    return operands_[operand].plain.get_desc();
  }
  // `data` in the order of `add`.
  void run(std::initializer_list<void*> data) const { run({data.begin(), data.size()}); }
  void run(std::span<void* const> data) const;

 private:
  struct Operand {
    bool is_output;
    int64_t offset;
    dnnl::memory plain, wanted;
    dnnl::reorder reorder;  // only if the layouts differ
  };

  dnnl::primitive primitive_;
  dnnl::memory scratchpad_;
  std::vector<Operand> operands_;
  std::vector<dnnl_exec_arg_t> args_;
};

// The prepared primitive of this thread for `key`, made by `make` the first time. Keys hold all
// that matters: kind, shapes, attributes, threads.
template <class Make>
const Prepared& prepared(const std::string& key, const Make& make) {
  constexpr size_t kMost = 1024;  // a loop over ever new shapes must not grow without bound
  thread_local std::unordered_map<std::string, std::unique_ptr<Prepared>> cache;
  const auto found = cache.find(key);
  if (found != cache.end()) return *found->second;
  if (cache.size() >= kMost) cache.clear();
  return *(cache[key] = std::make_unique<Prepared>(make()));
}

// Key text of numbers: their bytes.
class Key {
 public:
  explicit Key(char kind) : text_(1, kind) {}
  Key& add(int64_t v) {
    text_.append(reinterpret_cast<const char*>(&v), sizeof v);
    return *this;
  }
  Key& add(const Dims& dims) {
    add(static_cast<int64_t>(dims.size()));
    for (int64_t d : dims) add(d);
    return *this;
  }
  Key& add(const Epilogue* epilogue) {
    if (epilogue) text_ += epilogue->text();
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Attributes of a primitive: its scratchpad comes from the caller, and the steps of `epilogue`, if
// there is one, are applied to its result, whose layout is `dst`.
dnnl::primitive_attr attributes(const Epilogue* epilogue = nullptr,
                                const dnnl::memory::desc& dst = {});
// Adds the operands of the epilogue, arrays as `dst`.
void add_operands(Prepared& to, const Epilogue* epilogue, const dnnl::memory::desc& dst);

// oneDNN plans for the number of threads at creation; this sets it for a scope.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();

 private:
  int before_;
};

// What a packed operand holds: the layout that a kernel wants on one thread, and behind it that for
// all cores if it is another one.
class PackedLayouts {
 public:
  // `wanted()` gives the layout for the number of threads that is set.
  template <class Wanted>
  explicit PackedLayouts(const Wanted& wanted)
      : one_(under(1, wanted)), all_(under(env::num_cores(), wanted)) {}

  int64_t bytes() const { return offset_of_all() + static_cast<int64_t>(all_.get_size()); }

  // What `make()` gives for at most `threads` threads, with weights in a layout that is there. One
  // that is not would be made at each call, for longer than the kernel takes.
  template <class Make>
  auto fitting(int threads, const Make& make) const {
    for (;; threads /= 2) {
      ThreadScope scope(threads);
      auto found = make();
      if (threads <= 1 || has(found.weights_desc())) return found;
    }
  }

  // The packed operand as operand `arg` of a primitive that wants this layout.
  void add_to(Prepared& primitive, int arg, const dnnl::memory::desc& wanted) const;
  // Brings an operand into all layouts. `key` names it among all that `prepared` knows.
  void pack(const dnnl::memory::desc& plain, const void* from, void* to,
            const std::string& key) const;

 private:
  template <class Wanted>
  static dnnl::memory::desc under(int threads, const Wanted& wanted) {
    ThreadScope scope(threads);
    return wanted();
  }
  bool has(const dnnl::memory::desc& layout) const { return layout == one_ || layout == all_; }
  int64_t offset_of_all() const;  // bytes

  dnnl::memory::desc one_, all_;
};

}  // namespace plait::kernels::onednn
