// StringLower, StringUpper. Without an encoding only A to Z change; with "utf-8" the text is mapped
// as by ICU, which TF calls with a C string: it ends at the first NUL byte.
#include <cstring>

#include "opkit/op.h"
#include "ops/string/unicode.h"

namespace opkit::text {
namespace {

struct Buffers {
  std::vector<uint32_t> points;
  std::string mapped;
};

Status Map(OpContext& ctx, Case to) {
  const StringsView in = ctx.strings(0);
  const bool utf8 = !ctx.attr_string("encoding").empty();
  Buffers& b = ctx.state<Buffers>();
  StringWriter out;
  size_t bytes = 0;
  for (int64_t i = 0; i < in.size(); ++i) bytes += in[i].size();
  out.reserve(in.size(), bytes);
  for (int64_t i = 0; i < in.size(); ++i) {
    std::string_view s = in[i];
    if (utf8) {
      s = s.substr(0, s.find('\0'));
      MapCase(s, to, &b.points, &b.mapped);
      out.Add(b.mapped);
    } else {
      MapAsciiCase(s, to, out.AddUninitialized(s.size()));
    }
  }
  return ctx.WriteStrings(0, out, ctx.shape(0));
}

Status Lower(OpContext& ctx) { return Map(ctx, Case::kLower); }
OPKIT_OP(StringLower)
    .Signature(R"(
      input: string -> output: string
      encoding: string = "" in {"", "utf-8"}
    )")
    .State<Buffers>()
    .Shape(SameAs<0>)
    .Run(Lower);

Status Upper(OpContext& ctx) { return Map(ctx, Case::kUpper); }
OPKIT_OP(StringUpper)
    .Signature(R"(
      input: string -> output: string
      encoding: string = "" in {"", "utf-8"}
    )")
    .State<Buffers>()
    .Shape(SameAs<0>)
    .Run(Upper);

}  // namespace
}  // namespace opkit::text
