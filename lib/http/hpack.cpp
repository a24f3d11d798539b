// SPDX-License-Identifier: Apache-2.0
#include "http/hpack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "http/huffman.h"

namespace rebuilder::http {
namespace {

// RFC 7541, appendix A.
constexpr auto static_table = std::to_array<HeaderField>({
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
});

// The text is appended to, and what is left of it moved to the front when it has come so far: twice the table's size,
// so a byte is moved once at most for each that is entered.
constexpr std::uint32_t text_bytes(std::uint32_t table_bytes) noexcept {
    return 2 * table_bytes;
}

constexpr std::size_t table_block_bytes(std::uint32_t table_bytes) noexcept {
    constexpr std::size_t entry_bytes = 12, entry_overhead = 32;
    const std::size_t bytes = table_bytes / entry_overhead * entry_bytes + text_bytes(table_bytes);
    return (sizeof(Block) + bytes + 63) / 64 * 64;
}

}  // namespace

// ---- memory ----------------------------------------------------------------------------------------------

HpackMemory::HpackMemory(std::size_t tables, std::size_t large_tables, std::size_t longest_field)
    : usual_(table_block_bytes(usual_table_bytes), tables)
    , large_(table_block_bytes(most_table_bytes), large_tables)
    , longest_field_(longest_field)
    , scratch_(2 * most_huffman_decoded(longest_field)) {}

std::size_t HpackMemory::mapped_bytes() const noexcept {
    return usual_.total() * table_block_bytes(usual_table_bytes) +
           large_.total() * table_block_bytes(most_table_bytes) + scratch_.size();
}

bool HpackDecoder::open(HpackMemory& memory) noexcept {
    *this = {};
    static_assert(sizeof(Entry) == 12);
    memory_ = memory.usual_.take();
    allowed_ = most_table_bytes;
    max_size_ = usual_table_bytes;
    return memory_ != nullptr;
}

void HpackDecoder::close(HpackMemory& memory) noexcept {
    if (memory_ == nullptr) return;
    (capacity() == usual_table_bytes ? memory.usual_ : memory.large_).give(memory_);
    memory_ = nullptr;
}

std::uint32_t HpackDecoder::capacity() const noexcept {
    constexpr auto usual_bytes = static_cast<std::uint32_t>(table_block_bytes(usual_table_bytes) - sizeof(Block));
    return memory_->capacity == usual_bytes ? usual_table_bytes : most_table_bytes;
}

// ---- the dynamic table (section 4) ------------------------------------------------------------------------

void HpackDecoder::allow(std::uint32_t table_bytes) noexcept {
    allowed_ = std::min(table_bytes, most_table_bytes);
}

bool HpackDecoder::set_size(std::uint32_t bytes, HpackMemory& memory) noexcept {
    evict(bytes);
    max_size_ = bytes;
    const bool large = bytes > usual_table_bytes;
    if (large == (capacity() != usual_table_bytes)) return true;
    // It changes its block, too. What is in it fits either.
    HpackDecoder moved{};
    moved.memory_ = (large ? memory.large_ : memory.usual_).take();
    if (moved.memory_ == nullptr) return !large;  // then the large one is kept
    moved.allowed_ = allowed_;
    moved.max_size_ = max_size_;
    moved.at_start_ = at_start_;
    for (std::uint32_t i = 0; i < count_; ++i) {
        HeaderField field = field_of(entry(i));
        moved.insert(0, field);
    }
    close(memory);
    *this = moved;
    return true;
}

HeaderField HpackDecoder::field_of(Entry& entry) const noexcept {
    const char* at = text_at(entry.at);
    return {{at, entry.name_size}, {at + entry.name_size, entry.value_size}, &entry.note};
}

bool HpackDecoder::look_up(std::uint32_t index, HpackMemory& memory, HeaderField& field) const noexcept {
    if (index - 1 < static_table.size()) {
        field = static_table[index - 1];
        field.note = &memory.static_notes_[index];
        return true;
    }
    const std::uint32_t age = index - 1 - static_cast<std::uint32_t>(static_table.size());  // 0: the newest
    if (index == 0 || age >= count_) return false;
    field = field_of(entry(count_ - 1 - age));
    return true;
}

void HpackDecoder::evict(std::uint32_t most_bytes) noexcept {
    while (size_ > most_bytes) {
        const Entry& oldest = entry(0);
        size_ -= entry_overhead + oldest.name_size + oldest.value_size;
        first_ = (first_ + 1) & (most_entries(capacity()) - 1);
        --count_;
    }
}

void HpackDecoder::insert(std::uint32_t name_index, HeaderField& field) noexcept {
    const std::size_t bytes = entry_overhead + field.name.size() + field.value.size();
    if (bytes > max_size_) return evict(0);  // no error (section 4.4)
    const auto name_size = static_cast<std::uint32_t>(field.name.size());
    const auto value_size = static_cast<std::uint32_t>(field.value.size());
    const std::uint16_t note = *field.note;
    if (text_end_ - text_base_ + name_size + value_size > text_bytes(max_size_)) {
        const std::uint32_t oldest = count_ != 0 ? entry(0).at : text_end_;
        std::memmove(text_at(text_base_), text_at(oldest), text_end_ - oldest);
        text_base_ = oldest;
        if (name_index > static_table.size()) {  // the name has moved, too
            field.name = field_of(entry(count_ - (name_index - static_cast<std::uint32_t>(static_table.size())))).name;
        }
    }
    // The name may be an entry's that goes now (section 4.4), so it is copied first.
    char* const to = text_at(text_end_);
    std::memcpy(to, field.name.data(), name_size);
    std::memcpy(to + name_size, field.value.data(), value_size);
    evict(max_size_ - static_cast<std::uint32_t>(bytes));
    Entry& entered = entry(count_);
    entered = {text_end_, static_cast<std::uint16_t>(name_size), static_cast<std::uint16_t>(value_size), note};
    ++count_;
    size_ += static_cast<std::uint32_t>(bytes);
    text_end_ += name_size + value_size;
    field = field_of(entered);
}

// ---- the representations (sections 5 and 6) ---------------------------------------------------------------

// Reads one representation. When something is missing or wrong, `failure` says so and all further reads fail.
struct HpackDecoder::Reader {
    const std::uint8_t* block;
    const std::uint8_t* begin;  // of the representation
    const std::uint8_t* at;
    const std::uint8_t* end;
    Step failure{Found::field};
    std::uint32_t long_string = 0;         // with Found::too_large: the bytes of the string that is behind `at`,
    std::size_t least_of_long_string = 0;  // and the fewest that it stands for

