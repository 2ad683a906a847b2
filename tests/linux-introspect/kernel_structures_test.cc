// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Lists, open files, mounts, slab caches and per-CPU variables of a kernel that
// is made for the test: right, damaged in ways that a hostile guest would
// choose, and damaged anywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "linux-introspect/kernel_lists.h"
#include "linux-introspect/mounts.h"
#include "linux-introspect/open_files.h"
#include "linux-introspect/path_names.h"
#include "linux-introspect/per_cpu.h"
#include "linux-introspect/slab_caches.h"
#include "tests/linux-introspect/kernel_memory.h"

namespace librr::linux_guest {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint64_t kWild = 0xffffc90000123450;  // mapped nowhere
constexpr uint64_t kUser = 0x7f0000001000;

template <typename T>
std::string ErrorOf(const absl::StatusOr<T>& result) {
  EXPECT_FALSE(result.ok());
  return std::string(result.status().message());
}

template <typename T>
bool IsDamage(const absl::StatusOr<T>& result) {
  return result.status().code() == absl::StatusCode::kDataLoss;
}

// A process with two open files below /dir, a root file system with another
// one mounted at /dir, two slab caches and a per-CPU variable.
class KernelStructures : public testing::Test {
 protected:
  KernelStructures() {
    DefineTypes();
    caches_ = memory_.AddVariable("slab_caches");
    node_ids_ = memory_.AddVariable("nr_node_ids");
    offsets_ = memory_.AddVariable("__per_cpu_offset");
    possible_ = memory_.AddVariable("__cpu_possible_mask");
    memory_.AddPerCpu(0, "__per_cpu_start");
    memory_.AddPerCpu(0x40, "counter");
    memory_.AddPerCpu(0x1000, "__per_cpu_end");
    memory_.Finish();
    MakeFileSystem();
    MakeProcess();
    MakeSlabs();
    MakePerCpu();
    auto kernel = Kernel::Find(&memory_);
    EXPECT_TRUE(kernel.ok()) << kernel.status();
    if (kernel.ok()) kernel_.emplace(*std::move(kernel));
  }

  void SetUp() override { ASSERT_TRUE(kernel_.has_value()); }

  void DefineTypes() {
    KernelMemory& m = memory_;
    m.Define("list_head", {{"next", 8}, {"prev", 8}});
    m.Define("path", {{"mnt", 8}, {"dentry", 8}});
    m.Define("qstr", {{"len", 4}, {"pad", 4}, {"name", 8}});
    m.Define("hlist_bl_node", {{"next", 8}, {"pprev", 8}});
    m.Define("dentry", {{"d_hash", 16, "hlist_bl_node"},
                        {"d_parent", 8},
                        {"d_name", 16, "qstr"},
                        {"d_inode", 8},
                        {"d_op", 8},
                        {"d_fsdata", 8}});
    m.Define("dentry_operations", {{"d_dname", 8}});
    m.Define("super_block", {{"s_dev", 4},
                             {"pad", 4},
                             {"s_flags", 8},
                             {"s_type", 8},
                             {"s_subtype", 8}});
    m.Define("file_system_type", {{"name", 8}});
    m.Define("inode", {{"i_mode", 2}, {"pad", 6}, {"i_sb", 8}, {"i_ino", 8}});
    m.Define("vfsmount", {{"mnt_root", 8}, {"mnt_sb", 8}, {"mnt_flags", 4}});
    m.Define("mount", {{"mnt_parent", 8},
                       {"mnt_mountpoint", 8},
                       {"mnt", 20, "vfsmount"},
                       {"mnt_id", 4},
                       {"mnt_devname", 8},
                       {"mnt_list", 16, "list_head"}});
    m.Define("mnt_namespace", {{"list", 16, "list_head"}});
    m.Define("nsproxy", {{"mnt_ns", 8}});
    m.Define("fs_struct", {{"root", 16, "path"}});
    m.Define("file", {{"f_path", 16, "path"},
                      {"f_inode", 8},
                      {"f_flags", 4},
                      {"f_mode", 4},
                      {"f_pos", 8}});
    m.Define("fdtable",
             {{"max_fds", 4}, {"pad", 4}, {"fd", 8}, {"close_on_exec", 8}});
    m.Define("files_struct", {{"fdt", 8}});
    m.Define("task_struct", {{"files", 8}, {"fs", 8}, {"nsproxy", 8}});
    m.Define("kmem_cache_order_objects", {{"x", 4}});
    m.Define("kmem_cache", {{"name", 8},
                            {"object_size", 4},
                            {"size", 4},
                            {"oo", 4, "kmem_cache_order_objects"},
                            {"pad", 4},
                            {"list", 16, "list_head"},
                            {"node", 32}});
    m.Define(
        "kmem_cache_node",
        {{"partial", 16, "list_head"}, {"nr_slabs", 8}, {"total_objects", 8}});
    m.Define("slab", {{"slab_list", 16, "list_head"}, {"inuse", 2}});
    m.Define("cpumask", {{"bits", 8}});
  }

