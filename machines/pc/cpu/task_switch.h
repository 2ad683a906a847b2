// SPDX-FileCopyrightText: The librr authors
// SPDX-License-Identifier: Apache-2.0
//
// Hardware task switches of legacy protected mode. SDM vol. 3, chapter 7.
//
// Until the old task's state is saved, a fault finds nothing changed. After
// that the new task runs: a fault (a bad selector in its TSS) is the new
// task's, and `Cpu::FinishTransfer` delivers it as part of the same step.
#ifndef LIBRR_MACHINES_PC_CPU_TASK_SWITCH_H_
#define LIBRR_MACHINES_PC_CPU_TASK_SWITCH_H_

#include <cstdint>

namespace librr::pc {

class Cpu;

enum class TaskSwitchCause { kJump, kCall, kReturn, kEvent };

// Switches to the task whose TSS `selector` names: a task gate's, a far
// branch's, or the back link (kReturn). Privilege was checked by the caller.
bool SwitchTask(Cpu& cpu, uint16_t selector, TaskSwitchCause cause,
                bool external);

// Has the current task a 32-bit TSS?
bool TaskIs32Bit(const Cpu& cpu);

}  // namespace librr::pc

#endif  // LIBRR_MACHINES_PC_CPU_TASK_SWITCH_H_
