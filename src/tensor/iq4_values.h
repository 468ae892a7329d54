// The 16 values of IQ4_NL and IQ4_XS, as the format fixes them: dense near zero, where weights are.
#pragma once

#include <array>
#include <cstdint>

namespace holdfast::codec {

inline constexpr std::array<int8_t, 16> kIq4Values{-127, -104, -83, -65, -49, -35, -22, -10,
                                                   1,    13,   25,  38,  53,  69,  89,  113};

}  // namespace holdfast::codec
