// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Takes and restores checkpoints of one machine.
//
//   MachineImage image(machine, &store);
//   std::shared_ptr<const Checkpoint> checkpoint = image.Capture();
//   ... machine->Run(...) ...
//   LIBRR_RETURN_IF_ERROR(image.Restore(*checkpoint));
//
// Both cost what differs: an image knows the contents of the machine's pages at
// the last checkpoint, and the machine says which have changed since. It must
// be the only one that calls the machine's TakeChangedPages, from the
// machine's beginning on. Any machine of the same configuration can be brought
// to a checkpoint of another one. Belongs to the machine's thread; the
// checkpoints belong to nobody.
#ifndef LIBRR_CORE_CHECKPOINT_MACHINE_IMAGE_H_
#define LIBRR_CORE_CHECKPOINT_MACHINE_IMAGE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "librr-core/checkpoint/page_map.h"
#include "librr-core/checkpoint/page_store.h"
#include "librr/machine.h"
#include "librr/units.h"

namespace librr {

// A machine's complete state. Immutable.
struct Checkpoint {
  Position position;
  VirtualTime time;
  std::string state;  // of Machine::SaveState
  PageMap pages;
};

class MachineImage {
 public:
  // The machine has pages (Machine::has_pages). Both must outlive the image.
  MachineImage(Machine* machine, PageStore* store);

  std::shared_ptr<const Checkpoint> Capture();
  // Fails only if the checkpoint is not one of such a machine, or, as
  // Cancelled, if `stop` was set on the way; the machine's state is undefined
  // then, but for another Restore.
  absl::Status Restore(const Checkpoint& checkpoint,
                       const std::atomic<bool>* stop = nullptr);

  // How many pages the last Capture or Restore has copied.
  uint64_t copied_pages() const { return copied_pages_; }

 private:
  Machine* const machine_;
  PageStore* const store_;
  PageMap pages_;  // what the machine's RAM held at the last call
  uint64_t copied_pages_ = 0;
};

}  // namespace librr

#endif  // LIBRR_CORE_CHECKPOINT_MACHINE_IMAGE_H_
