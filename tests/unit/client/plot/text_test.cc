// SPDX-License-Identifier: Apache-2.0
// Any bytes become text that XML takes, and long texts are cut between characters.
#include "client/plot/text.h"

#include <gtest/gtest.h>

namespace hebb::plot {
namespace {

TEST(EscapeXmlTest, ReplacesWhatXmlGivesAMeaning) {
  EXPECT_EQ(EscapeXml("a < b && c > \"d\" 'e'"),
            "a &lt; b &amp;&amp; c &gt; &quot;d&quot; &#39;e&#39;");
  EXPECT_EQ(EscapeXml("&lt;"), "&amp;lt;");
  EXPECT_EQ(EscapeXml("η_R = µ 漢 😀\n"), "η_R = µ 漢 😀\n");
}

TEST(EscapeXmlTest, ReplacesWhatIsNoXmlCharacter) {
  EXPECT_EQ(EscapeXml(std::string("a\0\x1b z", 5)), "a\uFFFD\uFFFD z");
  EXPECT_EQ(EscapeXml("\xff|\xc3|\xc0\x80|\xed\xa0\x80"),
            "\uFFFD|\uFFFD|\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD")
      << "stray, cut off, overlong, a surrogate";
  EXPECT_EQ(EscapeXml("\xef\xbf\xbe"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(EscapeXml("\xe2\x82"), "\uFFFD\uFFFD");
}

TEST(ShortenedTest, CutsBetweenCharacters) {
  EXPECT_EQ(TextLength("µm"), 2);
  EXPECT_EQ(Shortened("µµµ", 3), "µµµ");
  EXPECT_EQ(Shortened("µµµµ", 3), "µµ…");
  EXPECT_EQ(Shortened("abc", 1), "…");
  EXPECT_EQ(Shortened("", 1), "");
}

}  // namespace
}  // namespace hebb::plot
