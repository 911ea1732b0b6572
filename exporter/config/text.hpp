// Text from outside: is it UTF-8, can it be shown on one line, what was probably meant.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rpoguard::config {

/// Short, and of letters, digits, blanks and . _ : + - [ ] only: what stands where a word, a number
/// or an address is expected. Anything else may be a secret in the wrong place; messages do not
/// repeat it.
bool is_plain_word(std::string_view text);

/// Something that must not be in a configuration file, and where.
struct Blemish {
  std::size_t offset;
  std::string_view problem;
};
/// The first byte that is not UTF-8, control character, stray carriage return or tab in an
/// indentation. yaml-cpp takes some of them for the end of the file and miscounts lines at others.
std::optional<Blemish> find_blemish(std::string_view text);

/// UTF-8 without control, invisible or direction-changing characters and without any white space
/// but U+0020.
bool is_printable(std::string_view text);

/// `text` with `id` in place of every "{shard}".
std::string replace_shard(std::string_view text, std::string_view id);

/// For messages: at most 64 bytes on one line, everything unprintable replaced by '?'.
std::string render_excerpt(std::string_view text);

/// The candidate nearest to `word`, if it is near enough to be a slip of the keyboard; else empty.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace rpoguard::config
