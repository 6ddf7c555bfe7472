// SPDX-License-Identifier: Apache-2.0
// What is known of the terminal behind standard output or standard error, stream by stream: either
// may be a file or a pipe while the other is read by a person.
#ifndef HEBB_CLIENT_TERMINAL_H_
#define HEBB_CLIENT_TERMINAL_H_

#include <string>

namespace hebb::client {

enum class ColourMode { kAuto, kAlways, kNever };

// The rule of docs/client.md. `no_color` and `term` are the variables' values, "" when unset.
// A dumb terminal, or one without a name, has no colour.
bool WantsColour(ColourMode mode, bool is_terminal, const std::string& no_color,
                 const std::string& term);

// One stream. Asked anew at each call, since windows change their size. Thread-safe.
class Terminal {
 public:
  explicit Terminal(int descriptor) : descriptor_(descriptor) {}

  // Whether lines can be drawn over: a terminal that is not dumb.
  bool CanRedraw() const;
  // Columns; 0 when the stream is no terminal, 80 when the terminal does not know.
  int Width() const;
  bool Colour(ColourMode mode) const;

 private:
  bool IsTerminal() const;

  const int descriptor_;
};

// Colours by meaning.
enum class Tone { kPlain, kGood, kBad, kActive, kFaint };

// `text` between the escape sequences of its tone; as it is when it is plain or empty.
std::string Painted(Tone tone, const std::string& text);

}  // namespace hebb::client

#endif  // HEBB_CLIENT_TERMINAL_H_
