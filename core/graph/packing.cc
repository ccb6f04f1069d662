#include "graph/packing.h"

#include <algorithm>

namespace plait::graph {

int64_t pack(std::vector<Span>& spans) {
  std::vector<Span*> placed, open;  // `placed` by offset
  const auto by_offset = [](const Span* a, const Span* b) { return a->offset < b->offset; };
  for (Span& s : spans) (s.offset < 0 ? open : placed).push_back(&s);
  std::sort(placed.begin(), placed.end(), by_offset);
  std::stable_sort(open.begin(), open.end(),
                   [](const Span* a, const Span* b) { return a->bytes > b->bytes; });
  for (Span* s : open) {
    s->offset = 0;
    for (const Span* other : placed) {
      if (other->begin > s->end || other->end < s->begin) continue;
      if (s->offset + s->bytes <= other->offset) break;
      s->offset = std::max(s->offset, other->offset + other->bytes);
    }
    placed.insert(std::upper_bound(placed.begin(), placed.end(), s, by_offset), s);
  }
  int64_t bytes = 0;
  for (const Span* s : placed) bytes = std::max(bytes, s->offset + s->bytes);
  return bytes;
}

}  // namespace plait::graph
