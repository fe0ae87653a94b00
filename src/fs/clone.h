// Files that share blocks of the disk ("reflink": XFS, btrfs, bcachefs, some network file systems).
#pragma once

#include "fs/file.h"

namespace pv::fs {

// The blocks that clone_range() works in for a file that was just created and is still empty; 0
// where its file system shares none.
[[nodiscard]] std::uint64_t clone_block_bytes(const Fd& empty);

// Lets `to` have, from `at` on, the bytes of `from` in `range`, without copying them: later writes
// to either are not seen in the other. All of it, or false and nothing that counts: what `to` then
// holds from `at` on is to be written over. Offsets and size are multiples of the block.
[[nodiscard]] bool clone_range(int from, ByteRange range, const Fd& to, std::uint64_t at);

}  // namespace pv::fs
