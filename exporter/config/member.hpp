// Which member of a specification a key sets, and how a value gets into it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <variant>
#include <vector>

#include "exporter/base/check.hpp"
#include "exporter/core/model/spec.hpp"
#include "exporter/core/model/units.hpp"

namespace rpoguard::config {

/// A duration, or the word that stands for none (Range::or_word "off").
using MaybeDuration = std::optional<core::Duration>;

/// Which alternative a key yields: address ListenSpec; boolean bool; duration MaybeDuration;
/// integer std::int64_t; number double; every kind of list the vector; all others the text.
using Value = std::variant<std::string, bool, std::int64_t, double, MaybeDuration, core::ListenSpec,
                           std::vector<std::string>>;

/// The words of a choice. Those of an enumeration stand in the order of its enumerators, which
/// start at 0.
using Words = std::vector<std::string_view>;

/// The words of all enumerators of one enumeration, as core spells them.
template <typename... Enum>
Words words_of(Enum... all) {
  return {core::name_of(all)...};
}

/// The value as a member of type T has it. REQUIRES: the key yields the alternative that belongs to
/// T, and a word is one of `words`.
template <typename T>
T value_as(const Value& value, const Words& words) {
  if constexpr (std::is_enum_v<T>) {
    const auto& word = std::get<std::string>(value);
    std::size_t index = 0;
    while (index < words.size() && words[index] != word) ++index;
    const T found = static_cast<T>(index);
    RPOGUARD_CHECK(index < words.size() && core::name_of(found) == word);
    return found;
  } else if constexpr (std::is_same_v<T, core::Duration>) {
    const auto& duration = std::get<MaybeDuration>(value);
    RPOGUARD_CHECK(duration.has_value());
    return *duration;
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    return static_cast<T>(std::get<std::int64_t>(value));
  } else {
    return std::get<T>(value);
  }
}
/// Unset when the host is empty.
template <>
std::optional<core::ListenSpec> value_as(const Value& value, const Words& words);
template <>
std::vector<core::EventKind> value_as(const Value& value, const Words& words);
/// From a list of NAME=VALUE.
template <>
std::map<std::string, std::string> value_as(const Value& value, const Words& words);

/// What a pointer to a member leads to.
template <typename Pointer>
struct Pointed;
template <typename Whole, typename Part>
struct Pointed<Part Whole::*> {
  using Owner = Whole;
  using Type = Part;
};

/// What a step of a Path leads into; a group that may be absent comes into being.
template <typename T>
T& entered(T& group) {
  return group;
}
template <typename T>
T& entered(std::optional<T>& group) {
  return group ? *group : group.emplace();
}

/// Names one member: Path<&ShardSpec::gate, &GateSpec::mode> is that of a ShardSpec.
template <auto First, auto... Rest>
struct Path {
  using Owner = typename Pointed<decltype(First)>::Owner;
  using Type = typename Path<Rest...>::Type;
  static Type& in(Owner& owner) { return Path<Rest...>::in(entered(owner.*First)); }
};
template <auto Last>
struct Path<Last> {
  using Owner = typename Pointed<decltype(Last)>::Owner;
  using Type = typename Pointed<decltype(Last)>::Type;
  static Type& in(Owner& owner) { return owner.*Last; }
};

/// One alternative for each kind of specification that keys fill.
template <template <typename> typename Of>
using PerOwner = std::variant<std::monostate, Of<core::Spec>, Of<core::ShardSpec>,
                              Of<core::NodeSpec>, Of<core::ConnectSpec>, Of<core::HookSpec>>;
template <typename Owner>
using Setter = void (*)(Owner&, const Value&, const Words&);
/// `whole` has the keys of the program as a whole.
template <typename Owner>
using Deriver = void (*)(Owner&, const core::Spec& whole);

/// The member that belongs to a key. Without a setter somebody else reads the key into it.
struct Target {
  std::type_index path = typeid(void);
  PerOwner<Setter> set{};
};

/// The member of which the setter reads the key's value into.
template <auto... Steps>
Target member() {
  using P = Path<Steps...>;
  const Setter<typename P::Owner> set = [](typename P::Owner& owner, const Value& value,
                                           const Words& words) {
    P::in(owner) = value_as<typename P::Type>(value, words);
  };
  return {.path = typeid(P), .set = set};
}

/// The member, without a setter.
template <auto... Steps>
Target member_read_apart() {
  return {.path = typeid(Path<Steps...>)};
}

}  // namespace rpoguard::config
