/* plait in C++20: header only, over the C interface. Classes are named as in MXNet's cpp-package.
 *
 *   using namespace plait::cpp;
 *   Symbol net = op::FullyConnected("fc", Symbol::Variable("data"), {}, {}, 10);
 *   std::map<std::string, NDArray> args{{"data", NDArray(Shape(2, 4), Context::cpu())}};
 *   net.InferArgsMap(Context::cpu(), &args, args);
 *   auto exec = net.SimpleBind(Context::cpu(), args);
 *   exec->Forward(true);
 *   std::cout << exec->outputs[0].GetShape().size() << '\n';
 *
 * Failures are thrown as plait::cpp::Error. Objects are handles: copies share what they stand for.
 */
#pragma once

#include "plait/cpp/base.hpp"
#include "plait/cpp/executor.hpp"
#include "plait/cpp/initializer.hpp"
#include "plait/cpp/io.hpp"
#include "plait/cpp/kvstore.hpp"
#include "plait/cpp/lr_scheduler.hpp"
#include "plait/cpp/metric.hpp"
#include "plait/cpp/monitor.hpp"
#include "plait/cpp/ndarray.hpp"
#include "plait/cpp/ops.hpp"
#include "plait/cpp/optimizer.hpp"
#include "plait/cpp/predictor.hpp"
#include "plait/cpp/symbol.hpp"
