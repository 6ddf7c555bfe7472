// SPDX-License-Identifier: Apache-2.0
#include "client/plot/chart.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/plot/axis.h"
#include "client/plot/legend.h"
#include "client/plot/style.h"
#include "client/plot/text.h"

namespace hebb::plot {
namespace {

constexpr double kLargest = 1e300;  // as LinearAxis and LogAxis require
constexpr double kLetter = 6.8;     // the usual width of a letter at 12 px
constexpr size_t kMostMarked = 25;  // points of a series whose points are marked
constexpr int kTop = 40;
constexpr int kRight = 18;
constexpr int kBelow = 46;  // tick labels and the axis's label

bool Shows(const Chart& chart, double y) {
  return std::abs(y) <= kLargest && (chart.y_scale == Scale::kLinear || y >= 1 / kLargest);
}

bool Shows(const Chart& chart, const Point& point) {
  return std::abs(point.x) <= kLargest && Shows(chart, point.y);
}

// A band's lower end may lie below a logarithmic axis: it then reaches to the bottom.
bool ShowsBand(const Chart& chart, const Point& point) {
  return Shows(chart, point) && point.band.has_value() && std::abs(point.band->low) <= kLargest &&
         Shows(chart, point.band->high);
}

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;

  void Include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  bool empty() const { return low > high; }
};

std::pair<Range, Range> RangesOf(const Chart& chart) {
  std::pair<Range, Range> ranges;
  for (const Series& series : chart.series) {
    for (const Point& point : series.points) {
      if (!Shows(chart, point)) continue;
      ranges.first.Include(point.x);
      ranges.second.Include(point.y);
      if (!ShowsBand(chart, point)) continue;
      ranges.second.Include(point.band->high);
      if (Shows(chart, point.band->low)) ranges.second.Include(point.band->low);
    }
  }
  return ranges;
}

// The area of the axes, in pixels.
struct Area {
  double left = 0;
  double right = 0;
  double top = 0;
  double bottom = 0;
};

class Drawing {
 public:
  explicit Drawing(const Chart& chart)
      : chart_(chart), width_(std::max(chart.width, 320)), height_(std::max(chart.height, 200)) {
    auto [x, y] = RangesOf(chart);
    empty_ = x.empty();
    if (empty_) x = y = {.low = chart.y_scale == Scale::kLog ? 0.1 : 0, .high = 1};
    const int y_ticks = std::max(3, (height_ - kTop - kBelow) / 50);
    y_ = chart.y_scale == Scale::kLog ? LogAxis(y.low, y.high, y_ticks)
                                      : LinearAxis(y.low, y.high, y_ticks, true);
    area_ = {.left = 34 + kLetter * LongestLabel(y_),
             .right = static_cast<double>(width_ - kRight),
             .top = kTop,
             .bottom = static_cast<double>(height_ - kBelow)};
    const int x_ticks = std::max(3, static_cast<int>((area_.right - area_.left) / 80));
    x_ = LinearAxis(x.low, x.high, x_ticks, false);
  }

  int width() const { return width_; }
  int height() const { return height_ + Legend(LegendTexts(), width_).height(); }

  // All within the root element, or within another that moves it to its place.
  std::string Draw() const {
    const Legend legend(LegendTexts(), width_);
    std::string svg = Frame();
    for (size_t i = 0; i < chart_.series.size(); ++i) {
      absl::StrAppend(&svg, Bands(static_cast<int>(i)));
    }
    for (size_t i = 0; i < chart_.series.size(); ++i) {
      absl::StrAppend(&svg, Line(static_cast<int>(i)));
    }
    return absl::StrCat(svg, legend.Draw(height_));
  }

  std::string Description() const {
    if (!chart_.description.empty()) return chart_.description;
    std::string text =
        absl::StrCat("Line chart of ", chart_.y_label.empty() ? "y" : chart_.y_label,
                     chart_.y_scale == Scale::kLog ? " on a logarithmic scale" : "", " against ",
                     chart_.x_label.empty() ? "x" : chart_.x_label, ".");
    for (const Series& series : chart_.series) {
      const auto last = std::find_if(series.points.rbegin(), series.points.rend(),
                                     [this](const Point& point) { return Shows(chart_, point); });
      absl::StrAppend(&text, " ", series.name, ": ");
      if (last == series.points.rend()) {
        absl::StrAppend(&text, "no data.");
      } else {
        absl::StrAppendFormat(&text, "%.3g at %.4g.", last->y, last->x);
      }
    }
    return text;
  }

