#include "dist/host_copies.h"

#include "op/device.h"

namespace plait::dist {

ArrayRef HostCopies::copied(const ArrayRef& array) {
  const ArrayRef here = Array::empty(array->shape(), array->dtype());
  op::transfer(array, here, options_.priority);
  return here;
}

ArrayRef HostCopies::written(const ArrayRef& array, ArrayRef here) {
  if (!here) here = Array::empty(array->shape(), array->dtype());
  written_.push_back({here, array});
  return here;
}

void HostCopies::finish() {
  for (const Written& w : written_) op::transfer(w.here, w.there, options_.priority);
  if (!options_.waits) return;
  for (const Written& w : written_) w.there->wait_to_read();
}

}  // namespace plait::dist
