// What the classes of plait.hpp do, as checks of values. Prints the line of each that fails.
#include <cmath>
#include <cstdio>
#include <functional>

#include "expect.h"
#include "plait/plait.hpp"

using namespace plait::cpp;

namespace {

const Context cpu = Context::cpu();

NDArray array(const std::vector<float>& values) {
  return NDArray(values, Shape(values.size()), cpu);
}
bool near(double a, double b) { return std::fabs(a - b) <= 1e-5 * (1 + std::fabs(b)); }
bool near(const NDArray& a, const std::vector<float>& b) {
  const std::vector<float> values = a.Values();
  bool same = values.size() == b.size();
  for (size_t i = 0; same && i < b.size(); ++i) same = near(values[i], b[i]);
  return same;
}
plait_status_t status_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.status();
  }
  return PLAIT_OK;
}

void arrays(const std::string& folder) {
  NDArray x({1, 2, 3, 4, 5, 6}, Shape(3, 2), cpu);
  EXPECT(x.GetShape() == Shape(3, 2) && x.Size() == 6 && x.GetDType() == PLAIT_DTYPE_FLOAT32);
  EXPECT(x.GetContext().GetDeviceType() == PLAIT_DEVICE_CPU && x.GetContext().GetDeviceId() == 0);
  EXPECT(near(x.Slice(1, 3), {3, 4, 5, 6}) && near(x.At(1), {3, 4}));
  EXPECT(x.Reshape(Shape(2, -1)).GetShape() == Shape(2, 3));
  EXPECT(near(x.ArgmaxChannel(), {1, 1, 1}));
  EXPECT(x.GetData()[5] == 6);
  NDArray y = x.Copy(cpu);
  y += x;
  y -= 1;
  y *= 2;
  y /= x;
  EXPECT(near(y, {2, 3, 10.f / 3, 3.5, 3.6f, 11.f / 3}));
  y = 7;
  EXPECT(near(y, {7, 7, 7, 7, 7, 7}));
  y.CopyTo(&x);
  EXPECT(near(x, {7, 7, 7, 7, 7, 7}));
  NDArray::SampleUniform(2, 3, &x);
  for (float v : x.Values()) EXPECT(v >= 2 && v < 3);
  NDArray::SampleGaussian(100, 1, &x);
  for (float v : x.Values()) EXPECT(v > 80 && v < 120);
  NDArray::Save(folder + "/list", std::vector<NDArray>{x, array({1})});
  EXPECT(NDArray::LoadToList(folder + "/list").size() == 2);
  NDArray::Save(folder + "/map", std::map<std::string, NDArray>{{"b", array({2})}});
  EXPECT(near(NDArray::LoadToMap(folder + "/map").at("b"), {2}));
}

void symbols(const std::string& folder) {
  const Symbol net = op::FullyConnected("fc", Symbol::Variable("data"), {}, {}, 2);
  EXPECT(net.GetName() == "fc" && net.GetNumOutputs() == 1);
  net.Save(folder + "/net.json");
  EXPECT(Symbol::Load(folder + "/net.json").ToJSON() == net.ToJSON());
  EXPECT(net.GetInternals()["fc_weight"].GetName() == "fc_weight");
  EXPECT(status_of([&] { net["no"]; }) == PLAIT_ERR_KEY);
  EXPECT(status_of([&] { Symbol::Load(folder + "/no"); }) == PLAIT_ERR_IO);
}

void initializers() {
  NDArray x(Shape(40, 30), cpu);
  Zero()("x_weight", &x);
  EXPECT(x.Values()[7] == 0);
  One()("x_weight", &x);
  EXPECT(x.Values()[7] == 1);
  Constant(3)("x_bias", &x);
  EXPECT(x.Values()[7] == 3);
  const auto spread = [&](const Initializer& initial) {
    initial("x_weight", &x);
    double sum = 0, largest = 0;
    for (float v : x.Values()) {
      sum += static_cast<double>(v) * static_cast<double>(v);
      largest = std::max(largest, std::fabs(static_cast<double>(v)));
    }
    return std::pair(std::sqrt(sum / 1200), largest);
  };
  EXPECT(spread(Uniform(0.1)).second <= 0.1);
  EXPECT(std::fabs(spread(Normal(0, 2)).first - 2) < 0.3);
  EXPECT(std::fabs(spread(Xavier()).first - std::sqrt(3. / 35)) < 0.04);
  EXPECT(spread(Xavier(Xavier::uniform, Xavier::in, 2)).second <= std::sqrt(2. / 30));
  EXPECT(std::fabs(spread(MSRAPrelu(Xavier::out, 0)).first - std::sqrt(2. / 40)) < 0.04);
  Xavier()("x_bias", &x);
  EXPECT(x.Values()[7] == 0);
  Xavier()("x_gamma", &x);
  EXPECT(x.Values()[7] == 1);
  NDArray up(Shape(1, 1, 4, 4), cpu);
  Bilinear()("up", &up);
  EXPECT(near(up.At(0).At(0).At(1), {0.1875, 0.5625, 0.5625, 0.1875}));
}

