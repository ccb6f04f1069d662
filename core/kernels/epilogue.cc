#include "kernels/epilogue.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/error.h"

namespace plait::kernels {
namespace {

struct Form {
  const char* name;
  size_t numbers;
};
constexpr Form kForms[] = {{"add", 0},      {"scale", 1}, {"clip", 2},    {"leaky", 1},
                           {"elu", 1},      {"relu", 0},  {"sigmoid", 0}, {"tanh", 0},
                           {"softrelu", 0}, {"gelu", 0},  {"silu", 0}};

[[noreturn]] void wrong(std::string_view step) {
  std::string forms;
  for (const Form& f : kForms) forms += (forms.empty() ? "" : ", ") + std::string(f.name);
  fail(ErrorKind::kInvalidArgument, "epilogue has the step '", std::string(step),
       "', must be one of ", forms, ", with its numbers");
}

std::vector<std::string_view> words_of(std::string_view text, std::string_view between) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(between), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + between.size(), text.size()));
  }
  return words;
}

float number_of(std::string_view word, std::string_view step) {
  float value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) wrong(step);
  return value;
}

}  // namespace

std::shared_ptr<const Epilogue> Epilogue::parse(const std::string& text) {
  auto epilogue = std::make_shared<Epilogue>();
  epilogue->text_ = text;
  for (std::string_view step : words_of(text, "; ")) {
    const auto words = words_of(step, " ");
    const auto form = std::find_if(std::begin(kForms), std::end(kForms), [&](const Form& f) {
      return !words.empty() && words[0] == f.name;
    });
    if (form == std::end(kForms) || words.size() != form->numbers + 1) wrong(step);
    Step made{form->name};
    if (form->numbers > 0) made.a = number_of(words[1], step);
    if (form->numbers > 1) made.b = number_of(words[2], step);
    epilogue->steps_.push_back(std::move(made));
  }
  return epilogue;
}

int32_t Epilogue::num_operands() const {
  return static_cast<int32_t>(
      std::count_if(steps_.begin(), steps_.end(), [](const Step& s) { return s.name == "add"; }));
}

}  // namespace plait::kernels
