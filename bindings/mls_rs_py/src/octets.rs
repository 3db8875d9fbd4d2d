//! Reads MLS structures from octets, one after the other (RFC 9420, section 2.1); nothing is copied.

use crate::{
    bounds::{MAX_GROUP_ID, MAX_KEY},
    error::{Fault, Kind},
};

/// Refuse octets that are not what they should be.
pub fn malformed<T>(text: &'static str) -> Result<T, Fault> {
    Err(Fault::new(Kind::MalformedMessage, text))
}

/// Refuse `count` if it is more than `most`.
pub fn at_most(count: usize, most: usize, what: &'static str) -> Result<(), Fault> {
    if count > most {
        return Err(Fault::new(Kind::LimitExceeded, format!("more than {most} {what}")));
    }
    Ok(())
}

/// Reads octets one structure after the other; nothing is copied.
#[derive(Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Take a part, and leave what is behind it.
    pub fn take(&mut self, size: usize) -> Result<&'a [u8], Fault> {
        let Some((part, rest)) = self.0.split_at_checked(size) else { return malformed("it ends too early") };
        self.0 = rest;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn u8(&mut self) -> Result<u8, Fault> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, Fault> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, Fault> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A variable-size vector, whose length has the shortest encoding (section 2.1.2).
    pub fn vector(&mut self) -> Result<&'a [u8], Fault> {
        let first = self.u8()?;
        let more = match first >> 6 {
            0 => 0,
            1 => 1,
            2 => 3,
            _ => return malformed("a length of an unknown form"),
        };
        let head = usize::from(first & 0x3f);
        let length = self.take(more)?.iter().fold(head, |length, octet| length << 8 | usize::from(*octet));
        let shortest = match length {
            0..0x40 => 0,
            0x40..0x4000 => 1,
            _ => 3,
        };
        if more != shortest {
            return malformed("a length in a longer form than needed");
        }
        self.take(length)
    }

    /// A vector that holds structures.
    pub fn inside(&mut self) -> Result<Self, Fault> {
        self.vector().map(Self)
    }

    /// A vector that holds a key, a hash, a tag or a signature.
    pub fn key(&mut self) -> Result<&'a [u8], Fault> {
        let key = self.vector()?;
        at_most(key.len(), MAX_KEY, "octets of a key, hash, tag or signature")?;
        Ok(key)
    }

    /// A group id.
    pub fn group_id(&mut self) -> Result<&'a [u8], Fault> {
        let group_id = self.vector()?;
        at_most(group_id.len(), MAX_GROUP_ID, "octets of a group id")?;
        Ok(group_id)
    }

    /// The octets from here to where `later` is, a reader of the same octets.
    pub fn until(self, later: Self) -> &'a [u8] {
        &self.0[..self.0.len() - later.0.len()]
    }

    /// See that nothing is left.
    pub fn end(self) -> Result<(), Fault> {
        if self.is_empty() { Ok(()) } else { malformed("more octets than the structure has") }
    }
}
