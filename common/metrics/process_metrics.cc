// SPDX-License-Identifier: Apache-2.0
#include "common/metrics/process_metrics.h"

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>

#include "absl/strings/string_view.h"
#include "common/metrics/families.h"

namespace hebb::metrics {
namespace {

using prometheus::MetricFamily;

void Add(std::vector<MetricFamily>& families, absl::string_view name, double value) {
  AddSeries(families.emplace_back(MakeFamily(name)), {}, value);
}

// Of /proc/self/stat (proc(5)), in clock ticks and pages.
struct Stat {
  double user = 0, system = 0, started_after_boot = 0, resident_pages = 0;
};

std::optional<Stat> ReadStat() {
  std::ifstream file("/proc/self/stat");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  const size_t end = text.rfind(')');  // of the program's name, which may hold anything
  if (end == std::string::npos) return std::nullopt;
  std::istringstream rest(text.substr(end + 1));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
  constexpr size_t kUser = 11, kSystem = 12, kStart = 19, kResident = 21;
  if (fields.size() <= kResident) return std::nullopt;
  return Stat{std::stod(fields[kUser]), std::stod(fields[kSystem]), std::stod(fields[kStart]),
              std::stod(fields[kResident])};
}

std::optional<double> BootTime() {
  std::ifstream file("/proc/stat");
  for (std::string word; file >> word;) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return std::nullopt;
}

void AddProcess(std::vector<MetricFamily>& families) {
  const std::optional<Stat> stat = ReadStat();
  if (!stat) return;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  Add(families, "process_cpu_seconds_total", (stat->user + stat->system) / ticks);
  Add(families, "process_resident_memory_bytes",
      stat->resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE)));
  if (const std::optional<double> boot = BootTime()) {
    Add(families, "process_start_time_seconds", *boot + stat->started_after_boot / ticks);
  }
}

void AddFiles(std::vector<MetricFamily>& families) {
  std::error_code error;
  const std::filesystem::directory_iterator open("/proc/self/fd", error);
  if (!error) {
    const auto count = std::distance(std::filesystem::begin(open), std::filesystem::end(open));
    // Not the one of this look.
    Add(families, "process_open_fds", static_cast<double>(std::max<std::ptrdiff_t>(count - 1, 0)));
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    Add(families, "process_max_fds", static_cast<double>(limit.rlim_cur));
  }
}

void AddDisk(const std::string& folder, std::vector<MetricFamily>& families) {
  struct statvfs disk = {};
  if (statvfs(folder.c_str(), &disk) != 0) return;
  const auto block = static_cast<double>(disk.f_frsize);
  Add(families, "hebb_disk_free_bytes", block * static_cast<double>(disk.f_bavail));
  Add(families, "hebb_disk_size_bytes", block * static_cast<double>(disk.f_blocks));
}

}  // namespace

std::vector<MetricFamily> ProcessMetrics::Collect() const {
  std::vector<MetricFamily> families;
  AddProcess(families);
  AddFiles(families);
  AddDisk(folder_, families);
  return families;
}

}  // namespace hebb::metrics
