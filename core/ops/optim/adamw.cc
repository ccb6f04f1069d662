#include "ops/optim/moments.h"

namespace plait::op {
namespace {

PLAIT_MULTI_STEP(AdamW, "multi_adamw_update",
                 "Adam with weight decay apart from the gradient: each weight first loses the "
                 "share wds of itself.",
                 "Loshchilov, Hutter, ICLR (2019)");

}  // namespace
}  // namespace plait::op
