// The repository's documents as data: blocks, headings, links, generated parts.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace rpoguard::test {

/// What stands between two fences.
struct CodeBlock {
  std::string document{};  ///< path in the repository
  std::size_t line = 0;    ///< of the opening fence, 1-based
  std::string kind{};      ///< what follows the opening fence, e.g. "sh"
  std::string text{};
  std::string place() const { return document + ":" + std::to_string(line); }
};

struct DocumentLink {
  std::size_t line = 0;
  std::string target{};  ///< as written: a relative path, an anchor, an address
};

struct Document {
  std::string path{};                   ///< in the repository
  std::vector<std::string> headings{};  ///< with their number signs
  std::vector<CodeBlock> blocks{};
  std::vector<DocumentLink> links{};  ///< outside of code
};

/// Throws std::runtime_error when the file does not exist or a fence stays open.
Document read_document(const std::string& path);

/// Paths of all Markdown files that people write, sorted.
std::vector<std::string> documents();

/// The fragment by which GitHub and GitLab reach a heading; `headings` tells repeated ones apart.
std::vector<std::string> anchors_of(const std::vector<std::string>& headings);

/// A generated part stands between "<!-- generated: NAME -->" and "<!-- end of NAME -->". It is
/// equal to `text`; with RPOGUARD_UPDATE_GOLDEN=1 it is written anew.
testing::AssertionResult is_current(const std::string& path, const std::string& name,
                                    const std::string& text);

/// The lines below this heading, down to the next one of its level or above. Empty: no such
/// heading.
std::string section_of(const std::string& path, const std::string& heading);

}  // namespace rpoguard::test
