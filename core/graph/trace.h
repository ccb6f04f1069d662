#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "autograd/autograd.h"
#include "graph/symbol.h"

namespace plait::graph {

// Writes down the operators that the calling thread applies to arrays as a symbol.
//
//   Trace trace;
//   trace.variable("data", x);
//   ... y = f(x) ...
//   Symbol f = trace.finish({y});
//
// Arrays that no traced operator made and that have no name are captured: they become variables
// with the names that `captured` lists. Reading the value of a traced array is an error, because
// what a program does with it would not be part of the symbol. A trace that starts inside another
// hears everything until it stops.
class Trace final : public RefCounted, autograd::Listener {
 public:
  Trace();  // starts; a trace that the thread has started before goes on when this one ends
  ~Trace() override;

  void variable(const std::string& name, const ArrayRef& array);
  // A variable that has another value in each call: to read it is an error too.
  void argument(const std::string& name, const ArrayRef& array);
  // Stops. Throws ErrorKind::kInvalidArgument if an output does not depend on a variable.
  Symbol finish(std::span<const ArrayRef> outputs);
  void stop();
  const std::vector<std::pair<std::string, ArrayRef>>& captured() const { return captured_; }
  // Shapes and dtypes of all outputs of a node that this trace made.
  const Specs& specs_of(const Node& node) const { return specs_.at(&node); }

  // Throws if the array is an argument, or was made by an operator, that this thread traces.
  static void check_read(const Array& array);
  // Throws if this thread traces and the array, or one that shares its memory, is known.
  static void check_write(const Array& array);
  // Throws if this thread traces: `what` changes arrays in place.
  static void check_no_trace(const char* what);
  // `to` now has the content of `from`; noted if this thread traces.
  static void copied(const ArrayRef& from, const ArrayRef& to);
  static bool is_active();  // in this thread

 private:
  void applied(const op::Op& op, const op::AttrsRef& attrs, std::span<const ArrayRef> in,
               std::span<const ArrayRef> out) override;
  Entry entry_of(const ArrayRef& array);
  const Entry* known(const Array& array) const;
  void check_results(std::span<const ArrayRef> out) const;

  friend class TracePause;

  std::unordered_map<const Array*, Entry> entries_;
  Arrays kept_;                              // so that no address is used twice
  std::unordered_set<const Array*> arguments_;
  std::unordered_set<const Array*> inside_;  // made by traces that were started within this one
  Ref<Trace> outer_;
  std::unordered_map<const Node*, Specs> specs_;
  std::vector<std::pair<std::string, ArrayRef>> captured_;
  std::unordered_map<std::string, int> counters_;
  bool active_ = true;
};

// What this thread does inside a scope is not traced: the work of an operator written by a user.
class TracePause {
 public:
  TracePause();
  ~TracePause();

 private:
  Trace* kept_;
};

}  // namespace plait::graph
