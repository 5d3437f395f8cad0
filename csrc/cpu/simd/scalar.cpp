// SPDX-License-Identifier: MIT
// The level every machine has: plain C++ for the platform's baseline.
#include "../rows/row_table.h"

namespace mc::cpu {

const RowFunctions* scalar_rows() {
    static const RowFunctions table = make_row_functions<ScalarLanes>("scalar");
    return &table;
}

}  // namespace mc::cpu