  uint64_t MakeDentry(uint64_t parent, const std::string& name) {
    const uint64_t dentry = memory_.Make("dentry");
    memory_.Set(dentry, "dentry.d_parent", parent == 0 ? dentry : parent);
    memory_.Set(dentry, "dentry.d_name.len", name.size());
    memory_.Set(dentry, "dentry.d_name.name", memory_.MakeText(name));
    memory_.Set(dentry, "dentry.d_hash.pprev", 1);
    return dentry;
  }

  // Returns the struct mount.
  uint64_t MakeMount(uint64_t parent, uint64_t point, uint64_t root,
                     const std::string& type) {
    const uint64_t kind = memory_.Make("file_system_type");
    memory_.Set(kind, "file_system_type.name", memory_.MakeText(type));
    const uint64_t super = memory_.Make("super_block");
    memory_.Set(super, "super_block.s_dev", 0x100005);
    memory_.Set(super, "super_block.s_type", kind);
    const uint64_t mount = memory_.Make("mount");
    memory_.Set(mount, "mount.mnt_parent", parent == 0 ? mount : parent);
    memory_.Set(mount, "mount.mnt_mountpoint", point == 0 ? root : point);
    memory_.Set(mount, "mount.mnt.mnt_root", root);
    memory_.Set(mount, "mount.mnt.mnt_sb", super);
    memory_.Set(mount, "mount.mnt.mnt_flags", 0x21);
    return mount;
  }

  void MakeFileSystem() {
    root_ = MakeDentry(0, "/");
    dir_ = MakeDentry(root_, "dir");
    top_ = MakeMount(0, 0, root_, "first");
    inner_root_ = MakeDentry(0, "/");
    leaf_ = MakeDentry(inner_root_, "leaf");
    inner_ = MakeMount(top_, dir_, inner_root_, "second");
    space_ = memory_.Make("mnt_namespace");
    const uint32_t link = memory_.OffsetOf("mount.mnt_list");
    memory_.Link(space_, {top_ + link, inner_ + link});
  }

  uint64_t MakeFile(uint64_t mount, uint64_t dentry, uint64_t position) {
    const uint64_t super = memory_.Make("super_block");
    memory_.Set(super, "super_block.s_dev", 0x300007);
    const uint64_t inode = memory_.Make("inode");
    memory_.Set(inode, "inode.i_mode", 0100644);
    memory_.Set(inode, "inode.i_ino", 77);
    memory_.Set(inode, "inode.i_sb", super);
    const uint64_t file = memory_.Make("file");
    memory_.Set(file, "file.f_path.mnt", mount + memory_.OffsetOf("mount.mnt"));
    memory_.Set(file, "file.f_path.dentry", dentry);
    memory_.Set(file, "file.f_inode", inode);
    memory_.Set(file, "file.f_mode", 3);
    memory_.Set(file, "file.f_pos", position);
    return file;
  }

