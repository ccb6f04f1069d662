#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "engine/engine.h"

// Functions as tasks.
namespace plait::testing {

class Job : public engine::Task {
 public:
  Job(engine::Vars reads, engine::Vars writes, std::function<void(int)> body)
      : body_(std::move(body)) {
    updates_ = engine::make_distinct(reads, writes);
    reads_ = reads;
    writes_ = writes;
  }
  void run(int threads) override { body_(threads); }
  const char* name() const override { return "job"; }

 private:
  std::function<void(int)> body_;
};

inline std::unique_ptr<Job> job(engine::Vars reads, engine::Vars writes,
                                std::function<void()> body) {
  return std::make_unique<Job>(reads, writes, [body = std::move(body)](int) { body(); });
}

inline void push(engine::Vars reads, engine::Vars writes, std::function<void()> body) {
  engine::push(job(reads, writes, std::move(body)));
}

inline void nap() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

// A variable must outlive its tasks: declared after the variables, this waits for all of them.
struct Drain {
  ~Drain() {
    try {
      engine::wait_all();
    } catch (const std::exception&) {  // the test has looked at the failures it is about
    }
  }
};

}  // namespace plait::testing
