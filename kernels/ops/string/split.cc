// StringSplitV2: Python's str.split, result as a sparse tensor.
#include <algorithm>
#include <cstring>

#include "opkit/op.h"

namespace opkit::text {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Calls emit(part) for every part. Without a separator runs of white space separate, and leading
// and trailing ones give no part; what is left after `limit` splits is kept, even when empty.
template <typename F>
void SplitOne(std::string_view s, std::string_view separator, int64_t limit, F&& emit) {
  if (limit == 0) return emit(s);
  int64_t splits = 0;
  size_t at = 0;
  if (separator.empty()) {
    const auto skip = [&] {
      while (at < s.size() && IsSpace(s[at])) ++at;
    };
    skip();
    while (at < s.size()) {
      const size_t begin = at;
      while (at < s.size() && !IsSpace(s[at])) ++at;
      emit(s.substr(begin, at - begin));
      skip();
      if (limit > 0 && ++splits == limit) return emit(s.substr(at));
    }
    return;
  }
  for (;;) {
    const size_t hit = separator.size() == 1 ? s.find(separator[0], at) : s.find(separator, at);
    if (hit == std::string_view::npos) break;
    emit(s.substr(at, hit - at));
    at = hit + separator.size();
    if (limit > 0 && ++splits == limit) break;
  }
  emit(s.substr(at));
}

Status Split(OpContext& ctx) {
  const StringsView in = ctx.strings(0);
  const StringsView separators = ctx.strings(1);
  const std::string_view separator = separators.size() > 0 ? separators[0] : std::string_view();
  const int64_t limit = ctx.attr_int("maxsplit");
  StringWriter parts;
  std::vector<int64_t> counts;
  counts.reserve(static_cast<size_t>(in.size()));
  int64_t most = 0;
  for (int64_t i = 0; i < in.size(); ++i) {
    const int64_t before = parts.size();
    SplitOne(in[i], separator, limit, [&](std::string_view part) { parts.Add(part); });
    counts.push_back(parts.size() - before);
    most = std::max(most, counts.back());
  }
  const int64_t n = parts.size();
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(0, Shape{n, 2}));
  OPKIT_RETURN_IF_ERROR(ctx.WriteStrings(1, parts, Shape{n}));
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(2, Shape{2}));
  int64_t* index = ctx.out<int64_t>(0);
  for (int64_t i = 0; i < in.size(); ++i) {
    for (int64_t k = 0; k < counts[static_cast<size_t>(i)]; ++k) {
      *index++ = i;
      *index++ = k;
    }
  }
  int64_t* shape = ctx.out<int64_t>(2);
  shape[0] = in.size();
  shape[1] = most;
  return {};
}

Status CheckLimit(OpContext& ctx) {
  const int64_t limit = ctx.attr_int("maxsplit");
  if (limit == static_cast<int32_t>(limit)) return {};
  return Error("maxsplit is %lld, want an int32", static_cast<long long>(limit));
}
OPKIT_OP(StringSplitV2)
    .Signature(R"(
      input: string[n], sep: string[] -> indices: int64, values: string, shape: int64
      maxsplit: int = -1
    )")
    .DataDependent()
    .Prepare(CheckLimit)
    .Run(Split);

}  // namespace
}  // namespace opkit::text