 private:
  static int LongestLabel(const Axis& axis) {
    int longest = 0;
    for (const Tick& tick : axis.ticks) longest = std::max(longest, TextLength(tick.label));
    return longest;
  }

  std::string X(double value) const {
    return Pixels(area_.left + x_.Fraction(value) * (area_.right - area_.left));
  }
  std::string Y(double value) const {
    return Pixels(area_.bottom - y_.Fraction(value) * (area_.bottom - area_.top));
  }
  static std::string Pixels(double value) { return absl::StrFormat("%.1f", value); }

  bool HasPoints(const Series& series) const {
    return std::any_of(series.points.begin(), series.points.end(),
                       [this](const Point& point) { return Shows(chart_, point); });
  }

  std::vector<std::string> LegendTexts() const {
    std::vector<std::string> texts;
    for (const Series& series : chart_.series) {
      texts.push_back(HasPoints(series) ? series.name : absl::StrCat(series.name, " (no data)"));
    }
    return texts;
  }

  std::string Label(const std::string& attributes, const std::string& text, double room) const {
    const int most = std::max(1, static_cast<int>(room / kLetter));
    return absl::StrCat("<text ", attributes, ">", EscapeXml(Shortened(text, most)), "</text>\n");
  }

  // The grid, the frame with its labels, and the title.
  std::string Frame() const {
    std::string svg;
    const std::string left = Pixels(area_.left), right = Pixels(area_.right);
    const std::string top = Pixels(area_.top), bottom = Pixels(area_.bottom);
    for (const Tick& tick : y_.ticks) {
      const std::string y = Y(tick.value);
      absl::StrAppendFormat(&svg, "<path class=\"grid\" d=\"M%s %sH%s\"/>", left, y, right);
      absl::StrAppendFormat(&svg,
                            "<text x=\"%s\" y=\"%s\" dy=\".35em\" text-anchor=\"end\">%s</text>\n",
                            Pixels(area_.left - 6), y, tick.label);
    }
    for (const Tick& tick : x_.ticks) {
      const std::string x = X(tick.value);
      absl::StrAppendFormat(&svg, "<path class=\"grid\" d=\"M%s %sV%s\"/>", x, top, bottom);
      absl::StrAppendFormat(&svg, "<text x=\"%s\" y=\"%s\" text-anchor=\"middle\">%s</text>\n", x,
                            Pixels(area_.bottom + 17), tick.label);
    }
    absl::StrAppendFormat(&svg, "<path class=\"frame\" d=\"M%s %sV%sH%s\"/>\n", left, top, bottom,
                          right);
    const double middle = (area_.left + area_.right) / 2;
    const double centre = (area_.top + area_.bottom) / 2;
    absl::StrAppend(
        &svg,
        Label(absl::StrFormat("class=\"name\" x=\"%s\" y=\"24\"", left), chart_.title,
              (area_.right - area_.left) / 1.3),
        Label(absl::StrFormat("x=\"%.1f\" y=\"%d\" text-anchor=\"middle\"", middle, height_ - 10),
              chart_.x_label, area_.right - area_.left),
        Label(absl::StrFormat("transform=\"translate(16 %.1f) rotate(-90)\" "
                              "text-anchor=\"middle\"",
                              centre),
              chart_.y_label, area_.bottom - area_.top));
    if (empty_) {
      absl::StrAppendFormat(&svg,
                            "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">no data"
                            "</text>\n",
                            middle, centre);
    }
    return svg;
  }

