// SPDX-License-Identifier: Apache-2.0
// Text in JSON (RFC 8259, section 7). For what is written now and then; records have a writer of their own.
#pragma once

#include <string>
#include <string_view>

namespace rebuilder {

// In quotation marks, with what JSON would trip over escaped. Bytes from 0x80 stay as they are.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace rebuilder
