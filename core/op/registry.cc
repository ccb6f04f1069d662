#include <algorithm>
#include <bit>
#include <map>
#include <unordered_map>

#include "op/attrs_maker.h"
#include "op/op.h"

namespace plait::op {
namespace {

// Filled by static initialisers; never destroyed.
std::vector<std::unique_ptr<Op>>& ops() {
  static auto* list = new std::vector<std::unique_ptr<Op>>;
  return *list;
}

struct Index {
  std::unordered_map<std::string, const Op*> by_name;
  std::unordered_map<std::string, const Op*> by_surface;  // "nd:softmax"

  Index() {
    for (const auto& op : ops()) {
      validate(*op);
      check(by_name.emplace(op->name, op.get()).second, ErrorKind::kInternal, op->name,
            ": defined twice");
      for (const Surface& s : op->surfaces) {
        check(by_surface.emplace(s.where + ':' + s.name, op.get()).second, ErrorKind::kInternal,
              op->name, ": ", s.where, ".", s.name, " is taken by another operator");
      }
    }
  }

  static void validate(const Op& op) {
    check(op.infer || op.view, ErrorKind::kInternal, op.name, ": has no infer function");
    check(op.kernel || op.view, ErrorKind::kInternal, op.name, ": has no kernel");
    check(!op.outputs.empty(), ErrorKind::kInternal, op.name, ": has no output");
    check(op.fields.size() <= 64, ErrorKind::kInternal, op.name, ": has more than 64 attributes");
    for (size_t i = 0; i + 1 < op.inputs.size(); ++i) {
      check(op.inputs[i].kind != InputDef::kVariadic, ErrorKind::kInternal, op.name,
            ": only the last input may be variadic");
    }
  }

  static const Index& get() {
    static const Index* index = new Index;
    return *index;
  }
};

// Number of single-character edits between two names, for hints.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t up = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = up;
    }
  }
  return row[b.size()];
}

std::string near_names(std::string_view name) {
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const auto& op : ops()) ranked.emplace_back(distance(name, op->name), op->name);
  std::sort(ranked.begin(), ranked.end());
  std::string text;
  for (size_t i = 0; i < ranked.size() && i < 3; ++i) text += (i ? ", " : "") + ranked[i].second;
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& w : words) text += (text.empty() ? "'" : ", '") + w + "'";
  return text;
}

}  // namespace

Op& Op::add(const char* name, const char* file, int line) {
  auto op = std::make_unique<Op>();
  op->name = name;
  const std::string_view path = file;
  const size_t core = path.rfind("core/ops/");
  op->file = core == std::string_view::npos ? path : path.substr(core);
  op->line = line;
  op->id = static_cast<int32_t>(ops().size());
  ops().push_back(std::move(op));
  return *ops().back();
}

std::span<const std::unique_ptr<Op>> Op::all() { return ops(); }

const Op* Op::find(std::string_view name) {
  const auto& table = Index::get().by_name;
  const auto it = table.find(std::string(name));
  return it == table.end() ? nullptr : it->second;
}

const Op* Op::find_on(std::string_view surface, std::string_view name) {
  const auto& table = Index::get().by_surface;
  const auto it = table.find(cat(surface, ':', name));
  return it == table.end() ? nullptr : it->second;
}

const Op& Op::get(std::string_view name) {
  const Op* op = find(name);
  check(op, ErrorKind::kKey, "operator is '", name,
        "', must be a registered name\n  hint: near names are ", op ? "" : near_names(name));
  return *op;
}

int Op::field_index(std::string_view attr) const {
  std::string known;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i]->name == attr) return static_cast<int>(i);
    known += (i ? ", " : "") + fields[i]->name;
  }
  fail(ErrorKind::kKey, name, ": attribute is '", attr,
       "', must be one of: ", known.empty() ? "(it has none)" : known);
}

void Op::check_required(uint64_t given) const {
  const uint64_t missing = required & ~given;
  if (missing == 0) return;
  const AttrField& first = *fields[static_cast<size_t>(std::countr_zero(missing))];
  fail(ErrorKind::kInvalidArgument, name, ": ", first.name, " is missing, must be given");
}

AttrsRef Op::make_attrs(std::span<const std::pair<int, AttrValue>> values) const {
  AttrsMaker maker(*this);
  for (const auto& [index, value] : values) maker.set(index, value);
  return maker.done();
}

void AttrsMaker::set(int32_t index, const AttrValue& value) {
  const auto i = static_cast<size_t>(index);
  check(i < op_.fields.size(), ErrorKind::kInvalidArgument, op_.name, ": got attribute number ",
        index, ", must be below ", op_.fields.size());
  const AttrField& f = *op_.fields[i];
  if (std::holds_alternative<std::monostate>(value) && !f.optional) return;
  try {
    f.set(const_cast<void*>(op_.attrs_data(attrs_.get())), value);
  } catch (const Error& e) {
    throw Error(e.kind(), cat(op_.name, ": ", f.name, ' ', e.what()));
  }
  given_ |= uint64_t{1} << i;
  const std::string* text = std::get_if<std::string>(&value);
  if (text && !f.choices.empty()) {
    check(std::find(f.choices.begin(), f.choices.end(), *text) != f.choices.end(),
          ErrorKind::kInvalidArgument, op_.name, ": ", f.name, " is '", *text, "', must be one of ",
          joined(f.choices));
  }
}

AttrsRef AttrsMaker::done() {
  op_.check_required(given_);
  return std::move(attrs_);
}

}  // namespace plait::op
