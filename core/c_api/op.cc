#include <algorithm>
#include <map>
#include <mutex>

#include "autograd/autograd.h"
#include "c_api/common.h"
#include "graph/json_text.h"
#include "op/device.h"
#include "op/invoke.h"
#include "op/random_stream.h"

using namespace plait;
using namespace plait::c_api;

namespace {

std::string quoted(const std::string& text) { return graph::Json::quote(text); }

const char* flag(bool on) { return on ? "true" : "false"; }

std::string json_value(const op::AttrValue& v) {
  if (std::holds_alternative<std::monostate>(v)) return "null";
  if (const bool* b = std::get_if<bool>(&v)) return flag(*b);
  if (std::holds_alternative<int64_t>(v)) return op::to_string(v);
  if (const double* d = std::get_if<double>(&v)) {
    const std::string text = op::to_string(v);
    const bool whole = text.find_first_of(".en") == std::string::npos;
    return *d - *d != 0 ? quoted(text) : whole ? text + ".0" : text;
  }
  if (const std::string* s = std::get_if<std::string>(&v)) return quoted(*s);
  std::string text = op::to_string(v);  // "(1, 2)" or "(1,)"
  if (text.size() > 2 && text[text.size() - 2] == ',') text.erase(text.size() - 2, 1);
  return "[" + text.substr(1, text.size() - 2) + "]";
}

template <class List, class Text>
std::string json_list(const List& list, const Text& text_of) {
  std::string text = "[";
  for (const auto& item : list) text += (text.size() > 1 ? ", " : "") + text_of(item);
  return text + "]";
}

std::string describe(const op::Op& o) {
  static constexpr const char* kKinds[] = {"required", "optional", "variadic"};
  const auto input = [](const op::InputDef& d) {
    return cat("{\"name\": ", quoted(d.name), ", \"doc\": ", quoted(d.doc), ", \"kind\": \"",
               kKinds[d.kind], "\", \"mutable\": ", flag(d.is_mutable),
               ", \"aux\": ", flag(d.is_aux), "}");
  };
  const auto output = [](const op::OutputDef& d) {
    return cat("{\"name\": ", quoted(d.name), ", \"doc\": ", quoted(d.doc),
               ", \"hidden\": ", flag(d.hidden), "}");
  };
  const auto attr = [](const std::unique_ptr<op::AttrField>& f) {
    return cat("{\"name\": ", quoted(f->name), ", \"type\": ", quoted(f->type),
               ", \"doc\": ", quoted(f->doc), ", \"default\": ", json_value(f->fallback),
               ", \"required\": ", flag(f->required), ", \"optional\": ", flag(f->optional),
               ", \"choices\": ", json_list(f->choices, quoted), "}");
  };
  const auto surface = [](const op::Surface& s) {
    return cat("[", quoted(s.where), ", ", quoted(s.name), "]");
  };
  return cat(
      "{\"name\": ", quoted(o.name), ", \"doc\": ", quoted(o.doc),
      ", \"source\": ", quoted(o.source), ", \"file\": ", quoted(o.file), ", \"line\": ", o.line,
      ", \"inputs\": ", json_list(o.inputs, input), ", \"outputs\": ", json_list(o.outputs, output),
      ", \"attrs\": ", json_list(o.fields, attr),
      ", \"surfaces\": ", json_list(o.surfaces, surface), ", \"view\": ", flag(o.view),
      ", \"random\": ", flag(o.random), ", \"elementwise\": ", flag(o.elementwise),
      ", \"gradient\": ", flag(o.grad), ", \"variable_outputs\": ", flag(o.num_outputs), "}");
}

// The inputs of a call without optional ones that are left out: `present` keeps the others, if they
// do not stand side by side. The attributes say which ones are there.
std::span<const ArrayRef> inputs_of(const op::Op& op, const plait_array_t* inputs, int32_t count,
                                    Arrays& present) {
  require_list(inputs, count, "inputs");
  while (count > 0 && !inputs[count - 1]) --count;
  bool gaps = false;
  for (int32_t i = 0; i < count; ++i) {
    if (inputs[i]) continue;
    const auto n = static_cast<size_t>(i);
    check(n < op.inputs.size() && op.inputs[n].kind == op::InputDef::kOptional,
          ErrorKind::kInvalidArgument, op.name, ": input ", i, " is NULL, must be an array");
    gaps = true;
  }
  if (!gaps) return borrowed(inputs, count);
  for (int32_t i = 0; i < count; ++i) {
    if (inputs[i]) present.emplace_back(raw(inputs[i]));
  }
  return {present.data(), present.size()};
}

// The arrays to write into, null where a new one is wanted; none if all are.
Arrays given_outputs(const plait_array_t* outputs, int32_t count) {
  Arrays out;
  const bool given = std::any_of(outputs, outputs + count, [](plait_array_t a) { return a; });
  for (int32_t i = 0; given && i < count; ++i) out.emplace_back(raw(outputs[i]));
  return out;
}

plait_op_t handle(const op::Op* op) { return reinterpret_cast<plait_op_t>(op); }

}  // namespace

plait_status_t plait_op_find(const char* name, plait_op_t* op) {
  return guarded([&] {
    require(name, "name");
    require(op, "op");
    *op = handle(&op::Op::get(name));
  });
}

