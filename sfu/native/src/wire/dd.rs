//! Dependency descriptor (AV1 RTP specification, appendix A): mandatory fields and which template is which layer.

use super::{be16, WireError};

/// Template ids are 6 bits (A.8).
pub const MAX_TEMPLATES: usize = 64;

/// The template structure that a key frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Structure {
    offset: u8,
    count: u8,
    /// Spatial layer in the high four bits, temporal in the low ones.
    layers: [u8; MAX_TEMPLATES],
}

/// One packet's descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// First packet of the frame (of the layer).
    pub start: bool,
    /// Template of the frame.
    pub template: u8,
    /// Frame number.
    pub frame_number: u16,
    /// Whether a structure is attached.
    pub structured: bool,
}

struct Bits<'a> {
    raw: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Result<u8, WireError> {
        let mut value = 0u8;
        for _ in 0..count {
            let byte = self.raw.get(self.at / 8).ok_or(WireError("dd_structure"))?;
            value = value << 1 | (byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }
}

/// Read the mandatory fields; a structure that is attached replaces `known`.
pub fn parse(raw: &[u8], known: &mut Option<Structure>) -> Result<Descriptor, WireError> {
    if raw.len() < 3 {
        return Err(WireError("dd_short"));
    }
    let found = if raw.len() > 3 { structure(&raw[3..])? } else { None };
    let structured = found.is_some();
    if structured {
        *known = found;
    }
    Ok(Descriptor {
        start: raw[0] & 0x80 != 0,
        template: raw[0] & 0x3F,
        frame_number: be16(raw, 1).unwrap_or(0),
        structured,
    })
}

/// Temporal layer of a packet, 0 when the structure does not name its template.
pub fn temporal_of(descriptor: &Descriptor, structure: Option<&Structure>) -> u8 {
    let Some(structure) = structure else { return 0 };
    let index = usize::from(descriptor.template.wrapping_sub(structure.offset) & 0x3F);
    if index < usize::from(structure.count) {
        structure.layers[index] & 0x0F
    } else {
        0
    }
}

fn structure(raw: &[u8]) -> Result<Option<Structure>, WireError> {
    let mut bits = Bits { raw, at: 0 };
    let flags = bits.take(5)?; // structure present, active targets, custom dtis, fdiffs, chains
    if flags & 0x10 == 0 {
        return Ok(None);
    }
    let mut found = Structure { offset: bits.take(6)?, count: 0, layers: [0; MAX_TEMPLATES] };
    bits.take(5)?; // decode targets
    let (mut spatial, mut temporal) = (0u8, 0u8);
    while usize::from(found.count) < MAX_TEMPLATES {
        found.layers[usize::from(found.count)] = (spatial & 0x0F) << 4 | (temporal & 0x0F);
        found.count += 1;
        match bits.take(2)? {
            1 => temporal = temporal.saturating_add(1),
            2 => (spatial, temporal) = (spatial.saturating_add(1), 0),
            3 => break,
            _ => {}
        }
    }
    Ok(Some(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_have_an_answer(raw in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut known = None;
            if let Ok(descriptor) = parse(&raw, &mut known) {
                prop_assert!(temporal_of(&descriptor, known.as_ref()) < 16);
            }
        }
    }
}
