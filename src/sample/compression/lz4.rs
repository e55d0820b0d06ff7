//! The lz4 frame format, `lz4_Frame_format.md` of the lz4 project: frames one after the other, each of blocks.

use std::hash::Hasher;

use lz4_flex::block::{decompress_into, decompress_into_with_dict};
use twox_hash::XxHash32;

const MAGIC: u32 = 0x184d_2204;
/// The magic numbers of frames that hold no data end in any hex digit.
const SKIPPABLE: u32 = 0x184d_2a50;
const LEGACY: u32 = 0x184c_2102;
/// Bytes before a block to which it may refer.
const WINDOW: usize = 64 << 10;
/// The bit of a block's size that says that it is stored as it is.
const STORED: u32 = 1 << 31;

/// Unpacks lz4 frames that come in pieces. It holds one block, of 4 MiB at most, and what it unpacks to.
#[derive(Default)]
pub(super) struct Lz4 {
    state: Lz4State,
    /// The bytes of the next part of the stream, as far as they have come.
    part: Vec<u8>,
    /// Bytes of a frame without data that are left to pass over.
    skip: u64,
    frame: Lz4Frame,
}

/// The part of the stream that comes next.
#[derive(Clone, Copy, Default, PartialEq)]
enum Lz4State {
    /// The magic number of the first frame.
    #[default]
    Start,
    /// The magic number of another.
    Between,
    /// The length of a frame without data.
    Skippable,
    /// The flags of a frame.
    Flags,
    /// The rest of its header.
    Header,
    /// The size of a block.
    Size,
    /// A block of this size, and whether it is stored as it is.
    Block { size: usize, stored: bool },
    /// The checksum of the frame.
    Checksum,
}

/// The state of a frame.
#[derive(Default)]
struct Lz4Frame {
    flags: u8,
    /// The largest block, unpacked.
    block: usize,
    /// The length of the content, where it is stated.
    stated: Option<u64>,
    length: u64,
    hash: XxHash32,
    /// The end of what was unpacked, and then the block after it.
    output: Vec<u8>,
}

impl Lz4Frame {
    fn has(&self, bit: u8) -> bool {
        self.flags >> bit & 1 == 1
    }

    fn blocks_refer_back(&self) -> bool {
        !self.has(5)
    }

    fn has_block_checksums(&self) -> bool {
        self.has(4)
    }

    fn has_size(&self) -> bool {
        self.has(3)
    }

    fn has_checksum(&self) -> bool {
        self.has(2)
    }

    fn has_dictionary(&self) -> bool {
        self.has(0)
    }
}

impl Lz4 {
    /// Takes the next bytes and hands over what they unpack to.
    pub fn feed(&mut self, mut rest: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        loop {
            let skipped = self.skip.min(rest.len() as u64) as usize;
            self.skip -= skipped as u64;
            rest = &rest[skipped..];
            let missing = self.needs() - self.part.len();
            let (now, later) = rest.split_at(missing.min(rest.len()));
            self.part.extend_from_slice(now);
            rest = later;
            if now.len() < missing || self.skip > 0 {
                return Ok(());
            }
            let part = std::mem::take(&mut self.part);
            self.state = self.step(&part, take)?;
            // The room is used again.
            self.part = part;
            self.part.clear();
        }
    }

    /// Returns true if the stream may end here.
    pub fn is_whole(&self) -> bool {
        self.state == Lz4State::Between && self.part.is_empty() && self.skip == 0
    }

    /// Returns the length of the next part.
    fn needs(&self) -> usize {
        match self.state {
            Lz4State::Start | Lz4State::Between | Lz4State::Skippable | Lz4State::Size | Lz4State::Checksum => 4,
            Lz4State::Flags => 2,
            Lz4State::Header => 1 + if self.frame.has_size() { 8 } else { 0 },
            Lz4State::Block { size, .. } => size + if self.frame.has_block_checksums() { 4 } else { 0 },
        }
    }

