// SPDX-License-Identifier: Apache-2.0
// HpackDecoder: the header blocks of one direction of an HTTP/2 connection in, fields out (RFC 7541).
//
// In:    next() takes the rest of a header block, as far as it has come: a field that isn't whole is asked for again.
// Out:   one field at a time; its bytes live until next() is called again, or the block's bytes go.
// Rules: all of RFC 7541, and what an observer has to add: how large the encoder may make the table is the other
//        direction's secret, so its size updates are followed as far as `allowed`. A field that is too long to be kept is
//        passed over as long as it's certain that the table has no room for it either.
// Bytes: the dynamic table is a copy in one block of HpackMemory, which bounds it; nothing points anywhere else.
//
// An own decoder, where nghttp2 has one: that one asks for memory for each string, this one never does, is done in half
// the time, and has the other as its judge in the tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/block.h"
#include "base/bytes.h"
#include "base/mapping.h"

namespace rebuilder::http {

// The size of a table until somebody says otherwise (RFC 9113, section 6.5.2), and the largest that is followed.
inline constexpr std::uint32_t usual_table_bytes = 4096;
inline constexpr std::uint32_t most_table_bytes = 65'536;

// The bytes of the longest integer that is taken. So much more than the longest field may be asked for at once.
inline constexpr std::size_t longest_hpack_integer = 6;

struct HeaderField {
    std::string_view name;
    std::string_view value;
    std::uint16_t* note = nullptr;  // the reader's, kept with the name for as long as the table has it; 0 at first
};

// The tables of all connections of a worker. One thread.
class HpackMemory {
  public:
    // `longest_field` in bytes, as coded.
    HpackMemory(std::size_t tables, std::size_t large_tables, std::size_t longest_field);

    [[nodiscard]] std::size_t mapped_bytes() const noexcept;

  private:
    friend class HpackDecoder;

    BlockPool usual_;
    BlockPool large_;
    std::size_t longest_field_;
    Mapping scratch_;                               // where strings are decoded: a name, then a value
    std::array<std::uint16_t, 62> static_notes_{};  // by index; that of 0 is for names that no table has
};

// Plain data, so that a connection in zeroed memory can hold it; open() begins it, close() gives its table back.
class HpackDecoder {
  public:
    enum class Found : std::uint8_t {
        field,
        end,        // of the bytes, between two fields
        need_more,  // the next field isn't whole: Step::needed bytes of it are looked for
        malformed,  // no decoder goes on from here (section 2.3.3 and elsewhere)
        too_large,  // the next field is longer than can be kept: this and further calls pass over it
        lost,       // the same, and nobody knows whether the table has it now
        no_memory,  // no larger table is left
    };
    struct Step {
        Found found;
        std::size_t used = 0;    // of the bytes
        std::size_t needed = 0;  // with need_more: at least so many bytes, from the end of the used ones
        HeaderField field{};     // with field
    };

    // False when all tables are taken.
    [[nodiscard]] bool open(HpackMemory& memory) noexcept;
    void close(HpackMemory& memory) noexcept;

    // The decoder that the bytes are meant for said how large the table may be: SETTINGS_HEADER_TABLE_SIZE.
    void allow(std::uint32_t table_bytes) noexcept;

    // A header block begins: only there may the table's size change (section 4.2).
    void begin_block() noexcept { at_start_ = true; }

    [[nodiscard]] Step next(Bytes block, HpackMemory& memory) noexcept;

    // Whether it is passing over a field that isn't over: a header block can't end there.
    [[nodiscard]] bool in_field() const noexcept { return passing_ != 0 || value_follows_; }

  private:
    struct Entry {
        std::uint32_t at;  // in the text, counted from the first byte ever entered
        std::uint16_t name_size;
        std::uint16_t value_size;
        std::uint16_t note;
    };
    struct Reader;

    [[nodiscard]] Step pass_over(const Reader& reader, std::size_t rest_size, bool enter) noexcept;
    [[nodiscard]] bool go_on_passing(Reader& reader) noexcept;
    [[nodiscard]] bool set_size(std::uint32_t bytes, HpackMemory& memory) noexcept;
    [[nodiscard]] bool look_up(std::uint32_t index, HpackMemory& memory, HeaderField& field) const noexcept;
    // Enters the field, whose name is that of `name_index`, if that isn't 0. The field is the entered copy then.
    void insert(std::uint32_t name_index, HeaderField& field) noexcept;
    void evict(std::uint32_t most_bytes) noexcept;

    [[nodiscard]] std::uint32_t capacity() const noexcept;
    [[nodiscard]] Entry* entries() const noexcept { return reinterpret_cast<Entry*>(memory_->data()); }
    [[nodiscard]] char* text_at(std::uint32_t at) const noexcept {
        return reinterpret_cast<char*>(entries() + most_entries(capacity())) + (at - text_base_);
    }
    [[nodiscard]] HeaderField field_of(Entry& entry) const noexcept;
    // The i-th oldest.
    [[nodiscard]] Entry& entry(std::uint32_t i) const noexcept {
        return entries()[(first_ + i) & (most_entries(capacity()) - 1)];  // a power of two
    }
    [[nodiscard]] static constexpr std::uint32_t most_entries(std::uint32_t table_bytes) noexcept {
        return table_bytes / entry_overhead;
    }

    static constexpr std::uint32_t entry_overhead = 32;  // section 4.1
    friend class HpackMemory;

    Block* memory_;  // a ring of entries, then their text
    std::uint32_t allowed_;
    std::uint32_t max_size_;  // as the encoder set it
    std::uint32_t size_;      // as section 4.1 counts
    std::uint32_t first_;     // the oldest entry's place in the ring
    std::uint32_t count_;
    std::uint32_t text_base_;  // the first byte that is still there, counted as Entry::at
    std::uint32_t text_end_;
    std::uint32_t passing_;  // bytes to come of a string that is passed over
    bool value_follows_;     // it was a name
    bool at_start_;
};

}  // namespace rebuilder::http
