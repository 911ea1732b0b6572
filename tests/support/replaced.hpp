// Text with names put in the place of others.
#pragma once

#include <map>
#include <string>

namespace rpoguard::test {

/// `text` with each key of `names`, wherever it stands, replaced by its value. In the order of the
/// keys; what was put in is not searched again for the same key.
inline std::string replaced(std::string text, const std::map<std::string, std::string>& names) {
  for (const auto& [name, value] : names) {
    for (std::size_t at = text.find(name); at != std::string::npos;
         at = text.find(name, at + value.size()))
      text.replace(at, name.size(), value);
  }
  return text;
}

}  // namespace rpoguard::test
