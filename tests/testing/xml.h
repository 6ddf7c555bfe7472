// SPDX-License-Identifier: Apache-2.0
// Whether a text is one well-formed XML element: tags nest, attributes are quoted and given once,
// `&` and `<` are escaped. Knows no declarations, comments or CDATA, which we do not write.
#ifndef HEBB_TESTS_TESTING_XML_H_
#define HEBB_TESTS_TESTING_XML_H_

#include <regex>
#include <set>
#include <string>
#include <vector>

namespace hebb::testing {

// Empty for a well-formed text, else what is wrong, beginning with the place.
inline std::string XmlProblem(const std::string& text) {
  static const std::regex tag("^<(/?)([A-Za-z][\\w:-]*)((\\s+[\\w:-]+=\"[^\"<]*\")*)\\s*(/?)>");
  static const std::regex attribute("([\\w:-]+)=\"");
  static const std::regex entity("^&(amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);");
  std::vector<std::string> open;
  bool closed = false;
  for (size_t at = 0; at < text.size(); ++at) {
    const auto from = text.begin() + static_cast<std::ptrdiff_t>(at);
    const std::string place = std::to_string(at) + ": " + text.substr(at, 60);
    std::smatch match;
    if (text[at] == '&') {
      if (!std::regex_search(from, text.end(), match, entity)) return "a bare & at " + place;
    }
    const bool blank = text[at] == ' ' || text[at] == '\n';
    if (text[at] != '<') {
      if (open.empty() && !blank) return "text outside the element at " + place;
      continue;
    }
    if (!std::regex_search(from, text.end(), match, tag)) return "no tag at " + place;
    if (open.empty() && closed) return "a second element at " + place;
    const std::string attributes = match[3];
    std::set<std::string> names;
    for (std::sregex_iterator a(attributes.begin(), attributes.end(), attribute), end; a != end;
         ++a) {
      if (!names.insert((*a)[1]).second) return "an attribute given twice at " + place;
    }
    for (size_t i = attributes.find('&'); i != std::string::npos; i = attributes.find('&', i + 1)) {
      const std::string rest = attributes.substr(i);
      if (!std::regex_search(rest, entity)) return "a bare & in an attribute at " + place;
    }
    if (match[1] == "/") {
      if (open.empty() || open.back() != match[2]) return "an end without its start at " + place;
      open.pop_back();
    } else if (match[5] != "/") {
      open.push_back(match[2]);
    }
    closed = open.empty();
    at += static_cast<size_t>(match.length()) - 1;
  }
  if (!closed) return open.empty() ? "no element" : open.back() + " is not closed";
  return "";
}

}  // namespace hebb::testing

#endif  // HEBB_TESTS_TESTING_XML_H_
