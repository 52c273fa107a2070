// Unique, UniqueV2, UniqueWithCounts, UniqueWithCountsV2: the distinct values (or slices along an
// axis) in order of first occurrence. Open addressing, no sorting; integers of a narrow range and
// 8- and 16-bit types index a table directly. As in TF a NaN equals nothing, and -0 equals 0,
// except as single 16-bit floats, which TF tells apart by their bits.
#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "math/fingerprint.h"
#include "opkit/op.h"

namespace opkit::set {
namespace {

using RealTypes = TypeList<float, double, Half, BFloat16, int8_t, int16_t, int32_t, int64_t,
                           uint8_t, uint16_t, uint32_t, uint64_t, bool>;

struct State {
  std::vector<int32_t> ids;    // per input element: number of its value
  std::vector<int32_t> first;  // per value: where it occurred first
  std::vector<int32_t> direct;
};

template <typename T>
constexpr bool kIsFloat = std::is_floating_point_v<T> || std::is_same_v<T, Half> ||
                          std::is_same_v<T, BFloat16>;

template <size_t kBytes>
struct BitsOf;
template <>
struct BitsOf<1> { using type = uint8_t; };
template <>
struct BitsOf<2> { using type = uint16_t; };
template <>
struct BitsOf<4> { using type = uint32_t; };
template <>
struct BitsOf<8> { using type = uint64_t; };

// The value as an unsigned integer: equal values have equal bits.
template <typename T, bool kZerosEqual = true>
typename BitsOf<sizeof(T)>::type KeyOf(T v) {
  using U = typename BitsOf<sizeof(T)>::type;
  U bits;
  std::memcpy(&bits, &v, sizeof(T));
  if constexpr (kIsFloat<T> && kZerosEqual) {
    if (static_cast<U>(bits << 1) == 0) bits = 0;  // -0 is 0
  }
  return bits;
}

template <typename T>
bool IsNan(T v) {
  if constexpr (kIsFloat<T>) {
    const auto wide = static_cast<double>(v);
    return wide != wide;
  } else {
    static_cast<void>(v);
    return false;
  }
}

// Numbers values through a table with one entry per possible key of [low, low + table size).
template <typename T, typename U>
void ByTable(const T* x, int64_t n, U low, size_t range, State* s) {
  s->direct.assign(range, -1);
  int32_t* table = s->direct.data();
  int32_t* ids = s->ids.data();
  for (int64_t i = 0; i < n; ++i) {
    int32_t& id = table[static_cast<size_t>(static_cast<U>(KeyOf<T, false>(x[i]) - low))];
    if (id < 0 || IsNan(x[i])) {
      id = static_cast<int32_t>(s->first.size());
      s->first.push_back(static_cast<int32_t>(i));
    }
    ids[i] = id;
  }
}

template <typename U>
struct Slot {
  U key;
  int32_t id;  // -1: free
};

// Numbers values through open addressing with linear probing, at most half full. The table starts
// small and grows with the number of distinct values, so that few of them stay in the cache.
template <typename T>
class HashNumbering {
  using U = typename BitsOf<sizeof(T)>::type;

 public:
  explicit HashNumbering(State* s) : s_(s) { Allocate(10); }

  void Run(const T* x, int64_t n) {
    constexpr int64_t kAhead = 16;  // hashes are made and slots fetched a group ahead
    uint64_t next[kAhead] = {};
    int32_t* ids = s_->ids.data();
    for (int64_t base = 0; base < n; base += kAhead) {
      const int64_t group = std::min(kAhead, n - base);
      for (int64_t k = 0; k < group; ++k) {
        next[k] = math::Mix64(KeyOf(x[base + k]));
        __builtin_prefetch(slots_ + (next[k] >> shift_));
      }
      for (int64_t k = 0; k < group; ++k) ids[base + k] = Number(x[base + k], next[k], base + k);
    }
  }

 private:
  int32_t Number(T value, uint64_t hash, int64_t at) {
    const int32_t fresh = static_cast<int32_t>(s_->first.size());
    if (IsNan(value)) {
      s_->first.push_back(static_cast<int32_t>(at));
      return fresh;
    }
    const U key = KeyOf(value);
    size_t i = hash >> shift_;
    for (; slots_[i].id >= 0; i = (i + 1) & mask_) {
      if (slots_[i].key == key) return slots_[i].id;
    }
    slots_[i] = {key, fresh};
    s_->first.push_back(static_cast<int32_t>(at));
    if (++used_ > mask_ / 2) Grow();
    return fresh;
  }

  void Allocate(int bits) {
    shift_ = 64 - bits;
    mask_ = (size_t{1} << bits) - 1;
    storage_.assign(mask_ + 1, Slot<U>{U{0}, -1});
    slots_ = storage_.data();
  }

