// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "librr-core/trace/header_codec.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "librr-core/base/abseil_view.h"
#include "librr-core/base/status_macros.h"
#include "librr-core/trace/trace_format.h"
#include "librr-core/trace/trace_header.pb.h"

namespace librr::trace {
namespace {

constexpr size_t kMaxName = 64;

std::string IdBytes(const TraceHeader::Id& id) {
  return std::string(id.begin(), id.end());
}

bool CopyId(const std::string& bytes, TraceHeader::Id& id) {
  if (bytes.size() != id.size()) return false;
  std::copy(bytes.begin(), bytes.end(), id.begin());
  return true;
}

absl::Status Refuse(absl::string_view field, absl::string_view limit) {
  return absl::InvalidArgumentError(
      absl::StrCat("the trace header's ", field, " must be ", limit));
}

bool AreNames(const std::vector<std::string>& names) {
  return std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return !name.empty() && name.size() <= kMaxName;
  });
}

}  // namespace

absl::Status CheckHeader(const TraceHeader& header) {
  if (header.features.size() > kMaxFeatures || !AreNames(header.features)) {
    return Refuse("features", "at most 64 names of at most 64 bytes");
  }
  if (header.machine_kind.empty() || header.machine_kind.size() > kMaxName) {
    return Refuse("machine kind", "a name of at most 64 bytes");
  }
  if (header.vcpus < 1 || header.vcpus > kMaxVcpus) {
    return Refuse("vCPU count", "1 to 1024");
  }
  if (header.memory_bytes % kPageSize != 0) {
    return Refuse("memory size", "a multiple of 4096");
  }
  if (header.command_line.size() > kMaxHeaderText) {
    return Refuse("command line", "at most 64 KiB");
  }
  if (header.config.size() > kMaxSettings) {
    return Refuse("config", "at most 256 settings");
  }
  // Together at most 2 MiB, so that the header fits into one block.
  size_t config_bytes = 0;
  for (const auto& [name, value] : header.config) {
    config_bytes += name.size() + value.size();
    if (name.size() > kMaxHeaderText || value.size() > kMaxHeaderText ||
        config_bytes > kMaxRawBlock / 2) {
      return Refuse("config", "at most 64 KiB a setting, 2 MiB together");
    }
  }
  return absl::OkStatus();
}

std::string EncodeHeader(const TraceHeader& header) {
  proto::TraceHeader message;
  for (const std::string& feature : header.features) {
    message.add_features(feature);
  }
  message.set_machine_kind(header.machine_kind);
  message.set_machine_model(header.machine_model);
  message.set_vcpus(header.vcpus);
  message.set_memory_bytes(header.memory_bytes);
  message.set_command_line(header.command_line);
  for (const auto& [name, value] : header.config) {
    proto::Setting* setting = message.add_config();
    setting->set_name(name);
    setting->set_value(value);
  }
  message.set_created_unix_seconds(header.created_unix_seconds);
  message.set_id(IdBytes(header.id));
  if (header.parent_id.has_value()) {
    message.set_parent_id(IdBytes(*header.parent_id));
  }
  return message.SerializeAsString();
}

absl::StatusOr<TraceHeader> DecodeHeader(std::string_view bytes) {
  proto::TraceHeader message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("the header is malformed");
  }
  TraceHeader header;
  header.features.assign(message.features().begin(), message.features().end());
  // This build knows no features yet: every one is of a later version.
  if (!header.features.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "needs the feature \"", absl::CEscape(header.features.front()),
        "\", which this version of librr lacks: use a newer one"));
  }
  header.machine_kind = message.machine_kind();
  header.machine_model = message.machine_model();
  header.vcpus = message.vcpus();
  header.memory_bytes = message.memory_bytes();
  header.command_line = message.command_line();
  for (const proto::Setting& setting : message.config()) {
    header.config.emplace_back(setting.name(), setting.value());
  }
  header.created_unix_seconds = message.created_unix_seconds();
  if (!CopyId(message.id(), header.id)) {
    return absl::DataLossError("the header's id has not 16 bytes");
  }
  if (!message.parent_id().empty() &&
      !CopyId(message.parent_id(), header.parent_id.emplace())) {
    return absl::DataLossError("the header's parent id has not 16 bytes");
  }
  if (absl::Status status = CheckHeader(header); !status.ok()) {
    return absl::DataLossError(status.message());
  }
  return header;
}

std::string EncodeEnd(const EndRecord& end) {
  proto::EndRecord message;
  message.set_position(end.position.value());
  message.set_time_ns(end.time.value());
  message.set_reason(static_cast<uint32_t>(end.reason));
  message.set_exit_code(end.exit_code);
  message.set_vcpu(static_cast<uint32_t>(end.vcpu));
  message.set_detail(end.detail);
  return message.SerializeAsString();
}

absl::StatusOr<EndRecord> DecodeEnd(std::string_view bytes, uint32_t vcpus) {
  proto::EndRecord message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      message.reason() > 0xff || message.exit_code() > 0xff ||
      message.vcpu() >= vcpus || message.detail().size() > kMaxEndDetail) {
    return absl::DataLossError("the end record is malformed");
  }
  EndRecord end;
  end.position = Position(message.position());
  end.time = VirtualTime(message.time_ns());
  end.reason = static_cast<EndReason>(message.reason());
  end.exit_code = static_cast<uint8_t>(message.exit_code());
  end.vcpu = static_cast<int>(message.vcpu());
  end.detail = message.detail();
  return end;
}

}  // namespace librr::trace

namespace librr {

absl::Status CheckMachineModel(const TraceInfo& info, std::string_view kind,
                               uint32_t model) {
  const TraceHeader& header = info.header;
  if (header.machine_kind == kind && header.machine_model == model) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      info.path, ": was recorded on machine model ",
      absl::CEscape(header.machine_kind), "-", header.machine_model,
      ", this version of librr has ", AbseilView(kind), "-", model,
      ": use a version that has the recorded one"));
}

}  // namespace librr
