#include "data/iterator.h"

#include "c_api/common.h"
#include "c_api/options.h"
#include "graph/json_text.h"

using namespace plait;
using namespace plait::c_api;

struct plait_iter_s {
  static constexpr char kKind[] = "iter";
  std::unique_ptr<data::Iterator> iterator;
};

namespace {

std::string describe(const data::IteratorKind& kind) {
  const auto quote = [](const char* text) {
    return text ? graph::Json::quote(text) : std::string("null");
  };
  std::string text =
      cat("{\"name\": ", quote(kind.name), ", \"doc\": ", quote(kind.doc), ", \"options\": [");
  for (const data::OptionDef& o : kind.options) {
    text += cat(&o == kind.options.data() ? "" : ", ", "{\"name\": ", quote(o.name),
                ", \"default\": ", quote(o.fallback), ", \"doc\": ", quote(o.doc), "}");
  }
  return text + "]}";
}

}  // namespace

data::Given c_api::given_options(const char* const* names, const char* const* values,
                                 int32_t count) {
  require_list(names, count, "names");
  require_list(values, count, "values");
  data::Given list;
  for (int32_t i = 0; i < count; ++i) {
    require(names[i], "name of an option");
    require(values[i], "value of an option");
    list.emplace_back(names[i], values[i]);
  }
  return list;
}

plait_status_t plait_iter_kinds(plait_buffer_t* out) {
  return guarded([&] {
    require(out, "out");
    std::string text;
    for (const data::IteratorKind& kind : data::iterator_kinds()) {
      text += (text.empty() ? "[" : ", ") + describe(kind);
    }
    *out = new_buffer(text + "]");
  });
}

plait_status_t plait_iter_new(const char* kind, const char* const* names, const char* const* values,
                              int32_t count, plait_iter_t* out) {
  return guarded([&] {
    require(kind, "kind");
    require(out, "out");
    *out = new_object<plait_iter_s>(data::make_iterator(kind, given_options(names, values, count)));
  });
}

plait_status_t plait_iter_from_arrays(plait_array_t data, plait_array_t label,
                                      const char* const* names, const char* const* values,
                                      int32_t count, plait_iter_t* out) {
  return guarded([&] {
    require(out, "out");
    *out = new_object<plait_iter_s>(
        data::array_iterator(array_of(data), array_of(label), given_options(names, values, count)));
  });
}

void plait_iter_free(plait_iter_t iter) { free_object(iter); }

plait_status_t plait_iter_reset(plait_iter_t iter) {
  return guarded([&] {
    require(iter, "iter");
    iter->iterator->reset();
  });
}

plait_status_t plait_iter_next(plait_iter_t iter, plait_array_t* data, plait_array_t* label,
                               plait_array_t* index, int64_t* pad) {
  return guarded([&] {
    require(iter, "iter");
    require(data, "data");
    require(label, "label");
    require(index, "index");
    require(pad, "pad");
    data::Batch batch;
    const bool more = iter->iterator->next(batch);
    *data = more ? new_handle(std::move(batch.data)) : nullptr;
    *label = more ? new_handle(std::move(batch.label)) : nullptr;
    *index = more ? new_handle(std::move(batch.index)) : nullptr;
    *pad = batch.pad;
  });
}
