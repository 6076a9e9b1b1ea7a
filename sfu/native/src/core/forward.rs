//! From authenticated packets to the seats that want them: subscriber by subscriber, so that what goes to one
//! address leaves together.

use super::arena::{Outgoing, SLOT_BYTES};
use super::counters::{Count, Drop};
use super::engine::Engine;
use super::operations::Event;
use super::seat::{Origin, Written};
use super::selector::EncodingRef;
use crate::srtp::MAX_OVERHEAD;
use crate::wire::rtcp_out::Writer;

impl Engine {
    /// Offer all packets that wait to their seats, in order for each seat, grouped by where they go.
    #[inline]
    pub(super) fn fan_out(&mut self, out: &mut dyn Outgoing) {
        if self.pending.is_empty() {
            return;
        }
        let mut work = std::mem::take(&mut self.work);
        for (place, packet) in self.pending.iter().enumerate() {
            let Some(ingress) = self.ingresses.get(packet.ingress) else { continue };
            for seat in &ingress.offered {
                work.push((self.seats[*seat].transport, *seat, place as u32));
            }
        }
        if self.pending.len() > 1 {
            work.sort_unstable(); // by subscriber, then seat, then arrival
        }
        for (transport, seat, place) in &work {
            self.offer(*transport, *seat, *place as usize, out);
        }
        work.clear();
        self.work = work;
        self.pending.clear();
    }

    #[inline]
    fn offer(&mut self, transport: u32, seat_index: u32, place: usize, out: &mut dyn Outgoing) {
        let packet = self.pending[place];
        let (Some(ingress), Some(seat)) =
            (self.ingresses.get_mut(packet.ingress), self.seats.get_mut(seat_index))
        else {
            return;
        };
        let encoding: EncodingRef = (packet.ingress, packet.encoding);
        let serial = ingress.serial;
        let publisher = &self.transports[ingress.transport].publisher;
        let origin = Origin {
            encoding,
            serial,
            number: packet.number,
            ring: packet.ring,
            arrival_s: self.now.s,
            // Only a switch looks at it.
            offset_s: if seat.selector.target.is_some() { publisher.offset_s() } else { None },
        };
        let one = &mut ingress.encodings[usize::from(packet.encoding)];
        let Some(kept) = one.ring.get(packet.ring) else { return };
        let slot = self.arena.slot(out, &mut self.counters);
        let fed =
            seat.feed(&origin, &packet.facts, kept, &mut one.clock, &mut slot[..SLOT_BYTES - MAX_OVERHEAD]);
        let switched = std::mem::take(&mut seat.switched);
        let cut = seat.selector.current.is_none() && seat.selector.target == Some(encoding);
        match fed {
            Ok(written) => self.seal_and_commit(transport, written),
            Err(why) => self.counters.dropped(why),
        }
        if switched {
            self.switched(seat_index, out);
        } else if cut {
            self.settle(seat_index); // R3: the old source was cut
        }
    }

    /// Seal what stands in the arena's next slot and let it go to a transport.
    #[inline]
    pub(super) fn seal_and_commit(&mut self, transport: u32, written: Written) {
        let to = &self.transports[transport];
        let Some(tx) = to.tx.as_ref() else {
            self.counters.dropped(Drop::NoKeys);
            return;
        };
        let Some(pair) = self.front.path(transport) else {
            self.counters.dropped(Drop::NoPath);
            return;
        };
        let slot = self.arena.open_slot();
        match tx.seal_rtp(slot, written.header, written.size, written.index) {
            Ok(size) => self.arena.commit(pair, size, true),
            Err(_) => self.counters.dropped(Drop::SendFailed),
        }
    }

    /// Seal an RTCP datagram and let it go to a transport.
    pub(super) fn send_rtcp(&mut self, transport: u32, writer: &Writer, out: &mut dyn Outgoing) {
        let Some(pair) = self.front.path(transport) else {
            self.counters.dropped(Drop::NoPath);
            return;
        };
        let slot = self.arena.slot(out, &mut self.counters);
        let Some(tx) = self.transports[transport].tx.as_mut() else { return };
        let datagram = writer.datagram();
        slot[..datagram.len()].copy_from_slice(datagram);
        match tx.seal_rtcp(slot, datagram.len()) {
            Ok(size) => self.arena.commit(pair, size, true),
            Err(_) => self.counters.dropped(Drop::SendFailed),
        }
    }

    fn switched(&mut self, index: u32, out: &mut dyn Outgoing) {
        self.counters.add(Count::Switches, 1);
        self.settle(index);
        let seat = &self.seats[index];
        if let Some((ingress, encoding)) = seat.selector.current {
            let egress = seat.add.egress;
            let from = &self.ingresses[ingress];
            let event = Event::SeatSwitched { egress, ingress: from.add.ingress, rid: from.rid(encoding) };
            self.tell(event);
        }
        self.report_to(index, out);
    }

    /// A sender report of one seat, on its own clock.
    pub(super) fn report_to(&mut self, index: u32, out: &mut dyn Outgoing) {
        let seat = &mut self.seats[index];
        let mapping = seat.selector.current.and_then(|(ingress, encoding)| {
            let from = self.ingresses.get(ingress)?;
            let offset = self.transports[from.transport].publisher.offset_s();
            from.encodings[usize::from(encoding)].clock.mapping(offset)
        });
        let mut writer = Writer::default();
        if seat.sender_report(&mut writer, mapping, self.now.s, self.now.unix_s) {
            seat.reported_s = self.now.s;
            let transport = seat.transport;
            self.send_rtcp(transport, &writer, out);
        }
    }

    /// Ask the publisher, if the arbiter lets us; `waiting`: a switch is. Microphones never are.
    pub(super) fn request_keyframe(
        &mut self,
        (index, encoding): EncodingRef,
        waiting: bool,
        out: &mut dyn Outgoing,
    ) -> bool {
        let now_s = self.now.s;
        let Some(ingress) = self.ingresses.get_mut(index).filter(|one| one.add.video) else { return false };
        let transport = ingress.transport;
        let one = &mut ingress.encodings[usize::from(encoding)];
        let Some(ssrc) = one.ssrc else { return false };
        if !one.arbiter.request(now_s, waiting) {
            return false;
        }
        self.counters.add(Count::KeyframesRequested, 1);
        let mut writer = Writer::default();
        writer.pli((self.transports[transport].feedback_ssrc, ssrc));
        self.send_rtcp(transport, &writer, out);
        true
    }

    /// Who waits for a switch asks for a key frame; audio waits for none.
    pub(super) fn ask(&mut self, index: u32, out: &mut dyn Outgoing) {
        let Some(seat) = self.seats.get(index).filter(|seat| seat.add.video) else { return };
        let (Some(target), stalled) = (seat.selector.target, seat.selector.stalled) else { return };
        let active = self.ingresses.get(target.0).is_some_and(|one| one.active[usize::from(target.1)]);
        // Who sends nothing cannot answer: after the stall, wait for its first packet (a muted camera would be
        // asked twice a second for as long as it is off).
        if active || !stalled {
            self.request_keyframe(target, true, out);
        }
    }
}
