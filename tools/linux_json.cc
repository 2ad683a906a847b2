// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
#include "tools/linux_json.h"

#include <string>

#include "absl/strings/escaping.h"
#include "librr/linux_report.h"

namespace librr::tools {

void WriteObject(JsonWriter& json, const LinuxTask& task) {
  json.BeginObject();
  json.Key("pid").Number(task.pid);
  json.Key("tgid").Number(task.tgid);
  json.Key("ppid").Number(task.ppid);
  json.Key("comm").Text(task.comm);
  json.Key("state").Text(std::string(1, task.state));
  json.Key("cpu").Number(task.cpu);
  json.Key("uid").Number(task.uid);
  json.Key("start_ns").Number(task.start_ns);
  json.Key("minor_faults").Number(task.minor_faults);
  json.Key("major_faults").Number(task.major_faults);
  json.Key("cmdline").Text(task.cmdline);
  json.Key("task").Number(task.address.value());
  json.Key("mm").Number(task.mm.value());
  json.EndObject();
}

void WriteObject(JsonWriter& json, const LinuxLogRecord& record) {
  json.BeginObject();
  json.Key("sequence").Number(record.sequence);
  json.Key("time_ns").Number(record.time_ns);
  json.Key("level").Number(record.level);
  json.Key("facility").Number(record.facility);
  json.Key("text").Text(record.text);
  json.EndObject();
}

void WriteObject(JsonWriter& json, const LinuxModule& module) {
  json.BeginObject();
  json.Key("name").Text(module.name);
  json.Key("base").Number(module.base.value());
  json.Key("size").Number(module.size);
  json.Key("state").Text(module.state);
  json.EndObject();
}

void WriteObject(JsonWriter& json, const LinuxMapping& mapping) {
  json.BeginObject();
  json.Key("begin").Number(mapping.begin.value());
  json.Key("end").Number(mapping.end.value());
  json.Key("permissions").Text(MapPermissions(mapping));
  json.Key("offset").Number(mapping.offset);
  json.Key("device_major").Number(mapping.device_major);
  json.Key("device_minor").Number(mapping.device_minor);
  json.Key("inode").Number(mapping.inode);
  json.Key("name").Text(mapping.name);
  json.EndObject();
}

void WriteObject(JsonWriter& json, const LinuxOpenFile& file) {
  json.BeginObject();
  json.Key("pid").Number(file.pid);
  json.Key("fd").Number(file.fd);
  json.Key("type").Text(std::string(1, file.type));
  json.Key("readable").Bool(file.readable);
  json.Key("writable").Bool(file.writable);
  json.Key("close_on_exec").Bool(file.closes_on_exec);
  json.Key("flags").Number(file.flags);
  json.Key("position").Number(file.position);
  json.Key("device_major").Number(file.device_major);
  json.Key("device_minor").Number(file.device_minor);
  json.Key("inode").Number(file.inode);
  json.Key("name").Text(file.name);
  json.Key("file").Number(file.file.value());
  json.EndObject();
}

void WriteObject(JsonWriter& json, const LinuxSocket& socket) {
  json.BeginObject();
  json.Key("pid").Number(socket.pid);
  json.Key("fd").Number(socket.fd);
  json.Key("inode").Number(socket.inode);
  json.Key("uid").Number(socket.uid);
  json.Key("family").Text(socket.family);
  json.Key("type").Text(socket.type);
  json.Key("protocol").Text(socket.protocol);
  json.Key("state").Text(socket.state);
  json.Key("local").Text(socket.local);
  json.Key("remote").Text(socket.remote);
  json.Key("peer_inode").Number(socket.peer_inode);
  json.Key("rx_queue").Number(socket.rx_queue);
  json.Key("tx_queue").Number(socket.tx_queue);
  json.Key("sock").Number(socket.sock.value());
  json.EndObject();
}

void WriteObject(JsonWriter& json, const LinuxMount& mount) {
  json.BeginObject();
  json.Key("id").Number(mount.id);
  json.Key("parent_id").Number(mount.parent_id);
  json.Key("device_major").Number(mount.device_major);
  json.Key("device_minor").Number(mount.device_minor);
  json.Key("root").Text(mount.root);
  json.Key("path").Text(mount.path);
  json.Key("type").Text(mount.type);
  json.Key("source").Text(mount.source);
  json.Key("options").Text(mount.options);
  json.EndObject();
}

void WriteObject(JsonWriter& json, const LinuxSlabCache& cache) {
  json.BeginObject();
  json.Key("name").Text(cache.name);
  json.Key("object_size").Number(cache.object_size);
  json.Key("size").Number(cache.size);
  json.Key("active_objects").Number(cache.active_objects);
  json.Key("objects").Number(cache.objects);
  json.Key("slabs").Number(cache.slabs);
  json.Key("objects_per_slab").Number(cache.objects_per_slab);
  json.Key("pages_per_slab").Number(cache.pages_per_slab);
  json.EndObject();
}

void WriteObject(JsonWriter& json, const LinuxRunQueue& queue) {
  json.BeginObject();
  json.Key("cpu").Number(queue.cpu);
  json.Key("rq").Number(queue.address.value());
  json.Key("running").Number(queue.running);
  json.Key("switches").Number(queue.switches);
  json.Key("clock_ns").Number(queue.clock_ns);
  json.Key("current_pid").Number(queue.current_pid);
  json.Key("current_comm").Text(queue.current_comm);
  json.Key("tasks").BeginArray();
  for (const LinuxQueuedTask& task : queue.tasks) {
    json.BeginObject();
    json.Key("pid").Number(task.pid);
    json.Key("comm").Text(task.comm);
    json.Key("policy").Text(task.policy);
    json.Key("priority").Signed(task.priority);
    json.Key("vruntime_ns").Number(task.vruntime_ns);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

void WriteObject(JsonWriter& json, const LinuxPerCpuVariable& variable) {
  json.BeginObject();
  json.Key("name").Text(variable.name);
  json.Key("type").Text(variable.type);
  json.Key("values").BeginArray();
  for (const LinuxPerCpuVariable::Value& value : variable.values) {
    json.BeginObject();
    json.Key("cpu").Number(value.cpu);
    json.Key("address").Number(value.address.value());
    json.Key("text").Text(PerCpuText(variable, value));
    json.Key("bytes").Text(absl::BytesToHexString(value.bytes));
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
}

void WriteObject(JsonWriter& json, const LinuxSystem& system) {
  json.BeginObject();
  json.Key("sysname").Text(system.sysname);
  json.Key("nodename").Text(system.nodename);
  json.Key("release").Text(system.release);
  json.Key("version").Text(system.version);
  json.Key("machine").Text(system.machine);
  json.Key("domainname").Text(system.domainname);
  json.Key("boot_arguments").Text(system.boot_arguments);
  json.Key("uptime_ns").Number(system.uptime_ns);
  json.Key("realtime_ns").Number(system.realtime_ns);
  json.Key("load").BeginArray();
  for (const double load : system.load) json.Real(load);
  json.EndArray();
  json.Key("cpus_online").Number(system.cpus_online);
  json.Key("cpus_possible").Number(system.cpus_possible);
  json.Key("tainted").Number(system.tainted);
  json.EndObject();
}

}  // namespace librr::tools