// One step or two from weight 1 with gradient 0.5, by formulas of the papers.
void optimizers() {
  const auto after = [](const std::string& name, int steps, auto... params) {
    auto optimizer = OptimizerRegistry::Find(name);
    optimizer->SetParam("lr", 0.1);
    (optimizer->SetParam(params.first, params.second), ...);
    const NDArray weight = array({1}), grad = array({0.5});
    for (int i = 0; i < steps; ++i) optimizer->Update(0, weight, grad);
    return static_cast<double>(weight.Values()[0]);
  };
  EXPECT(near(after("sgd", 1), 0.95));
  EXPECT(near(after("sgd", 2, std::pair("momentum", 0.5)), 1 - 0.05 - 0.075));
  EXPECT(near(after("ccsgd", 1, std::pair("wd", "0.1")), 1 - 0.1 * 0.6));
  EXPECT(near(after("sgd", 1, std::pair("clip_gradient", 0.1)), 0.99));
  EXPECT(near(after("signum", 1, std::pair("momentum", 0)), 0.9));
  EXPECT(near(after("signum", 1), 0.9));
  EXPECT(std::fabs(after("adam", 1) - 0.9) < 1e-4);
  EXPECT(std::fabs(after("adagrad", 1) - 0.9) < 1e-4);
  EXPECT(std::fabs(after("adagrad", 2) - (0.9 - 0.1 / std::sqrt(2.))) < 1e-4);
  const double delta = std::sqrt(1e-5) / std::sqrt(0.025 + 1e-5) * 0.5;
  EXPECT(near(after("adadelta", 1), 1 - delta));
  // n = 0.1 g^2, mean = 0.1 g: the root is sqrt(0.1 - 0.01) g.
  EXPECT(std::fabs(after("rmsprop", 1) - (1 - 0.1 / 0.3)) < 1e-4);
  EXPECT(status_of([] { OptimizerRegistry::Find("no"); }) == PLAIT_ERR_KEY);
  EXPECT(status_of([] { OptimizerRegistry::Find("sgd")->SetParam("no", 1); }) == PLAIT_ERR_KEY);
  EXPECT(status_of([] { OptimizerRegistry::Find("sgd")->SetParam("lr", "x"); }) ==
         PLAIT_ERR_INVALID_ARGUMENT);

  FactorScheduler factor(2, 0.5);
  factor.SetLR(1);
  EXPECT(factor.GetLR(1) == 1 && factor.GetLR(2) == 1 && factor.GetLR(3) == 0.5);
  EXPECT(factor.GetLR(7) == 0.125);
  MultiFactorScheduler multi({1, 3}, 0.1);
  multi.SetLR(1);
  EXPECT(multi.GetLR(1) == 1 && near(multi.GetLR(2), 0.1) && near(multi.GetLR(9), 0.01));
  auto optimizer = OptimizerRegistry::Find("sgd");
  optimizer->SetParam("lr", 1)->SetLRScheduler(std::make_unique<FactorScheduler>(1, 0.5));
  const NDArray weight = array({1}), grad = array({1});
  for (int i = 0; i < 2; ++i) optimizer->Update(0, weight, grad);
  EXPECT(near(weight, {-0.5}));
}

