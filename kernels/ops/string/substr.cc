// Substr: a part of each string, by bytes or UTF-8 characters.
#include <string>

#include "opkit/op.h"
#include "ops/string/unicode.h"

namespace opkit::text {
namespace {

// pos and len have one shape, which broadcasts with the input's.
Status SubstrShape(OpContext& ctx) {
  if (ctx.shape(1) != ctx.shape(2)) {
    return Error("pos has shape %s, len %s, want equal shapes", ctx.shape(1).str().c_str(),
                 ctx.shape(2).str().c_str());
  }
  Shape out;
  if (!BroadcastShapes(ctx.shape(0), ctx.shape(1), &out)) {
    return Error("input's shape %s and pos' shape %s do not broadcast", ctx.shape(0).str().c_str(),
                 ctx.shape(1).str().c_str());
  }
  ctx.SetShape(0, out);
  return {};
}

// Moves *at `count` characters on (or back); false when the text ends before that.
bool Forward(std::string_view s, int64_t count, size_t* at) {
  for (; count > 0 && *at < s.size(); --count) {
    do {
      ++*at;
    } while (*at < s.size() && IsTrail(s[*at]));
  }
  return count == 0;
}

bool Back(std::string_view s, int64_t count, size_t* at) {
  for (; count > 0 && *at > 0; --count) {
    do {
      --*at;
    } while (*at > 0 && IsTrail(s[*at]));
  }
  return count == 0;
}

// pos < 0 counts from the end; a len < 0 reaches to the end in bytes and is 0 in characters, as in
// TF. False when pos is outside the text.
bool ByBytes(std::string_view s, int64_t pos, int64_t len, std::string_view* out) {
  const int64_t size = static_cast<int64_t>(s.size());
  if (pos < -size || pos > size) return false;
  const size_t begin = static_cast<size_t>(pos < 0 ? size + pos : pos);
  *out = s.substr(begin, len < 0 ? std::string_view::npos : static_cast<size_t>(len));
  return true;
}

bool ByChars(std::string_view s, int64_t pos, int64_t len, std::string_view* out) {
  const int64_t size = static_cast<int64_t>(s.size());
  size_t begin = 0, end = 0;
  if (pos >= 0) {
    if (!Forward(s, pos, &begin)) return false;
    end = begin;
    Forward(s, len, &end);
  } else {
    if (pos < -size) return false;  // also keeps the sums below from overflowing
    // From the end back to where the part ends, and on to where it begins.
    int64_t after = 0;
    if (len < 0) {
      after = len < -size ? size + 1 : -pos - len;
    } else if (len < -pos) {
      after = -pos - len;
    }
    end = s.size();
    if (!Back(s, after, &end)) return false;
    begin = end;
    if (!Back(s, -pos - after, &begin)) return false;
    if (begin > end) return false;
  }
  *out = s.substr(begin, end - begin);
  return true;
}

Status Run(OpContext& ctx) {
  const bool chars = ctx.attr_string("unit") == "UTF8_CHAR";
  const StringsView in = ctx.strings(0);
  const Shape out_shape = ctx.out_shape(0);
  const int64_t n = out_shape.size();
  // Strides of the two broadcast operands, 0 along repeated dimensions.
  const int rank = out_shape.rank();
  int64_t step[2][Shape::kMaxRank] = {};
  for (int operand = 0; operand < 2; ++operand) {
    const Shape& s = ctx.shape(operand);
    int64_t stride = 1;
    for (int d = s.rank() - 1; d >= 0; --d) {
      step[operand][d + rank - s.rank()] = s[d] == 1 ? 0 : stride;
      stride *= s[d];
    }
  }
  return ctx.Visit(1, IndexTypes{}, [&](auto tag) -> Status {
    using T = decltype(tag);
    const T* pos = ctx.in<T>(1);
    const T* len = ctx.in<T>(2);
    StringWriter out;
    // No part is longer than its string, unless strings are repeated.
    const bool once = n == in.size() && n > 0;
    out.reserve(n,
                once ? static_cast<size_t>(in[n - 1].data() + in[n - 1].size() - in[0].data()) : 0);
    int64_t index[Shape::kMaxRank] = {};
    int64_t from = 0, where = 0;
    for (int64_t i = 0; i < n; ++i) {
      std::string_view part;
      const bool ok = chars ? ByChars(in[from], pos[where], len[where], &part)
                            : ByBytes(in[from], pos[where], len[where], &part);
      if (!ok) {
        return Error("pos %lld is out of range for the string at index %lld",
                     static_cast<long long>(pos[where]), static_cast<long long>(i));
      }
      out.Add(part);
      for (int d = rank - 1; d >= 0; --d) {
        from += step[0][d];
        where += step[1][d];
        if (++index[d] < out_shape[d]) break;
        index[d] = 0;
        from -= step[0][d] * out_shape[d];
        where -= step[1][d] * out_shape[d];
      }
    }
    return ctx.WriteStrings(0, out, out_shape);
  });
}
OPKIT_OP(Substr)
    .Signature(R"(
      input: string, pos: T, len: T -> output: string
      T in {index}
      unit: string = "BYTE" in {"BYTE", "UTF8_CHAR"}
    )")
    .Shape(SubstrShape)
    .Run(Run);

}  // namespace
}  // namespace opkit::text