  void MakeProcess() {
    file_ = MakeFile(inner_, leaf_, 10);
    other_file_ = MakeFile(top_, dir_, 0);
    pointers_ = memory_.Allocate(64 * 8);
    memory_.Put(pointers_ + 8 * 3, file_);
    memory_.Put(pointers_ + 8 * 63, other_file_);
    const uint64_t closing = memory_.Allocate(8);
    memory_.Put(closing, uint64_t{1} << 63);
    table_ = memory_.Make("fdtable");
    memory_.Set(table_, "fdtable.max_fds", 64);
    memory_.Set(table_, "fdtable.fd", pointers_);
    memory_.Set(table_, "fdtable.close_on_exec", closing);
    const uint64_t files = memory_.Make("files_struct");
    memory_.Set(files, "files_struct.fdt", table_);
    const uint64_t fs = memory_.Make("fs_struct");
    memory_.Set(fs, "fs_struct.root.mnt", top_ + memory_.OffsetOf("mount.mnt"));
    memory_.Set(fs, "fs_struct.root.dentry", root_);
    const uint64_t proxy = memory_.Make("nsproxy");
    memory_.Set(proxy, "nsproxy.mnt_ns", space_);
    const uint64_t task = memory_.Make("task_struct");
    memory_.Set(task, "task_struct.files", files);
    memory_.Set(task, "task_struct.fs", fs);
    memory_.Set(task, "task_struct.nsproxy", proxy);
    task_.address = GuestVirtual(task);
    task_.pid = 12;
  }

  void MakeSlabs() {
    const uint32_t link = memory_.OffsetOf("kmem_cache.list");
    std::vector<uint64_t> links;
    for (const std::string name : {"one", "two"}) {
      const uint64_t cache = memory_.Make("kmem_cache");
      memory_.Set(cache, "kmem_cache.name", memory_.MakeText(name));
      memory_.Set(cache, "kmem_cache.object_size", 60);
      memory_.Set(cache, "kmem_cache.size", 64);
      memory_.Set(cache, "kmem_cache.oo.x", 1 << 16 | 128);
      node_ = memory_.Make("kmem_cache_node");
      memory_.Set(cache, "kmem_cache.node", node_);
      memory_.Set(node_, "kmem_cache_node.nr_slabs", 3);
      memory_.Set(node_, "kmem_cache_node.total_objects", 384);
      std::vector<uint64_t> slabs;
      for (const uint32_t in_use : {100u, 28u}) {
        slab_ = memory_.Make("slab");
        memory_.Put(slab_ + memory_.OffsetOf("slab.inuse"), in_use | 128 << 16,
                    4);
        slabs.push_back(slab_);
      }
      memory_.Link(node_, slabs);
      links.push_back(cache + link);
    }
    memory_.Link(caches_, links);
    memory_.Put(node_ids_, 1, 4);
  }

  void MakePerCpu() {
    for (uint64_t cpu : {0, 5}) {
      const uint64_t area = memory_.Allocate(0x1000);
      memory_.Put(offsets_ + 8 * cpu, area);
      memory_.Put(area + 0x40, 1000 + cpu);
    }
    memory_.Put(possible_, 0b100001);
  }

  absl::StatusOr<std::vector<LinuxOpenFile>> ReadFiles() {
    const auto files = OpenFiles::Make(&*kernel_);
    if (!files.ok()) return files.status();
    return files->Read(task_);
  }

