#include "kernels/epilogue.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/error.h"
#include "kernels/math.h"
#include "kernels/simd.h"

namespace plait::kernels {
namespace {

struct Form {
  const char* name;
  size_t numbers;
};
constexpr Form kForms[] = {{"add", 0},      {"scale", 1}, {"clip", 2},    {"leaky", 1},
                           {"elu", 1},      {"relu", 0},  {"sigmoid", 0}, {"tanh", 0},
                           {"softrelu", 0}, {"gelu", 0},  {"silu", 0},    {"hardsigmoid", 2},
                           {"hardswish", 2}};

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

namespace {

// `operand` belongs to a step `add`.
void apply(const Epilogue::Step& step, const float* operand, float* y, int64_t n) {
  const float a = step.a, b = step.b;
  const std::string& name = step.name;
  const auto each = [&](const auto& f) { vector_loop(n, [=](int64_t i) { y[i] = f(y[i]); }); };
  if (name == "add") vector_loop(n, [=](int64_t i) { y[i] += operand[i]; });
  if (name == "scale") each([=](float v) { return v * a; });
  if (name == "clip") each([=](float v) { return std::min(std::max(v, a), b); });
  if (name == "hardsigmoid")
    each([=](float v) { return std::min(std::max(a * v + b, 0.0f), 1.0f); });
  if (name == "hardswish") {
    each([=](float v) { return v * std::min(std::max(a * v + b, 0.0f), 1.0f); });
  }
  if (name == "leaky") each([=](float v) { return v > 0 ? v : a * v; });
  if (name == "elu") each([=](float v) { return v > 0 ? v : a * math::expm1(v); });
  if (name == "relu") each([](float v) { return v < 0 ? 0.0f : v; });
  if (name == "sigmoid") each([](float v) { return math::sigmoid(v); });
  if (name == "tanh") each([](float v) { return math::tanh(v); });
  if (name == "softrelu") each([](float v) { return math::softplus(v); });
  if (name == "gelu") {
    constexpr auto kRoot = static_cast<float>(M_SQRT1_2);
    each([](float v) { return 0.5f * v * (1.0f + math::erf(v * kRoot)); });
  }
  if (name == "silu") each([](float v) { return v * math::sigmoid(v); });
}

}  // namespace

void run_steps(const Finish& finish, int64_t at, float* y, int64_t n) {
  if (!finish.epilogue) return;
  size_t operand = 0;
  for (const Epilogue::Step& step : finish.epilogue->steps()) {
    const bool adds = step.name == "add";
    apply(step, adds ? static_cast<const float*>(finish.operands[operand++]) + at : nullptr, y, n);
  }
}

}  // namespace plait::kernels
