// Scans of 8- and 16-bit integers and of complex numbers.
#include "ops/scan/scan.h"

namespace opkit::scan {

template <typename Op>
Status ScanRare(OpContext& ctx, const ScanShape& s, DType dtype) {
  using Types = TypeList<uint8_t, uint16_t, Complex64, Complex128>;
  return ScanAs<Op>(ctx, s, dtype, Types{});
}

template Status ScanRare<Add>(OpContext& ctx, const ScanShape& s, DType dtype);
template Status ScanRare<Multiply>(OpContext& ctx, const ScanShape& s, DType dtype);

}  // namespace opkit::scan