  KernelMemory memory_;
  std::optional<Kernel> kernel_;
  LinuxTask task_;
  uint64_t caches_ = 0, node_ids_ = 0, offsets_ = 0, possible_ = 0;
  uint64_t root_ = 0, dir_ = 0, inner_root_ = 0, leaf_ = 0;  // dentries
  uint64_t top_ = 0, inner_ = 0, space_ = 0;                 // mounts
  uint64_t file_ = 0, other_file_ = 0, table_ = 0, pointers_ = 0;
  uint64_t node_ = 0, slab_ = 0;  // the last ones of the last cache
};

TEST_F(KernelStructures, ListsAreReadInOrder) {
  const uint64_t head = memory_.Allocate(16);
  memory_.Link(head, {});
  EXPECT_THAT(*ReadList(*kernel_, head, 10, "things"), ElementsAre());
  std::vector<uint64_t> nodes;
  for (int i = 0; i < 10; ++i) nodes.push_back(memory_.Allocate(16));
  memory_.Link(head, nodes);
  EXPECT_EQ(*ReadList(*kernel_, head, 10, "things"), nodes);
  EXPECT_TRUE(IsDamage(ReadList(*kernel_, head, 9, "things")));
}

TEST_F(KernelStructures, ListsThatAreDamagedSayWhere) {
  const uint64_t head = memory_.Allocate(16);
  std::vector<uint64_t> nodes;
  for (int i = 0; i < 100; ++i) nodes.push_back(memory_.Allocate(16));
  // A circle without the head, of any length, ends the walk at once.
  for (const size_t back : {99, 98, 50, 1, 0}) {
    memory_.Link(head, nodes);
    memory_.Put(nodes[99], nodes[back]);
    EXPECT_THAT(ErrorOf(ReadList(*kernel_, head, 1'000'000'000, "things")),
                HasSubstr("list of things is corrupted"));
  }
  for (const uint64_t wrong : {uint64_t{0}, kUser, kWild, uint64_t{1} << 63}) {
    memory_.Link(head, nodes);
    memory_.Put(nodes[60], wrong);
    const auto result = ReadList(*kernel_, head, 1000, "things");
    EXPECT_TRUE(IsDamage(result)) << wrong;
    EXPECT_THAT(
        ErrorOf(result),
        HasSubstr(absl::StrFormat("0x%x", wrong == kWild ? wrong : nodes[60])));
  }
}

TEST_F(KernelStructures, TreesAreReadInOrder) {
  // 4 over 2 (1, 3) and 6 (none, 7).
  const uint64_t root = memory_.Allocate(8);
  std::vector<uint64_t> nodes(8);
  for (uint64_t& node : nodes) node = memory_.Allocate(24);
  const auto link = [&](int node, int left, int right) {
    memory_.Put(nodes[node] + 16, left == 0 ? 0 : nodes[left]);
    memory_.Put(nodes[node] + 8, right == 0 ? 0 : nodes[right]);
  };
  EXPECT_THAT(*ReadTree(*kernel_, root, 100, "things"), ElementsAre());
  memory_.Put(root, nodes[4]);
  link(4, 2, 6);
  link(2, 1, 3);
  link(6, 0, 7);
  EXPECT_THAT(
      *ReadTree(*kernel_, root, 100, "things"),
      ElementsAre(nodes[1], nodes[2], nodes[3], nodes[4], nodes[6], nodes[7]));
  EXPECT_TRUE(IsDamage(ReadTree(*kernel_, root, 5, "things")));
  for (const int damaged : {1, 3, 7, 6}) {
    for (const int side : {8, 16}) {
      for (const uint64_t wrong : {nodes[4], nodes[damaged], kUser, kWild}) {
        link(damaged, 0, 0);
        memory_.Put(nodes[damaged] + side, wrong);
        EXPECT_TRUE(IsDamage(ReadTree(*kernel_, root, 100, "things")))
            << damaged << " " << side << " " << wrong;
        link(1, 0, 0);
        link(3, 0, 0);
        link(7, 0, 0);
        link(6, 0, 7);
      }
    }
  }
}

TEST_F(KernelStructures, OpenFilesHaveTheirPaths) {
  const auto files = ReadFiles();
  ASSERT_TRUE(files.ok()) << files.status();
  ASSERT_EQ(files->size(), 2u);
  const LinuxOpenFile &first = (*files)[0], &second = (*files)[1];
  EXPECT_EQ(first.pid, 12u);
  EXPECT_EQ(first.fd, 3u);
  EXPECT_EQ(first.name, "/dir/leaf");
  EXPECT_EQ(first.type, '-');
  EXPECT_TRUE(first.readable && first.writable);
  EXPECT_FALSE(first.closes_on_exec);
  EXPECT_EQ(first.position, 10u);
  EXPECT_EQ(first.inode, 77u);
  EXPECT_EQ(first.device_major, 3u);
  EXPECT_EQ(first.device_minor, 7u);
  EXPECT_EQ(second.fd, 63u);
  EXPECT_EQ(second.name, "/dir");
  EXPECT_TRUE(second.closes_on_exec);
}

TEST_F(KernelStructures, ProcessesThatHaveEndedHaveNothing) {
  memory_.Set(task_.address.value(), "task_struct.files", 0);
  memory_.Set(task_.address.value(), "task_struct.fs", 0);
  EXPECT_EQ(ReadFiles()->size(), 0u);
  EXPECT_EQ(ReadMounts(*kernel_, task_)->size(), 0u);
}

TEST_F(KernelStructures, OpenFilesThatAreDamagedSayWhere) {
  memory_.Put(pointers_ + 8 * 3, kUser);
  EXPECT_THAT(ErrorOf(ReadFiles()),
              AllOf(HasSubstr("pid 12"), HasSubstr("wild pointer"),
                    HasSubstr(absl::StrFormat("0x%x", pointers_ + 24))));
  memory_.Put(pointers_ + 8 * 3, kWild);
  EXPECT_THAT(ErrorOf(ReadFiles()),
              HasSubstr(absl::StrFormat("0x%x is not mapped", kWild)));
  memory_.Put(pointers_ + 8 * 3, file_);
  memory_.Set(table_, "fdtable.max_fds", 0xffffffff);
  EXPECT_THAT(ErrorOf(ReadFiles()), HasSubstr("too many"));
  memory_.Set(table_, "fdtable.max_fds", 64);
  memory_.Set(table_, "fdtable.fd", kWild);
  EXPECT_THAT(ErrorOf(ReadFiles()), HasSubstr("is not mapped"));
}

TEST_F(KernelStructures, PathsThatRunInACircleSayWhere) {
  // A folder in itself.
  memory_.Set(dir_, "dentry.d_parent", leaf_);
  memory_.Set(leaf_, "dentry.d_parent", dir_);
  EXPECT_THAT(ErrorOf(ReadFiles()),
              HasSubstr(absl::StrFormat("0x%x is corrupted", leaf_)));
  memory_.Set(dir_, "dentry.d_parent", root_);
  memory_.Set(leaf_, "dentry.d_parent", inner_root_);
  // A mount on itself.
  memory_.Set(top_, "mount.mnt_parent", inner_);
  memory_.Set(top_, "mount.mnt_mountpoint", inner_root_);
  EXPECT_TRUE(IsDamage(ReadFiles()));
  EXPECT_EQ(ReadMounts(*kernel_, task_)->size(), 2u)
      << "those below the root of the process are there";
  memory_.Set(leaf_, "dentry.d_name.len", 0xfffffff0);
  EXPECT_TRUE(IsDamage(ReadFiles()));
}

TEST_F(KernelStructures, MountsAreThoseBelowTheRoot) {
  const auto mounts = ReadMounts(*kernel_, task_);
  ASSERT_TRUE(mounts.ok()) << mounts.status();
  ASSERT_EQ(mounts->size(), 2u);
  EXPECT_EQ((*mounts)[0].path, "/");
  EXPECT_EQ((*mounts)[0].type, "first");
  EXPECT_EQ((*mounts)[0].options, "rw,nosuid,relatime");
  EXPECT_EQ((*mounts)[0].source, "none");
  EXPECT_EQ((*mounts)[1].path, "/dir");
  EXPECT_EQ((*mounts)[1].type, "second");
  EXPECT_EQ((*mounts)[1].device_minor, 5u);
  const uint32_t link = memory_.OffsetOf("mount.mnt_list");
  memory_.Put(inner_ + link, inner_ + link);
  EXPECT_THAT(ErrorOf(ReadMounts(*kernel_, task_)),
              HasSubstr("list of mounts is corrupted"));
}

TEST_F(KernelStructures, SlabCachesAreCounted) {
  const auto caches = ReadSlabCaches(*kernel_);
  ASSERT_TRUE(caches.ok()) << caches.status();
  ASSERT_EQ(caches->size(), 2u);
  for (const LinuxSlabCache& cache : *caches) {
    EXPECT_EQ(cache.object_size, 60u);
    EXPECT_EQ(cache.size, 64u);
    EXPECT_EQ(cache.objects_per_slab, 128u);
    EXPECT_EQ(cache.pages_per_slab, 2u);
    EXPECT_EQ(cache.slabs, 3u);
    EXPECT_EQ(cache.objects, 384u);
    // Of two slabs 28 and 100 objects are free.
    EXPECT_EQ(cache.active_objects, 256u);
  }
  EXPECT_EQ((*caches)[1].name, "two");
}

TEST_F(KernelStructures, SlabsThatAreDamagedSayWhere) {
  memory_.Put(slab_ + memory_.OffsetOf("slab.inuse"), 129 | 128 << 16, 4);
  EXPECT_THAT(ErrorOf(ReadSlabCaches(*kernel_)),
              AllOf(HasSubstr(absl::StrFormat("0x%x is corrupted", slab_)),
                    HasSubstr("129 of its 128 objects")));
  memory_.Put(slab_ + memory_.OffsetOf("slab.inuse"), 1 | 128 << 16, 4);
  memory_.Put(slab_, slab_);
  EXPECT_THAT(ErrorOf(ReadSlabCaches(*kernel_)),
              HasSubstr("list of partly used slabs is corrupted"));
  memory_.Put(slab_, node_);
  memory_.Put(node_ids_, 5, 4);
  EXPECT_THAT(ErrorOf(ReadSlabCaches(*kernel_)), HasSubstr("nr_node_ids"));
}

TEST_F(KernelStructures, PerCpuVariablesAreOfEachPossibleCpu) {
  const auto counter = ReadPerCpu(*kernel_, "counter");
  ASSERT_TRUE(counter.ok()) << counter.status();
  ASSERT_EQ(counter->values.size(), 2u);
  EXPECT_EQ(counter->values[0].cpu, 0u);
  EXPECT_EQ(counter->values[1].cpu, 5u);
  EXPECT_EQ(counter->values[1].bytes, std::string("\xed\x03\0\0\0\0\0\0", 8));
  // The kernel here says nothing of its type.
  EXPECT_EQ(counter->type, "");
  EXPECT_THAT(ErrorOf(ReadPerCpu(*kernel_, "counter.member")),
              HasSubstr("leave out the member"));
  EXPECT_THAT(ErrorOf(ReadPerCpu(*kernel_, "slab_caches")),
              HasSubstr("no per-CPU variable"));
  EXPECT_THAT(ErrorOf(ReadPerCpu(*kernel_, "nothing")),
              HasSubstr("no symbol nothing"));
  memory_.Put(offsets_ + 8 * 5, kWild);
  EXPECT_THAT(ErrorOf(ReadPerCpu(*kernel_, "counter")),
              HasSubstr("is not mapped"));
}

// An answer or an error, and soon.
TEST_F(KernelStructures, MayBeDamagedAnywhere) {
  const std::string whole(memory_.heap());
  std::mt19937_64 random(9);
  size_t errors = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = whole;
    for (int words = 1 + static_cast<int>(random() % 6); words > 0; --words) {
      const size_t at = random() % (damaged.size() / 8) * 8;
      // Often an address of something else.
      const uint64_t value = random() % 2 == 0
                                 ? KernelMemory::kDirectMap + (6 << 20) +
                                       random() % (damaged.size() / 16) * 16
                                 : random();
      for (size_t byte = 0; byte < 8; ++byte) {
        damaged[at + byte] = static_cast<char>(value >> (8 * byte));
      }
    }
    memory_.set_heap(damaged);
    const auto files = ReadFiles();
    const auto mounts = ReadMounts(*kernel_, task_);
    const auto caches = ReadSlabCaches(*kernel_);
    const auto counter = ReadPerCpu(*kernel_, "counter");
    if (!files.ok() || !mounts.ok() || !caches.ok()) ++errors;
    if (caches.ok()) {
      for (const LinuxSlabCache& cache : *caches) {
        EXPECT_LE(cache.active_objects, cache.objects);
      }
    }
    EXPECT_TRUE(counter.ok());
  }
  EXPECT_GT(errors, 100u);
}

}  // namespace
}  // namespace librr::linux_guest