void metrics() {
  const NDArray scores({0.1f, 0.9f, 0.8f, 0.2f, 0.5f, 0.5f}, Shape(3, 2), cpu);
  const NDArray labels = array({1, 1, 0});
  Accuracy accuracy;
  accuracy.Update(labels, scores);
  EXPECT(near(accuracy.Get(), 2. / 3) && accuracy.GetNameValue().first == "accuracy");
  accuracy.Reset();
  EXPECT(std::isnan(accuracy.Get()));
  LogLoss logloss;
  logloss.Update(labels, scores);
  EXPECT(near(logloss.Get(), -(std::log(0.9) + std::log(0.2) + std::log(0.5)) / 3));
  const NDArray a = array({1, 2}), b = array({2, 4});
  MAE mae;
  MSE mse;
  RMSE rmse;
  PSNR psnr;
  for (EvalMetric* m : std::initializer_list<EvalMetric*>{&mae, &mse, &rmse, &psnr}) {
    m->Update(a, b);
  }
  EXPECT(near(mae.Get(), 1.5) && near(mse.Get(), 2.5) && near(rmse.Get(), std::sqrt(2.5)));
  EXPECT(near(psnr.Get(), 10 * std::log10(255 * 255 / 2.5)));
  EXPECT(status_of([&] { mae.Update(a, scores); }) == PLAIT_ERR_SHAPE);
  EXPECT(status_of([&] { logloss.Update(array({0, 0, 5}), scores); }) == PLAIT_ERR_INDEX);
}

void iterators(const std::string& folder) {
  const NDArray x({1, 2, 3, 4, 5, 6}, Shape(3, 2), cpu);
  NDArrayIter iter(x, array({0, 1, 2}), 2);
  int count = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (iter.Reset(); iter.Next(); ++count) {
      const DataBatch batch = iter.GetDataBatch();
      EXPECT(batch.data.GetShape() == Shape(2, 2) && batch.index.size() == 2);
    }
  }
  EXPECT(count == 4 && iter.GetPadNum() == 0 && !iter.GetData());
  std::FILE* file = std::fopen((folder + "/x.csv").c_str(), "w");
  std::fputs("1,2\n3,4\n5,6\n", file);
  std::fclose(file);
  MXDataIter csv = MXDataIter("CSVIter")
                       .SetParam("data_csv", folder + "/x.csv")
                       .SetParam("data_shape", Shape(2))
                       .SetParam("batch_size", 3)
                       .CreateDataIter();
  EXPECT(csv.Next() && near(csv.GetData(), {1, 2, 3, 4, 5, 6}) && near(csv.GetLabel(), {0, 0, 0}));
  EXPECT(csv.GetIndex() == std::vector<int64_t>({0, 1, 2}) && !csv.Next());
  EXPECT(status_of([] { MXDataIter("NoIter").CreateDataIter(); }) == PLAIT_ERR_KEY);
}

void stores() {
  KVStore::SetType("local");
  EXPECT(KVStore::GetType() == "local" && KVStore::GetRank() == 0 && KVStore::GetNumWorkers() == 1);
  KVStore::Init(std::vector<int>{0, 1}, {array({1}), array({2})});
  KVStore::Init("name", array({5}));
  KVStore::Push(std::vector<int>{0, 1, 0}, {array({10}), array({20}), array({30})});
  std::vector<NDArray> out{array({0}), array({0})};
  KVStore::Pull(std::vector<int>{0, 1}, &out);
  EXPECT(near(out[0], {40}) && near(out[1], {20}));
  auto optimizer = OptimizerRegistry::Find("sgd");
  optimizer->SetParam("lr", 0.5);
  KVStore::SetOptimizer(std::move(optimizer));
  KVStore::Push("name", array({4}));
  KVStore::Pull("name", &out[0]);
  EXPECT(near(out[0], {3}));
  KVStore::Barrier();
  EXPECT(status_of([] { KVStore::Push(9, array({1})); }) == PLAIT_ERR_KEY);
  EXPECT(status_of([] { KVStore::Push("name", array({1, 2})); }) == PLAIT_ERR_SHAPE);
  KVStore::SetType("device");  // a new store
  EXPECT(status_of([] { KVStore::Push(0, array({1})); }) == PLAIT_ERR_KEY);
}

}  // namespace

int main(int, char** argv) try {
  RandomSeed(1);
  const std::string folder = argv[1];
  arrays(folder);
  symbols(folder);
  initializers();
  optimizers();
  metrics();
  iterators(folder);
  stores();
  return failures != 0;
} catch (const Error& error) {
  std::printf("%s\n", error.what());
  return 1;
}