    /// Takes a part that is complete; returns what comes after it.
    fn step(&mut self, part: &[u8], take: &mut dyn FnMut(&[u8])) -> Result<Lz4State, String> {
        match self.state {
            Lz4State::Start | Lz4State::Between => match number(part) {
                MAGIC => Ok(Lz4State::Flags),
                magic if magic & !0xf == SKIPPABLE => Ok(Lz4State::Skippable),
                LEGACY => Err("the legacy format of 'lz4 -l' is not supported; compress the file without '-l'".to_owned()),
                _ if self.state == Lz4State::Start => Err("invalid lz4 stream".to_owned()),
                _ => Err("unexpected data after the lz4 stream".to_owned()),
            },
            Lz4State::Skippable => {
                self.skip = u64::from(number(part));
                Ok(Lz4State::Between)
            }
            Lz4State::Flags => {
                let output = std::mem::take(&mut self.frame.output);
                let block = match part[1] >> 4 & 7 {
                    size @ 4..=7 => 1 << (8 + 2 * size),
                    _ => return Err(damaged("its header has no block size")),
                };
                self.frame = Lz4Frame { flags: part[0], block, output, ..Lz4Frame::default() };
                self.frame.output.clear();
                // Its hash is that of all of the header after the magic number.
                self.frame.hash.write(part);
                match part[0] >> 6 {
                    1 if self.frame.has_dictionary() => Err("the lz4 stream requires a dictionary".to_owned()),
                    1 => Ok(Lz4State::Header),
                    _ => Err(damaged("its header has an unknown version")),
                }
            }
            Lz4State::Header => {
                let frame = &mut self.frame;
                let (size, checksum) = part.split_at(part.len() - 1);
                frame.hash.write(size);
                if checksum[0] != (frame.hash.finish() >> 8) as u8 {
                    return Err(damaged("the checksum of its header does not match"));
                }
                frame.hash = XxHash32::default();
                frame.stated = size.try_into().ok().map(u64::from_le_bytes);
                Ok(Lz4State::Size)
            }
            Lz4State::Size => match number(part) {
                0 if self.frame.stated.is_some_and(|stated| stated != self.frame.length) => {
                    Err(damaged("its content does not have the length in its header"))
                }
                0 if self.frame.has_checksum() => Ok(Lz4State::Checksum),
                0 => Ok(Lz4State::Between),
                size => {
                    let (size, stored) = ((size & !STORED) as usize, size & STORED != 0);
                    match size <= self.frame.block {
                        true => Ok(Lz4State::Block { size, stored }),
                        false => Err(damaged("a block is larger than the block size in its header")),
                    }
                }
            },
            Lz4State::Block { size, stored } => {
                let (block, checksum) = part.split_at(size);
                if !checksum.is_empty() && number(checksum) != XxHash32::oneshot(0, block) {
                    return Err(damaged("the checksum of a block does not match"));
                }
                take(self.frame.unpack(block, stored)?);
                Ok(Lz4State::Size)
            }
            Lz4State::Checksum if u64::from(number(part)) == self.frame.hash.finish() => Ok(Lz4State::Between),
            Lz4State::Checksum => Err(damaged("the checksum of its content does not match")),
        }
    }
}

impl Lz4Frame {
    /// Returns the content of a block.
    fn unpack(&mut self, block: &[u8], stored: bool) -> Result<&[u8], String> {
        let window = if self.blocks_refer_back() { self.output.len().min(WINDOW) } else { 0 };
        self.output.drain(..self.output.len() - window);
        let length = if stored {
            self.output.extend_from_slice(block);
            block.len()
        } else {
            self.output.resize(window + self.block, 0);
            let (before, output) = self.output.split_at_mut(window);
            let unpacked = match before {
                [] => decompress_into(block, output),
                before => decompress_into_with_dict(block, output, before),
            };
            unpacked.map_err(|why| damaged(&why.to_string()))?
        };
        self.output.truncate(window + length);
        let content = &self.output[window..];
        self.length += length as u64;
        if self.has_checksum() {
            self.hash.write(content);
        }
        Ok(content)
    }
}

/// Returns a number of four bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_le_bytes)
}

fn damaged(why: &str) -> String {
    format!("the lz4 stream is damaged: {why}")
}