    [[nodiscard]] bool fail(Found found, std::size_t needed = 0) noexcept {
        failure = {found, 0, needed};
        return false;
    }

    // An integer with a prefix of the low `bits` of the next byte (section 5.1).
    [[nodiscard]] bool integer(unsigned bits, std::uint32_t& value) noexcept {
        const auto here = static_cast<std::size_t>(at - begin);
        if (at == end) return fail(Found::need_more, here + 1);
        const std::uint8_t mask = static_cast<std::uint8_t>((1u << bits) - 1);
        value = *at++ & mask;
        if (value != mask) return true;
        std::uint64_t sum = value;
        constexpr unsigned most_shift = 28;
        for (unsigned shift = 0; shift <= most_shift; shift += 7) {
            if (at == end) return fail(Found::need_more, here + 2 + shift / 7);
            const std::uint8_t byte = *at++;
            sum += std::uint64_t{byte & 0x7fu} << shift;
            if ((byte & 0x80) != 0) continue;
            value = static_cast<std::uint32_t>(sum);
            return sum <= UINT32_MAX || fail(Found::malformed);
        }
        return fail(Found::malformed);
    }

    // A string (section 5.2): where it lies, or decoded to `scratch`. With it the field has at most `longest` bytes.
    [[nodiscard]] bool string(std::string_view& text, std::size_t longest, char* scratch) noexcept {
        const bool coded = at != end && (*at & 0x80) != 0;
        std::uint32_t size = 0;
        if (!integer(7, size)) return false;
        // All of the field counts, which has to be kept while it comes: so it doesn't matter how that was cut.
        if (static_cast<std::size_t>(at - begin) + size > longest) {
            long_string = size;
            least_of_long_string = coded ? least_huffman_decoded(size) : size;
            return fail(Found::too_large);
        }
        if (size > static_cast<std::size_t>(end - at)) {
            return fail(Found::need_more, static_cast<std::size_t>(at - begin) + size);
        }
        const Bytes bytes(at, size);
        at += size;
        text = as_text(bytes);
        if (!coded) return true;
        const std::optional<std::size_t> decoded = huffman_decode(bytes, scratch);
        if (!decoded) return fail(Found::malformed);
        text = {scratch, *decoded};
        return true;
    }
};

// From the long string on, which is a name if `value_follows_`. The rest of the field has `rest_size` bytes at least.
HpackDecoder::Step HpackDecoder::pass_over(const Reader& reader, std::size_t rest_size, bool enter) noexcept {
    if (enter) {
        if (entry_overhead + rest_size + reader.least_of_long_string <= max_size_) return {Found::lost};
        evict(0);  // as an entry that is larger than the table does (section 4.4)
    }
    passing_ = reader.long_string;
    return {Found::too_large, static_cast<std::size_t>(reader.at - reader.block)};
}

bool HpackDecoder::go_on_passing(Reader& reader) noexcept {
    for (;;) {
        const auto size = std::min<std::size_t>(passing_, static_cast<std::size_t>(reader.end - reader.at));
        passing_ -= static_cast<std::uint32_t>(size);
        reader.begin = reader.at += size;
        if (passing_ != 0 || !value_follows_ || reader.at == reader.end) return true;
        std::uint32_t value_size = 0;
        if (!reader.integer(7, value_size)) return false;
        passing_ = value_size;
        value_follows_ = false;
    }
}

HpackDecoder::Step HpackDecoder::next(Bytes block, HpackMemory& memory) noexcept {
    Reader reader{block.data(), block.data(), block.data(), block.data() + block.size()};
    const auto used = [&] { return static_cast<std::size_t>(reader.at - block.data()); };
    const auto give_up = [&] {
        reader.failure.used = static_cast<std::size_t>(reader.begin - block.data());
        return reader.failure;
    };
    if (in_field() && !go_on_passing(reader)) return give_up();
    while (reader.at != reader.end && (*reader.at & 0xe0) == 0x20) {  // size updates (section 6.3)
        std::uint32_t bytes = 0;
        if (!reader.integer(5, bytes)) return give_up();
        if (!at_start_ || bytes > allowed_) return {Found::malformed};
        if (!set_size(bytes, memory)) return {Found::no_memory};
        reader.begin = reader.at;
    }
    if (reader.at == reader.end) return {Found::end, used()};

    const std::uint8_t first = *reader.at;
    Step step{Found::field};
    std::uint32_t index = 0;
    at_start_ = false;
    if ((first & 0x80) != 0) {  // indexed (section 6.1)
        if (!reader.integer(7, index)) return give_up();
        if (!look_up(index, memory, step.field)) return {Found::malformed};
        step.used = used();
        return step;
    }
    // A literal, entered into the table or not (section 6.2).
    const bool enter = (first & 0x40) != 0;
    char* const scratch = reinterpret_cast<char*>(memory.scratch_.data());
    if (!reader.integer(enter ? 6 : 4, index)) return give_up();
    if (index != 0) {
        if (!look_up(index, memory, step.field)) return {Found::malformed};
    } else {
        step.field.note = &memory.static_notes_[0];
        *step.field.note = 0;
        if (!reader.string(step.field.name, memory.longest_field_, scratch)) {
            value_follows_ = reader.failure.found == Found::too_large;
            return value_follows_ ? pass_over(reader, 0, enter) : give_up();
        }
    }
    char* const behind = scratch + memory.scratch_.size() / 2;
    if (!reader.string(step.field.value, memory.longest_field_, behind)) {
        const bool too_large = reader.failure.found == Found::too_large;
        return too_large ? pass_over(reader, step.field.name.size(), enter) : give_up();
    }
    if (enter) insert(index, step.field);
    step.used = used();
    return step;
}

}  // namespace rebuilder::http
