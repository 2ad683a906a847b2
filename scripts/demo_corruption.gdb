# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# The second half of the demonstration, at the end of a recording in which
# tests/guests/racy_list.c has found one of its jobs corrupted: goes back to
# that moment, watches the corrupted word, and goes back to who wrote it.
#
#   vmrr gdb T.vmrr -- -batch -x scripts/demo_corruption.gdb
set pagination off
add-symbol-file build/guests/programs/racy_list

echo \n== back from the end to where the program finds out\n
break Fail
reverse-continue
position
print *job
print/x expected

echo \n== back to the write that did it\n
watch -location job->value
reverse-continue
position
x/i $pc
backtrace

python
frame = gdb.selected_frame()
where = frame.find_sal()
print("\nguilty: %s, %s:%d" % (frame.name(), where.symtab.filename, where.line))
end
