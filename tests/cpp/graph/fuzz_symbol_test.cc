// Damaged graph files never do more than throw an Error; see tests/cpp/data/fuzz_test.cc.
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "fuzz.h"
#include "graph/symbol.h"
#include "testing.h"

using namespace plait;
using testing::fuzz;
using testing::Mutator;
using testing::Seeds;

namespace {

constexpr const char* kLayers = R"json({
  "nodes": [
    {"op": "null", "name": "data", "inputs": []},
    {"op": "null", "name": "fc_weight", "attrs": {"__lr_mult__": "2.0"}, "inputs": []},
    {"op": "null", "name": "fc_bias", "inputs": []},
    {"op": "FullyConnected", "name": "fc", "attrs": {"num_hidden": "8", "flatten": "True"},
     "inputs": [[0, 0, 0], [1, 0, 0], [2, 0, 0]]},
    {"op": "Activation", "name": "act", "attrs": {"act_type": "relu"}, "inputs": [[3, 0, 0]]},
    {"op": "transpose", "name": "t", "attrs": {"axes": "(1, 0)"}, "inputs": [[4, 0, 0]]},
    {"op": "null", "name": "label", "inputs": []},
    {"op": "SoftmaxOutput", "name": "softmax", "inputs": [[5, 0, 0], [6, 0, 0]]}],
  "arg_nodes": [0, 1, 2, 6], "node_row_ptr": [0, 1, 2, 3, 4, 5, 6, 7, 8], "heads": [[7, 0, 0]],
  "attrs": {"mxnet_version": ["int", 10901]}})json";

// As MXNet 0.x wrote: "param", inputs of two numbers, no auxiliary states.
constexpr const char* kOld = R"json({"nodes": [
  {"op": "null", "param": {}, "name": "x", "inputs": [], "backward_source_id": -1},
  {"op": "BatchNorm", "param": {"eps": "0.001", "fix_gamma": "True"}, "name": "bn\u00e9",
   "attr": {"weight_lr_mult": "1.5", "ctx_group": "a"}, "inputs": [[0, 0]]},
  {"op": "Flatten", "param": {}, "name": "flat", "inputs": [[1, 0]]}],
  "arg_nodes": [0], "heads": [[2, 0], [1, 0]]})json";

// Words that replace numbers and texts at random.
constexpr const char* kWords[] = {"-1",       "0",         "9223372036854775807",
                                  "1e400",    "null",      "[]",
                                  "{}",       "true",      "\"\"",
                                  "\"-1\"",   "[[0]]",     "\"(1, -2\"",
                                  "\"(((\"",  "\"1e999\"", "\"\\ud800\"",
                                  "\"None\"", "\"[(), ]\""};

void replace_word(std::string& s, Mutator& mutator) {
  const size_t begin = s.find_first_not_of(" ,:[]{}\n", mutator.below(s.size() + 1));
  if (begin == s.npos) return;
  const size_t end = s.find_first_of(",:]}", begin);
  s.replace(begin, (end == s.npos ? s.size() : end) - begin,
            kWords[mutator.below(std::size(kWords))]);
}

}  // namespace

TEST(fuzz_symbols) {
  const std::vector<std::string> names{"data"};
  const std::vector<std::optional<Dims>> shapes{Dims{2, 3}};
  const std::vector<std::optional<DType>> dtypes{DType::kFloat32};
  fuzz("symbols", {kLayers, kOld}, 2000, [&](std::string& bytes, Mutator& mutator) {
    if (mutator.below(2)) bytes = mutator.below(2) ? kLayers : kOld;  // only words change
    do replace_word(bytes, mutator);
    while (mutator.below(2));
    const graph::Symbol symbol = graph::Symbol::from_json(bytes);
    const std::string text = symbol.to_json();
    CHECK_EQ(graph::Symbol::from_json(text).to_json(), text);
    symbol.list_outputs();
    symbol.list_auxiliary_states();
    symbol.infer(names, shapes, dtypes);
  });
}
