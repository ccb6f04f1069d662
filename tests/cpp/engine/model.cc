#include "engine/model.h"

#include <string>

namespace plait::testing {
namespace {
constexpr size_t kStackBytes = 128 << 10;
}

void Explorer::thread(std::function<void()> body) {
  auto fiber = std::make_unique<Fiber>();
  fiber->body = std::move(body);
  fiber->stack = std::make_unique<char[]>(kStackBytes);
  fiber->next = {fiber.get(), true, nullptr, false};
  fibers_.push_back(std::move(fiber));
}

void Explorer::enter() {
  Explorer& e = current();
  Fiber& f = *e.fibers_[static_cast<size_t>(e.running_)];
  try {
    f.body();
  } catch (...) {
    e.failure_ = std::current_exception();
  }
  f.finished = true;
  swapcontext(&f.context, &e.main_);
}

void Explorer::switch_out(Operation next) {
  Fiber& f = *fibers_[static_cast<size_t>(running_)];
  f.next = next;
  swapcontext(&f.context, &main_);
}

void Explorer::resume(int t) {
  Fiber& f = *fibers_[static_cast<size_t>(t)];
  running_ = t;
  ++steps_;
  if (!f.started) {
    f.started = true;
    getcontext(&f.context);
    f.context.uc_stack.ss_sp = f.stack.get();
    f.context.uc_stack.ss_size = kStackBytes;
    f.context.uc_link = &main_;
    makecontext(&f.context, &Explorer::enter, 0);
  }
  swapcontext(&main_, &f.context);
  running_ = -1;
}

void Explorer::sleep(const void* word, bool early) { switch_out({word, true, nullptr, !early}); }

void Explorer::wake(const void* word) {
  step(word, true);
  for (const auto& f : fibers_) {
    if (f->next.object == word && f->next.asleep) f->next.asleep = false;
  }
}

bool Explorer::run() {
  ++runs_;
  uint32_t sleeping = 0;
  bool is_new = true;  // until all that could be done next was tried elsewhere
  std::string schedule;
  for (size_t depth = 0;; ++depth) {
    Choice now;
    bool finished = true;
    for (size_t i = 0; i < fibers_.size(); ++i) {
      finished = finished && fibers_[i]->finished;
      now.next.push_back(fibers_[i]->next);
      if (enabled(*fibers_[i])) now.enabled.push_back(static_cast<int>(i));
    }
    if (finished || failure_) break;
    if (now.enabled.empty()) fail(__FILE__, __LINE__, "deadlock after the steps" + schedule);
    int t = now.enabled[0];
    if (is_new) {
      now.sleeping = sleeping;
      if (depth < path_.size()) {
        now.tried = path_[depth].tried;
        now.chosen = path_[depth].chosen;
        path_[depth] = now;
      } else {
        for (int u : now.enabled) {
          if (now.chosen < 0 && !(sleeping >> u & 1)) now.chosen = u;
        }
        is_new = now.chosen >= 0;
        if (is_new) path_.push_back(now);
      }
      if (is_new) t = now.chosen;
      uint32_t kept = 0;
      for (int u : now.enabled) {
        const bool done = (now.sleeping | now.tried) >> u & 1;
        const auto& of = now.next;
        if (u != t && done && independent(of[static_cast<size_t>(u)], of[static_cast<size_t>(t)])) {
          kept |= 1u << u;
        }
      }
      sleeping = kept;
    }
    schedule += ' ' + std::to_string(t);
    resume(t);
  }
  if (failure_) {
    try {
      std::rethrow_exception(failure_);
    } catch (const std::exception& e) {
      fail(__FILE__, __LINE__, e.what() + ("\n  after the steps" + schedule));
    }
  }
  for (; !path_.empty(); path_.pop_back()) {
    Choice& c = path_.back();
    c.tried |= 1u << c.chosen;
    for (int u : c.enabled) {
      if ((c.sleeping | c.tried) >> u & 1) continue;
      c.chosen = u;
      return true;
    }
  }
  return false;
}

}  // namespace plait::testing
