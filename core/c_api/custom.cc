#include "op/custom.h"

#include <dlfcn.h>

#include <map>
#include <mutex>

#include "c_api/common.h"
#include "graph/trace.h"

using namespace plait;
using namespace plait::c_api;

namespace {

plait_spec_t spec_of(const Dims& shape, DType dtype) {
  plait_spec_t s{static_cast<int32_t>(dtype), static_cast<int32_t>(shape.size()), {}};
  std::copy(shape.begin(), shape.end(), s.shape);
  return s;
}

std::vector<plait_block_t> blocks_of(std::span<const View> views) {
  std::vector<plait_block_t> blocks;
  for (const View& v : views) blocks.push_back({v.data, spec_of(*v.shape, v.dtype)});
  return blocks;
}

// The functions and the end of their use of `user`.
class Functions {
 public:
  Functions(std::string name, const plait_custom_op_t& op) : name_(std::move(name)), op_(op) {}
  ~Functions() {
    if (op_.drop) op_.drop(op_.user);
  }
  Functions(const Functions&) = delete;
  Functions& operator=(const Functions&) = delete;

  const plait_custom_op_t* operator->() const { return &op_; }
  void require_ok(plait_status_t status) const {
    if (status == PLAIT_OK) return;
    const bool known = std::string_view(plait_status_name(status)) != "PLAIT_ERR_UNKNOWN";
    fail(known ? static_cast<ErrorKind>(status) : ErrorKind::kCallback, name_, ": ",
         plait_last_error());
  }

 private:
  std::string name_;
  plait_custom_op_t op_;
};

// Answers for the last params asked for.
template <class T>
class Memo {
 public:
  template <class Ask>
  T get(const std::string& params, const Ask& ask) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = known_.find(params); found != known_.end()) return found->second;
    }
    const T answer = ask();
    const std::lock_guard lock(mutex_);
    if (known_.size() >= kMost) known_.clear();
    known_[params] = answer;
    return answer;
  }

 private:
  static constexpr size_t kMost = 1024;
  std::mutex mutex_;
  std::map<std::string, T> known_;
};

Specs infer(const Functions& f, const std::string& params, const Specs& in, int32_t num_out) {
  std::vector<plait_spec_t> given, result(static_cast<size_t>(num_out));
  for (const Spec& s : in) given.push_back(spec_of(s.shape, s.dtype));
  f.require_ok(f->infer(f->user, params.c_str(), given.data(), static_cast<int32_t>(given.size()),
                        result.data(), num_out));
  Specs out;
  for (const plait_spec_t& s : result) {
    out.push_back({shape_of(s.shape, s.ndim), dtype_from_number(s.dtype)});
  }
  return out;
}

op::CustomOp made(const std::shared_ptr<Functions>& f) {
  op::CustomOp op;
  op.owner = f;
  op.count = [f, known = std::make_shared<Memo<std::pair<int, int>>>()](const std::string& params) {
    return known->get(params, [&] {
      int32_t in = 0, out = 0;
      f->require_ok((*f)->count((*f)->user, params.c_str(), &in, &out));
      check(in >= 0 && out >= 1, ErrorKind::kInvalidArgument, "custom: counts are ", in, " and ",
            out, ", must be >= 0 and >= 1");
      return std::pair<int, int>(in, out);
    });
  };
  op.infer = [f, count = op.count](const std::string& params, const Specs& in) {
    return infer(*f, params, in, count(params).second);
  };
  op.forward = [f](const std::string& params, bool train, std::span<const View> in,
                   std::span<const View> out) {
    const graph::TracePause pause;
    const auto x = blocks_of(in), y = blocks_of(out);
    f->require_ok((*f)->forward((*f)->user, params.c_str(), train, x.data(),
                                static_cast<int32_t>(x.size()), y.data(),
                                static_cast<int32_t>(y.size())));
  };
  if (!(*f)->backward) return op;
  op.backward = [f](const std::string& params, std::span<const View> dout, std::span<const View> in,
                    std::span<const View> out, std::span<const View> din) {
    const graph::TracePause pause;
    const auto dy = blocks_of(dout), x = blocks_of(in), y = blocks_of(out), dx = blocks_of(din);
    f->require_ok((*f)->backward((*f)->user, params.c_str(), dy.data(), x.data(),
                                 static_cast<int32_t>(x.size()), y.data(),
                                 static_cast<int32_t>(y.size()), dx.data()));
  };
  return op;
}

