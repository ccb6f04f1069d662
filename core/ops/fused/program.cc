#include "ops/fused/program.h"

#include <algorithm>
#include <charconv>

namespace plait::ops {

class Program::Reader {
 public:
  explicit Reader(Program& program) : program_(program) {}

  void read(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      if (end) lines_.push_back(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    for (std::string_view line : lines_) count(line);
    for (std::string_view line : lines_) program_.code_.push_back(instruction(line));
  }

 private:
  [[noreturn]] static void wrong(std::string_view line) {
    fail(ErrorKind::kInvalidArgument, "program has the line '", std::string(line),
         "', must be <register>:<dtype> = <operator>(<registers>) <attributes>");
  }
  static int32_t number(std::string_view name, std::string_view line) {
    int32_t n = 0;
    const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), n);
    if (error != std::errc() || end != name.data() + name.size() || n < 0) wrong(line);
    return n;
  }

  // First pass: how many inputs, outputs and intermediates there are.
  void count(std::string_view line) {
    const size_t colon = line.find(':'), equals = line.find(" = ");
    const size_t open = line.find('('), close = line.find(')');
    if (colon == line.npos || equals == line.npos || open == line.npos || close == line.npos ||
        !(colon < equals && equals < open && open < close)) {
      wrong(line);
    }
    const std::string_view target = line.substr(0, colon);
    const DType dtype = dtype_from_name(std::string(line.substr(colon + 1, equals - colon - 1)));
    if (target.empty() || (target[0] != 't' && target[0] != 'o')) wrong(line);
    auto& dtypes = target[0] == 'o' ? program_.out_dtypes_ : program_.temporary_dtypes_;
    if (number(target, line) != static_cast<int32_t>(dtypes.size())) wrong(line);
    dtypes.push_back(dtype);
    for (std::string_view name : operands(line, open, close)) {
      if (name[0] != 'i') continue;
      program_.num_inputs_ = std::max(program_.num_inputs_, number(name, line) + 1);
    }
  }

  static std::vector<std::string_view> operands(std::string_view line, size_t open, size_t close) {
    std::vector<std::string_view> names;
    std::string_view list = line.substr(open + 1, close - open - 1);
    while (!list.empty()) {
      const size_t end = std::min(list.find(','), list.size());
      std::string_view name = list.substr(0, end);
      while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
      if (name.empty()) wrong(line);
      names.push_back(name);
      list.remove_prefix(std::min(end + 1, list.size()));
    }
    return names;
  }

  int32_t reg(std::string_view name, std::string_view line) const {
    const int32_t n = number(name, line);
    const int32_t first_out = program_.num_inputs_,
                  first_temporary = first_out + program_.num_outputs();
    const int32_t at = name[0] == 'i'   ? n
                       : name[0] == 'o' ? first_out + n
                       : name[0] == 't' ? first_temporary + n
                                        : program_.num_registers();
    if (at >= program_.num_registers()) wrong(line);
    return at;
  }

  Instruction instruction(std::string_view line) const {
    const size_t colon = line.find(':'), equals = line.find(" = ");
    const size_t open = line.find('('), close = line.find(')');
    Instruction code;
    code.out = reg(line.substr(0, colon), line);
    code.op = &op::Op::get(line.substr(equals + 3, open - equals - 3));
    check(code.op->elementwise, ErrorKind::kInvalidArgument, "program has the operator ",
          code.op->name, ", must be element-wise");
    for (std::string_view name : operands(line, open, close)) code.in.push_back(reg(name, line));
    if (!code.op->has_attrs()) return code;
    std::vector<std::pair<int, op::AttrValue>> values;
    std::string_view rest = line.substr(std::min(close + 2, line.size()));
    while (!rest.empty()) {
      const size_t end = std::min(rest.find("; "), rest.size()), is = rest.find('=');
      if (is >= end) wrong(line);
      values.emplace_back(code.op->field_index(rest.substr(0, is)),
                          op::parse_attr(std::string(rest.substr(is + 1, end - is - 1))));
      rest.remove_prefix(std::min(end + 2, rest.size()));
    }
    code.attrs = code.op->make_attrs(values);
    return code;
  }

  Program& program_;
  std::vector<std::string_view> lines_;
};

// An instruction may write over an intermediate of its dtype that it reads last.
void Program::assign_places() {
  const int32_t first = num_inputs_ + num_outputs();
  std::vector<size_t> last(temporary_dtypes_.size(), 0);
  for (size_t i = 0; i < code_.size(); ++i) {
    for (int32_t r : code_[i].in) {
      if (r >= first) last[static_cast<size_t>(r - first)] = i;
    }
  }
  places_.assign(temporary_dtypes_.size(), 0);
  std::vector<int32_t> free;
  for (size_t i = 0; i < code_.size(); ++i) {
    std::vector<int32_t> dying;
    for (int32_t r : code_[i].in) {
      const int32_t t = r - first;
      if (t < 0 || last[static_cast<size_t>(t)] != i) continue;
      if (std::find(dying.begin(), dying.end(), t) == dying.end()) dying.push_back(t);
    }
    const int32_t target = code_[i].out - first;
    std::vector<int32_t> later;  // places that are free only after this instruction
    for (int32_t t : dying) {
      const bool same = target >= 0 && temporary_dtype(t) == temporary_dtype(target);
      (same ? free : later).push_back(place_of(t));
    }
    if (target >= 0) {
      if (free.empty()) free.push_back(num_places_++);
      places_[static_cast<size_t>(target)] = free.back();
      free.pop_back();
    }
    free.insert(free.end(), later.begin(), later.end());
  }
}

int64_t Program::num_reads(int32_t reg) const {
  int64_t reads = 0;
  for (const Instruction& code : code_) reads += std::count(code.in.begin(), code.in.end(), reg);
  return reads;
}

std::shared_ptr<const Program> Program::parse(const std::string& text) {
  auto program = std::make_shared<Program>();
  program->text_ = text;
  Reader(*program).read(program->text_);
  check(program->num_outputs() > 0, ErrorKind::kInvalidArgument,
        "program has no output, must write o0");
  program->assign_places();
  return program;
}

}  // namespace plait::ops
