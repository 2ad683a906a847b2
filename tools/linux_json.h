// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// What a guest's Linux shows, as JSON objects.
//
//   WriteObject(json, task);
#ifndef LIBRR_TOOLS_LINUX_JSON_H_
#define LIBRR_TOOLS_LINUX_JSON_H_

#include "librr/linux_guest.h"
#include "tools/json_writer.h"

namespace librr::tools {

void WriteObject(JsonWriter& json, const LinuxTask& task);
void WriteObject(JsonWriter& json, const LinuxLogRecord& record);
void WriteObject(JsonWriter& json, const LinuxModule& module);
void WriteObject(JsonWriter& json, const LinuxMapping& mapping);
void WriteObject(JsonWriter& json, const LinuxOpenFile& file);
void WriteObject(JsonWriter& json, const LinuxSocket& socket);
void WriteObject(JsonWriter& json, const LinuxMount& mount);
void WriteObject(JsonWriter& json, const LinuxSlabCache& cache);
void WriteObject(JsonWriter& json, const LinuxRunQueue& queue);
void WriteObject(JsonWriter& json, const LinuxPerCpuVariable& variable);
void WriteObject(JsonWriter& json, const LinuxSystem& system);

}  // namespace librr::tools

#endif  // LIBRR_TOOLS_LINUX_JSON_H_
