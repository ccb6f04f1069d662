#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/view.h"
#include "tensor/array.h"

// Operators that are not part of the library: registered at run time by a program or a shared
// library, and run by the operator `custom`. `params` is text whose meaning is theirs.
namespace plait::op {

struct CustomOp {
  using Params = const std::string&;
  using Views = std::span<const View>;
  std::shared_ptr<void> owner;  // of whatever the functions use
  // Numbers of inputs and outputs.
  std::function<std::pair<int, int>(Params)> count;
  std::function<Specs(Params, const Specs& in)> infer;
  std::function<void(Params, bool is_train, Views in, Views out)> forward;
  // Gradients of the inputs; empty: there is none.
  std::function<void(Params, Views dout, Views in, Views out, Views din)> backward;
  // How many inputs, the last ones, are states that forward may write; empty: none.
  std::function<int(Params)> states;
  // Fills in shapes of inputs that follow from the known ones; may be empty.
  std::function<void(Params, std::vector<Dims>& in, std::vector<bool>& known)> complete;
};

// Replaces an operator of the same name. The counts of some params never change.
void register_custom(const std::string& name, CustomOp op);
std::shared_ptr<const CustomOp> find_custom(const std::string& name);  // throws ErrorKind::kKey
std::vector<std::string> custom_names();                               // in alphabetical order

}  // namespace plait::op
