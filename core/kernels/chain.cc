#include "kernels/chain_loop.h"

namespace plait::kernels {

Arithmetic reversed(Arithmetic how) {
  switch (how) {
    case Arithmetic::kSubtract: return Arithmetic::kSubtractFrom;
    case Arithmetic::kSubtractFrom: return Arithmetic::kSubtract;
    case Arithmetic::kDivide: return Arithmetic::kDivideInto;
    case Arithmetic::kDivideInto: return Arithmetic::kDivide;
    default: return how;
  }
}

void arithmetic_chain(const Chain& chain) { detail::chain_loop<detail::NoFunction>(chain); }

}  // namespace plait::kernels