  // The maximal runs of points that `shown` holds for.
  template <typename Shown>
  static std::vector<std::vector<Point>> Runs(const Series& series, Shown shown) {
    std::vector<std::vector<Point>> runs;
    bool open = false;
    for (const Point& point : series.points) {
      const bool shows = shown(point);
      if (shows && !open) runs.emplace_back();
      if (shows) runs.back().push_back(point);
      open = shows;
    }
    return runs;
  }

  std::string Bands(int index) const {
    std::string svg;
    const auto shown = [this](const Point& point) { return ShowsBand(chart_, point); };
    for (const std::vector<Point>& run : Runs(chart_.series[index], shown)) {
      std::string path;
      if (run.size() == 1) {  // an area without width would not be seen
        path = absl::StrCat("M", X(run[0].x), " ", Y(run[0].band->low), "V", Y(run[0].band->high));
        absl::StrAppendFormat(&svg, "<path class=\"%s\" d=\"%s\"/>\n", ColourClass(index), path);
        continue;
      }
      for (const Point& point : run) {
        absl::StrAppend(&path, path.empty() ? "M" : "L", X(point.x), " ", Y(point.band->high));
      }
      for (auto point = run.rbegin(); point != run.rend(); ++point) {
        absl::StrAppend(&path, "L", X(point->x), " ", Y(point->band->low));
      }
      absl::StrAppendFormat(&svg, "<path class=\"%s band\" d=\"%sZ\"/>\n", ColourClass(index),
                            path);
    }
    return svg;
  }

  std::string Line(int index) const {
    std::string path, marks;
    const Series& series = chart_.series[index];
    const bool marked = series.points.size() <= kMostMarked;
    const auto shown = [this](const Point& point) { return Shows(chart_, point); };
    for (const std::vector<Point>& run : Runs(series, shown)) {
      std::string last;
      for (const Point& point : run) {
        const std::string at = absl::StrCat(X(point.x), " ", Y(point.y));
        if (at != last) absl::StrAppend(&path, last.empty() ? "M" : "L", at);
        last = at;
        if (!marked && run.size() > 1) continue;
        absl::StrAppendFormat(&marks, "<circle class=\"%s mark\" cx=\"%s\" cy=\"%s\" r=\"3\"/>\n",
                              ColourClass(index), X(point.x), Y(point.y));
      }
    }
    if (path.empty()) return "";
    return absl::StrCat("<path class=\"", ColourClass(index), " line\"", DashAttribute(index),
                        " d=\"", path, "\"/>\n", marks);
  }

  const Chart& chart_;
  const int width_;
  const int height_;  // without the legend
  bool empty_ = false;
  Axis x_;
  Axis y_;
  Area area_;
};

// The root element, its texts and style sheet, and the background.
std::string RootStart(int width, int height, const std::string& title,
                      const std::string& description) {
  return absl::StrFormat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"%s\" role=\"img\" width=\"%d\" "
      "height=\"%d\" viewBox=\"0 0 %d %d\">\n<title>%s</title>\n<desc>%s</desc>\n"
      "<style>%s</style>\n<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n",
      kRootClass, width, height, width, height, EscapeXml(title), EscapeXml(description),
      StyleSheet(), width, height);
}

}  // namespace

std::string ToSvg(const Chart& chart) {
  const Drawing drawing(chart);
  return absl::StrCat(
      RootStart(drawing.width(), drawing.height(), chart.title, drawing.Description()),
      drawing.Draw(), "</svg>\n");
}

std::string ToSvg(const std::string& title, const std::vector<Chart>& charts) {
  std::string panels;
  int width = 0;
  int height = 0;
  for (const Chart& chart : charts) {
    const Drawing drawing(chart);
    absl::StrAppendFormat(&panels,
                          "<g transform=\"translate(0 %d)\"><title>%s</title><desc>%s</desc>\n"
                          "%s</g>\n",
                          height, EscapeXml(chart.title), EscapeXml(drawing.Description()),
                          drawing.Draw());
    width = std::max(width, drawing.width());
    height += drawing.height();
  }
  const std::string description =
      absl::StrCat(charts.size(), charts.size() == 1 ? " chart." : " charts, one below the other.");
  return absl::StrCat(RootStart(width, height, title, description), panels, "</svg>\n");
}

}  // namespace hebb::plot
