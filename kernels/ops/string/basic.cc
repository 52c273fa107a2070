// StringStrip, StringLength, StringJoin, StringToHashBucketFast.
#include <string>

#include "math/fingerprint.h"
#include "opkit/op.h"
#include "ops/string/unicode.h"

namespace opkit::text {
namespace {

constexpr std::string_view kSpaces = " \t\n\v\f\r";

Status Strip(OpContext& ctx) {
  const StringsView in = ctx.strings(0);
  StringWriter out;
  for (int64_t i = 0; i < in.size(); ++i) {
    const std::string_view s = in[i];
    const size_t first = s.find_first_not_of(kSpaces);
    if (first == std::string_view::npos) {
      out.Add({});
    } else {
      out.Add(s.substr(first, s.find_last_not_of(kSpaces) + 1 - first));
    }
  }
  return ctx.WriteStrings(0, out, ctx.shape(0));
}
OPKIT_OP(StringStrip).Signature("input: string -> output: string").Shape(SameAs<0>).Run(Strip);

Status Length(OpContext& ctx) {
  const StringsView in = ctx.strings(0);
  int32_t* out = ctx.out<int32_t>(0);
  const bool chars = ctx.attr_string("unit") == "UTF8_CHAR";
  ctx.ParallelFor(in.size(), 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const std::string_view s = in[i];
      size_t trails = 0;
      if (chars) {
        for (const char c : s) trails += IsTrail(c) ? 1 : 0;
      }
      out[i] = static_cast<int32_t>(s.size() - trails);
    }
  });
  return {};
}
OPKIT_OP(StringLength)
    .Signature(R"(
      input: string -> output: int32
      unit: string = "BYTE" in {"BYTE", "UTF8_CHAR"}
    )")
    .Shape(SameAs<0>)
    .Run(Length);

// Scalars go with every element; all other inputs share one shape.
Status JoinShape(OpContext& ctx) {
  Shape shape;
  for (int i = 0; i < ctx.num_inputs(); ++i) {
    const Shape& s = ctx.shape(i);
    if (s.rank() == 0) continue;
    if (shape.rank() == 0) {
      shape = s;
    } else if (shape != s) {
      return Error("input %d has shape %s, an earlier one %s, want equal shapes or scalars", i,
                   s.str().c_str(), shape.str().c_str());
    }
  }
  ctx.SetShape(0, shape);
  return {};
}

Status Join(OpContext& ctx) {
  const std::string& separator = ctx.attr_string("separator");
  const Shape shape = ctx.out_shape(0);
  const int64_t n = shape.size();
  const int parts = ctx.num_inputs();
  std::vector<StringsView> in;
  std::vector<int64_t> step;
  for (int j = 0; j < parts; ++j) {
    in.push_back(ctx.strings(j));
    step.push_back(ctx.shape(j).rank() == 0 ? 0 : 1);
  }
  StringWriter out;
  std::string joined;
  for (int64_t i = 0; i < n; ++i) {
    joined.clear();
    for (size_t j = 0; j < in.size(); ++j) {
      if (j > 0) joined += separator;
      joined += in[j][i * step[j]];
    }
    out.Add(joined);
  }
  return ctx.WriteStrings(0, out, shape);
}
OPKIT_OP(StringJoin)
    .Signature(R"(
      inputs: string* -> output: string
      N: int = 0
      separator: string = ""
    )")
    .Shape(JoinShape)
    .Run(Join);

Status HashPrepare(OpContext& ctx) {
  const int64_t n = ctx.attr_int("num_buckets");
  if (n < 1) return Error("num_buckets is %lld, want 1 or more", static_cast<long long>(n));
  return {};
}

Status HashFast(OpContext& ctx) {
  const StringsView in = ctx.strings(0);
  const uint64_t buckets = static_cast<uint64_t>(ctx.attr_int("num_buckets"));
  int64_t* out = ctx.out<int64_t>(0);
  ctx.ParallelFor(in.size(), 2048, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      out[i] = static_cast<int64_t>(math::Fingerprint64(in[i]) % buckets);
    }
  });
  return {};
}
OPKIT_OP(StringToHashBucketFast)
    .Signature(R"(
      input: string -> output: int64
      num_buckets: int
    )")
    .Shape(SameAs<0>)
    .Prepare(HashPrepare)
    .Run(HashFast);

}  // namespace
}  // namespace opkit::text
