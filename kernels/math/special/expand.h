// Tables for putting the elements of a short array into the lanes of a mask.
#ifndef OPKIT_MATH_SPECIAL_EXPAND_H_
#define OPKIT_MATH_SPECIAL_EXPAND_H_

#include <cstdint>

namespace opkit::special {

// v[bits]: for each of 8 words the word that it takes, where an element that
// has its bit set takes the next of the array; kWords words an element.
template <int kWords>
struct ExpandOrder {
  uint8_t v[1 << (8 / kWords)][8];
  constexpr ExpandOrder() : v() {
    for (int bits = 0; bits < 1 << (8 / kWords); ++bits) {
      int below = 0;
      for (int word = 0; word < 8; ++word) {
        v[bits][word] = static_cast<uint8_t>(below * kWords + word % kWords);
        if (word % kWords == kWords - 1 && ((bits >> (word / kWords)) & 1)) ++below;
      }
    }
  }
};
inline constexpr ExpandOrder<1> kExpand4;
inline constexpr ExpandOrder<2> kExpand8;

}  // namespace opkit::special

#endif  // OPKIT_MATH_SPECIAL_EXPAND_H_