  void Grow() {
    std::vector<Slot<U>> old;
    old.swap(storage_);
    Allocate(64 - shift_ + 2);
    for (const Slot<U>& slot : old) {
      if (slot.id < 0) continue;
      size_t i = math::Mix64(slot.key) >> shift_;
      while (slots_[i].id >= 0) i = (i + 1) & mask_;
      slots_[i] = slot;
    }
  }

  State* s_;
  std::vector<Slot<U>> storage_;
  Slot<U>* slots_ = nullptr;
  size_t mask_ = 0;
  size_t used_ = 0;
  int shift_ = 0;
};

template <typename T>
void NumberScalars(const T* x, int64_t n, State* s) {
  using U = typename BitsOf<sizeof(T)>::type;
  if constexpr (sizeof(T) <= 2) {
    ByTable<T, U>(x, n, U{0}, size_t{1} << (8 * sizeof(T)), s);
  } else {
    if constexpr (std::is_integral_v<T>) {
      const auto [low, high] = std::minmax_element(x, x + n);
      const U range = static_cast<U>(static_cast<U>(*high) - static_cast<U>(*low));
      if (range < static_cast<uint64_t>(2 * n)) {
        ByTable<T, U>(x, n, static_cast<U>(*low), static_cast<size_t>(range) + 1, s);
        return;
      }
    }
    HashNumbering<T>(s).Run(x, n);
  }
}

// Numbers n things known by their hash and an equality of their positions.
template <typename Hash, typename Equal>
void NumberByEquality(int64_t n, State* s, const Hash& hash, const Equal& equal) {
  struct Entry {
    uint32_t tag;
    int32_t id;
  };
  int bits = 4;
  while ((int64_t{1} << bits) < 2 * n) ++bits;
  const size_t mask = (size_t{1} << bits) - 1;
  std::vector<Entry> table(mask + 1, Entry{0, -1});
  for (int64_t k = 0; k < n; ++k) {
    const uint64_t h = hash(k);
    const uint32_t tag = static_cast<uint32_t>(h);
    size_t i = h >> (64 - bits);
    for (; table[i].id >= 0; i = (i + 1) & mask) {
      if (table[i].tag == tag && equal(s->first[static_cast<size_t>(table[i].id)], k)) break;
    }
    if (table[i].id < 0) {
      table[i] = {tag, static_cast<int32_t>(s->first.size())};
      s->first.push_back(static_cast<int32_t>(k));
    }
    s->ids[static_cast<size_t>(k)] = table[i].id;
  }
}

// The input seen as [outer, n, inner]: slices along the middle are compared.
struct View {
  int64_t outer = 1;
  int64_t n = 1;
  int64_t inner = 1;
  Shape shape;
  int axis = 0;
};

template <typename T>
void NumberSlices(const T* x, const View& v, State* s) {
  const auto at = [&](int64_t o, int64_t k) { return x + (o * v.n + k) * v.inner; };
  NumberByEquality(
      v.n, s,
      [&](int64_t k) {
        uint64_t h = 0;
        for (int64_t o = 0; o < v.outer; ++o) {
          const T* p = at(o, k);
          for (int64_t j = 0; j < v.inner; ++j) {
            // A NaN makes a slice differ from all others: so shall its hash.
            h = math::Mix64(h + (IsNan(p[j]) ? static_cast<uint64_t>(k) : KeyOf(p[j])) + 1);
          }
        }
        return h;
      },
      [&](int64_t a, int64_t b) {
        for (int64_t o = 0; o < v.outer; ++o) {
          const T* p = at(o, a);
          const T* q = at(o, b);
          for (int64_t j = 0; j < v.inner; ++j) {
            if (IsNan(p[j]) || KeyOf(p[j]) != KeyOf(q[j])) return false;
          }
        }
        return true;
      });
}

void NumberStrings(const StringsView& x, const View& v, State* s) {
  const auto at = [&](int64_t o, int64_t k, int64_t j) { return x[(o * v.n + k) * v.inner + j]; };
  NumberByEquality(
      v.n, s,
      [&](int64_t k) {
        uint64_t h = 0;
        for (int64_t o = 0; o < v.outer; ++o) {
          for (int64_t j = 0; j < v.inner; ++j) {
            h = math::Mix64(h + math::Fingerprint64(at(o, k, j)));
          }
        }
        return h;
      },
      [&](int64_t a, int64_t b) {
        for (int64_t o = 0; o < v.outer; ++o) {
          for (int64_t j = 0; j < v.inner; ++j) {
            if (at(o, a, j) != at(o, b, j)) return false;
          }
        }
        return true;
      });
}

Status WriteValues(OpContext& ctx, const View& v, const Shape& shape, const State& s) {
  if (ctx.dtype(0) == DType::kString) {
    const StringsView x = ctx.strings(0);
    StringWriter out;
    for (int64_t o = 0; o < v.outer; ++o) {
      for (const int32_t k : s.first) {
        for (int64_t j = 0; j < v.inner; ++j) out.Add(x[(o * v.n + k) * v.inner + j]);
      }
    }
    return ctx.WriteStrings(0, out, shape);
  }
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(0, shape));
  return ctx.Visit(0, RealTypes{}, [&](auto tag) {
    using T = decltype(tag);
    const T* x = ctx.in<T>(0);
    T* y = ctx.out<T>(0);
    if (shape.size() == 0) return Status();
    for (int64_t o = 0; o < v.outer; ++o) {
      for (const int32_t k : s.first) {
        const T* from = x + (o * v.n + k) * v.inner;
        y = std::copy(from, from + v.inner, y);
      }
    }
    return Status();
  });
}

Status WriteIds(OpContext& ctx, const State& s) {
  const int64_t n = static_cast<int64_t>(s.ids.size());
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(1, Shape{n}));
  const bool counts = ctx.num_outputs() > 2;
  const int64_t values = static_cast<int64_t>(s.first.size());
  if (counts) OPKIT_RETURN_IF_ERROR(ctx.Allocate(2, Shape{values}));
  return OpContext::VisitDType(ctx.out_dtype(1), IndexTypes{}, [&](auto tag) {
    using I = decltype(tag);
    std::copy(s.ids.begin(), s.ids.end(), ctx.out<I>(1));
    if (counts) {
      I* count = ctx.out<I>(2);
      std::fill(count, count + values, I{0});
      for (const int32_t id : s.ids) ++count[id];
    }
    return Status();
  });
}