plait_status_t plait_op_find_on(const char* surface, const char* name, plait_op_t* op) {
  return guarded([&] {
    require(surface, "surface");
    require(name, "name");
    require(op, "op");
    const op::Op* found = op::Op::find_on(surface, name);
    check(found, ErrorKind::kKey, surface, ".", name,
          " is unknown, must be an operator of this surface");
    *op = handle(found);
  });
}

int32_t plait_op_count(void) { return static_cast<int32_t>(op::Op::all().size()); }

plait_op_t plait_op_at(int32_t index) {
  const auto all = op::Op::all();
  const bool inside = index >= 0 && index < static_cast<int32_t>(all.size());
  return inside ? handle(all[static_cast<size_t>(index)].get()) : nullptr;
}

const char* plait_op_name(plait_op_t op) {
  return op ? reinterpret_cast<const op::Op*>(op)->name.c_str() : nullptr;
}

plait_status_t plait_op_describe(plait_op_t op, const char** json) {
  return guarded([&] {
    require(json, "json");
    static std::mutex mutex;
    static auto* texts = new std::map<const op::Op*, std::string>;  // handed out as static
    std::lock_guard lock(mutex);
    std::string& text = (*texts)[&op_of(op)];
    if (text.empty()) text = describe(op_of(op));
    *json = text.c_str();
  });
}

plait_status_t plait_op_attr_index(plait_op_t op, const char* name, int32_t* index) {
  return guarded([&] {
    require(name, "name");
    require(index, "index");
    *index = op_of(op).field_index(name);
  });
}

plait_status_t plait_op_invoke(plait_op_t op, const plait_array_t* inputs, int32_t num_inputs,
                               const plait_value_t* attrs, int32_t num_attrs, int32_t flags,
                               plait_array_t* outputs, int32_t capacity, int32_t* num_outputs) {
  return guarded([&] {
    require(num_outputs, "num_outputs");
    const op::Op& core_op = op_of(op);
    const op::AttrsRef values = attrs_of(core_op, attrs, num_attrs);
    const int32_t visible = flags & PLAIT_INVOKE_HIDDEN ? op::num_outputs(core_op, values)
                                                        : op::visible_outputs(core_op, values);
    *num_outputs = visible;
    check(capacity >= visible, ErrorKind::kInvalidArgument, core_op.name, ": capacity is ",
          capacity, ", must be at least ", visible);
    if (visible > 0) require(outputs, "outputs");
    Arrays present;
    const std::span<const ArrayRef> in = inputs_of(core_op, inputs, num_inputs, present);
    Arrays out = given_outputs(outputs, visible);
    if (flags & PLAIT_INVOKE_NOW) {
      if (!out.empty() || !autograd::invoke_now(core_op, values, in, out)) {
        *num_outputs = 0;
        return;
      }
    } else {
      autograd::invoke(core_op, values, in, out, flags & PLAIT_INVOKE_VIEW);
    }
    for (int32_t i = 0; i < visible; ++i) {
      if (!outputs[i]) outputs[i] = new_handle(std::move(out[static_cast<size_t>(i)]));
    }
  });
}

plait_status_t plait_op_infer(plait_op_t op, const plait_spec_t* inputs, int32_t num_inputs,
                              const plait_value_t* attrs, int32_t num_attrs, plait_spec_t* specs,
                              int32_t capacity, int32_t* num_outputs) {
  return guarded([&] {
    require(num_outputs, "num_outputs");
    const op::Op& core_op = op_of(op);
    const op::AttrsRef values = attrs_of(core_op, attrs, num_attrs);
    require_list(inputs, num_inputs, "inputs");
    Specs in, out;
    for (int32_t i = 0; i < num_inputs; ++i) {
      in.push_back({shape_of(inputs[i].shape, inputs[i].ndim), dtype_from_number(inputs[i].dtype)});
    }
    op::infer(core_op, values, in, out);
    const int32_t visible = op::visible_outputs(core_op, values);
    *num_outputs = visible;
    check(capacity >= visible, ErrorKind::kInvalidArgument, core_op.name, ": capacity is ",
          capacity, ", must be at least ", visible);
    if (visible > 0) require(specs, "specs");
    for (int32_t i = 0; i < visible; ++i) {
      const Spec& s = out[static_cast<size_t>(i)];
      specs[i].dtype = static_cast<int32_t>(s.dtype);
      specs[i].ndim = static_cast<int32_t>(s.shape.size());
      std::copy(s.shape.begin(), s.shape.end(), specs[i].shape);
    }
  });
}

int32_t plait_op_runs_on(plait_op_t op, int32_t kind) {
  if (!op || plait_device_count(kind) < 0) return -1;
  const auto device = static_cast<DeviceKind>(kind);
  const auto& core_op = *reinterpret_cast<const op::Op*>(op);
  return op::has_kernel(core_op, {device, 0});
}

plait_status_t plait_random_seed(uint64_t seed) {
  return guarded([&] { op::seed_random(seed); });
}

plait_status_t plait_random_get_position(uint64_t* seed, uint64_t* offset) {
  return guarded([&] {
    require(seed, "seed");
    require(offset, "offset");
    const op::RandomKey position = op::random_position();
    *seed = position.seed;
    *offset = position.offset;
  });
}

plait_status_t plait_random_set_position(uint64_t seed, uint64_t offset) {
  return guarded([&] { op::set_random_position({seed, offset}); });
}
