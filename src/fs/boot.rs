//! The boot of the machine: what the kernel has not written to the disk yet is lost with the next one.

use std::sync::OnceLock;

/// Returns a number that is another after each boot of the machine, and never zero. Where the system names its boots
/// nowhere it is always the same.
pub fn boot() -> u64 {
    static BOOT: OnceLock<u64> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let name = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let hash = blake3::hash(&name);
        let [first, ..] = hash.as_bytes().as_chunks::<8>().0 else { return 1 };
        u64::from_le_bytes(*first).max(1)
    })
}