void complete(const plait_custom_more_t& more, const Functions& f, const std::string& params,
              std::vector<Dims>& in, std::vector<bool>& known) {
  std::vector<plait_spec_t> specs;
  for (size_t i = 0; i < in.size(); ++i) {
    specs.push_back(spec_of(in[i], DType::kFloat32));
    if (!known[i]) specs.back().ndim = -1;
  }
  f.require_ok(
      more.complete(f->user, params.c_str(), specs.data(), static_cast<int32_t>(specs.size())));
  for (size_t i = 0; i < in.size(); ++i) {
    if (known[i] || specs[i].ndim < 0) continue;
    in[i] = shape_of(specs[i].shape, specs[i].ndim);
    known[i] = true;
  }
}

}  // namespace

plait_status_t plait_custom_extend(const char* name, const plait_custom_more_t* more) {
  return guarded([&] {
    require(name, "name");
    require(more, "more");
    check(more->struct_size == sizeof(plait_custom_more_t), ErrorKind::kInvalidArgument,
          "custom: struct_size is ", more->struct_size, ", must be ", sizeof(plait_custom_more_t));
    op::CustomOp extended = *op::find_custom(name);
    const auto f = std::static_pointer_cast<Functions>(extended.owner);
    if (more->count_states) {
      extended.states = [f, more = *more,
                         known = std::make_shared<Memo<int>>()](const std::string& params) {
        return known->get(params, [&] {
          int32_t states = 0;
          f->require_ok(more.count_states((*f)->user, params.c_str(), &states));
          return static_cast<int>(states);
        });
      };
    }
    if (more->complete) {
      extended.complete = [f, more = *more](const std::string& params, std::vector<Dims>& in,
                                            std::vector<bool>& known) {
        const graph::TracePause pause;
        complete(more, *f, params, in, known);
      };
    }
    op::register_custom(name, std::move(extended));
  });
}

plait_status_t plait_custom_register(const char* name, const plait_custom_op_t* op) {
  return guarded([&] {
    require(name, "name");
    require(op, "op");
    check(op->struct_size == sizeof(plait_custom_op_t), ErrorKind::kInvalidArgument,
          "custom: struct_size is ", op->struct_size, ", must be ", sizeof(plait_custom_op_t));
    const auto functions = std::make_shared<Functions>(name, *op);
    for (const bool given : {op->count != nullptr, op->infer != nullptr, op->forward != nullptr}) {
      check(given, ErrorKind::kInvalidArgument, "custom: ", name,
            " must have the functions count, infer and forward");
    }
    op::register_custom(name, made(functions));
  });
}

int32_t plait_custom_count(void) { return static_cast<int32_t>(op::custom_names().size()); }

plait_status_t plait_custom_names(plait_buffer_t* out) {
  return guarded([&] {
    require(out, "out");
    std::string text;
    for (const std::string& name : op::custom_names()) text += name + '\n';
    *out = new_buffer(std::move(text));
  });
}

plait_status_t plait_library_load(const char* path) {
  return guarded([&] {
    require(path, "path");
    void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);  // stays: its functions are in use
    if (!library) fail(ErrorKind::kIo, "library: ", dlerror());
    const auto init = reinterpret_cast<plait_library_init_t>(dlsym(library, "plait_library_init"));
    if (!init) {
      dlclose(library);
      fail(ErrorKind::kKey, "library: ", path, " has no function plait_library_init");
    }
    const plait_status_t status = init(PLAIT_ABI_VERSION, plait_custom_register);
    check(status == PLAIT_OK, ErrorKind::kCallback, "library: plait_library_init of ", path,
          " failed with ", plait_status_name(status), ": ", plait_last_error());
  });
}