Status Run(OpContext& ctx, const View& v) {
  if (v.n > INT32_MAX) return Error("more than 2^31 - 1 elements");
  State& s = ctx.state<State>();
  s.ids.resize(static_cast<size_t>(v.n));
  s.first.clear();
  if (v.n > 0) {
    if (ctx.dtype(0) == DType::kString) {
      NumberStrings(ctx.strings(0), v, &s);
    } else {
      OPKIT_RETURN_IF_ERROR(ctx.Visit(0, RealTypes{}, [&](auto tag) {
        using T = decltype(tag);
        if (v.outer == 1 && v.inner == 1) {
          NumberScalars(ctx.in<T>(0), v.n, &s);
        } else {
          NumberSlices(ctx.in<T>(0), v, &s);
        }
        return Status();
      }));
    }
  }
  Shape shape = v.shape;
  shape[v.axis] = static_cast<int64_t>(s.first.size());
  OPKIT_RETURN_IF_ERROR(WriteValues(ctx, v, shape, s));
  return WriteIds(ctx, s);
}

Status Flat(OpContext& ctx) {
  View v;
  v.shape = ctx.shape(0);
  if (v.shape.rank() != 1) return Error("x has shape %s, want rank 1", v.shape.str().c_str());
  v.n = v.shape[0];
  return Run(ctx, v);
}

// An empty axis means a vector's elements, one value the slices along it.
Status AlongAxis(OpContext& ctx) {
  const Shape& shape = ctx.shape(0);
  const std::vector<int64_t> axes = ctx.IntValues(1);
  if (axes.empty()) return Flat(ctx);
  if (axes.size() > 1) return Error("axis has %zu values, want none or one", axes.size());
  const int64_t rank = shape.rank();
  const int64_t axis = axes[0] < 0 ? axes[0] + rank : axes[0];
  if (axis < 0 || axis >= rank) {
    return Error("axis is %lld, want a value in [%lld, %lld)", static_cast<long long>(axes[0]),
                 static_cast<long long>(-rank), static_cast<long long>(rank));
  }
  View v;
  v.shape = shape;
  v.axis = static_cast<int>(axis);
  v.outer = shape.size(0, v.axis);
  v.n = shape[v.axis];
  v.inner = shape.size(v.axis + 1, shape.rank());
  return Run(ctx, v);
}

OPKIT_OP(Unique)
    .Signature(R"(
      x: T[n] -> y: T, idx: out_idx
      T in {floating, integral, bool, string}
      out_idx in {index}
    )")
    .State<State>()
    .DataDependent()
    .Run(Flat);

OPKIT_OP(UniqueWithCounts)
    .Signature(R"(
      x: T[n] -> y: T, idx: out_idx, count: out_idx
      T in {floating, integral, bool, string}
      out_idx in {index}
    )")
    .State<State>()
    .DataDependent()
    .Run(Flat);

OPKIT_OP(UniqueV2)
    .Signature(R"(
      x: T, axis: Taxis[m] -> y: T, idx: out_idx
      T in {floating, integral, bool, string}
      Taxis in {index}
      out_idx in {index}
    )")
    .State<State>()
    .DataDependent()
    .Run(AlongAxis);

OPKIT_OP(UniqueWithCountsV2)
    .Signature(R"(
      x: T, axis: Taxis[m] -> y: T, idx: out_idx, count: out_idx
      T in {floating, integral, bool, string}
      Taxis in {index}
      out_idx in {index}
    )")
    .State<State>()
    .DataDependent()
    .Run(AlongAxis);

}  // namespace
}  // namespace opkit::set
