#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/node.h"
#include "tensor/array.h"

namespace plait::graph {

// Named inputs or outputs with what is known of their shapes and dtypes.
struct Inferred {
  std::vector<std::optional<Dims>> arg_shapes, out_shapes, aux_shapes;
  std::vector<std::optional<DType>> arg_dtypes, out_dtypes, aux_dtypes;
  // As the shapes, with those of which only some sizes are known; -1 stands for the others.
  std::vector<std::optional<Dims>> arg_partial, out_partial, aux_partial;
  bool complete = true;
};

// An ordered list of entries of an untyped graph: what users call a symbol.
class Symbol {
 public:
  Symbol() = default;
  explicit Symbol(Entries entries) : entries_(std::move(entries)) {}

  static Symbol variable(const std::string& name);
  // Applies an operator. Missing trailing inputs become variables `<name>_<input>`.
  static Symbol apply(const op::Op& op, const op::AttrsRef& attrs, const std::string& name,
                      std::span<const Symbol> in, std::span<const std::string> in_names);
  static Symbol group(std::span<const Symbol> parts);
  static Symbol from_json(std::string_view text);
  std::string to_json() const;

  const Entries& entries() const { return entries_; }
  size_t size() const { return entries_.size(); }
  Symbol output(size_t i) const { return Symbol({entries_.at(i)}); }
  // All outputs of all nodes; the inputs of the first entry's node.
  Symbol internals() const;
  Symbol children() const;

  std::vector<Node*> input_nodes() const;  // variables, arguments and auxiliary states mixed
  std::vector<std::string> list_inputs() const;
  std::vector<std::string> list_arguments() const;
  std::vector<std::string> list_auxiliary_states() const;
  std::vector<std::string> list_outputs() const;

  // A copy in which variables named in `names` are replaced by entries.
  Symbol compose(std::span<const std::string> names, std::span<const Symbol> with) const;

  // A copy whose first output comes from a node called `name`; it keeps the variables.
  Symbol renamed(const std::string& name) const;

  // The nodes whose attribute `key` is `value`, as a symbol of its own: what they read of other
  // operators became variables. `outer` has what each of its inputs stands for.
  struct Cut;
  Cut cut(const std::string& key, const std::string& value) const;

  // Runs operator by operator; arrays in the order of list_inputs().
  Arrays run_eager(std::span<const ArrayRef> in) const;

  // `names` and specs that are given; the rest follows if it can. Throws when shapes contradict.
  // A size that is given may be -1: not known.
  Inferred infer(std::span<const std::string> names, std::span<const std::optional<Dims>> shapes,
                 std::span<const std::optional<DType>> dtypes) const;

 private:
  Entries entries_;
};

struct Symbol::Cut {
  Symbol body, outer;
};

}  // namespace plait::graph
