// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/gdb_client.h"

#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace librr::benchmarks {
namespace {

constexpr char kTimed[] = R"(
python
import os, time
def cpu():
    with open('/proc/%d/stat' % server) as file:
        fields = file.read().rpartition(')')[2].split()
    ticks = int(fields[11]) + int(fields[12])  # utime and stime: proc(5)
    return time.process_time() + ticks / os.sysconf('SC_CLK_TCK')
def position():
    text = gdb.execute('monitor position', to_string=True)
    return int(text.splitlines()[0].split()[-1])
begin, cpu_before, before = position(), cpu(), time.monotonic()
gdb.execute(command)
after, cpu_after = time.monotonic(), cpu()
print('timed: %d %d %f %f' % (begin, position(), 1e3 * (after - before),
                              1e3 * (cpu_after - cpu_before)))
end
)";

}  // namespace

absl::StatusOr<GdbTiming> TimeGdbCommand(const std::string& address,
                                         const std::string& symbols,
                                         const std::vector<std::string>& before,
                                         const std::string& command) {
  const std::string path = address + ".gdb";
  {
    std::ofstream file(path);
    file << "set pagination off\nset confirm off\nset width 0\n"
         << "set debuginfod enabled off\nset sysroot /nonexistent\n"
         << "file " << symbols << "\ntarget remote " << address << "\n";
    for (const std::string& line : before) file << line << "\n";
    file << "python server, command = " << getpid() << ", '" << command << "'"
         << kTimed;
  }
  std::FILE* pipe = popen(
      absl::StrCat("gdb -nx -q -batch -x '", path, "' 2>&1 </dev/null").c_str(),
      "r");
  if (pipe == nullptr) return absl::UnavailableError("cannot start gdb");
  GdbTiming timing;
  char buffer[4096];
  while (const size_t size = std::fread(buffer, 1, sizeof(buffer), pipe)) {
    timing.output.append(buffer, size);
  }
  pclose(pipe);
  unlink(path.c_str());
  const size_t found = timing.output.find("timed: ");
  if (found == std::string::npos ||
      std::sscanf(timing.output.c_str() + found,
                  "timed: %" SCNu64 " %" SCNu64 " %lf %lf", &timing.begin,
                  &timing.end, &timing.elapsed_ms, &timing.cpu_ms) != 4) {
    return absl::InternalError(absl::StrCat("gdb said: ", timing.output));
  }
  return timing;
}

}  // namespace librr::benchmarks
