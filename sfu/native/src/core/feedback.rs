//! RTCP in: what subscribers say is heard here and goes no further (SECURITY 0.7).

use super::arena::Outgoing;
use super::counters::{Count, Drop};
use super::engine::Engine;
use super::history::Miss;
use crate::wire::be32;
use crate::wire::rtcp::{blocks, lost, Member, Members};
use crate::wire::rtcp_out::ntp_from_unix;

/// BYEs of one encoding that are acted on. Each, and the packet after it, makes two events and a look at all
/// seats of the track: a publisher must not have that at the rate of its packets.
const BYE_EVERY_S: f64 = 1.0;

impl Engine {
    pub(super) fn rtcp(&mut self, packet: &mut [u8], index: u32, out: &mut dyn Outgoing) -> Result<(), Drop> {
        let sender = be32(packet, 4).ok_or(Drop::Malformed)?;
        let transport = &mut self.transports[index];
        if transport.rx.is_none() {
            return Err(Drop::NoKeys);
        }
        let mut window = transport.report_window(sender).ok_or(Drop::SsrcLimit)?;
        let rx = transport.rx.as_ref().ok_or(Drop::NoKeys)?;
        let end = rx.open_rtcp(&mut window, packet)?;
        transport.reported(sender, window);
        self.counters.add(Count::RtcpIn, 1);
        let Ok(mut members) = Members::of(&packet[..end]) else {
            self.counters.add(Count::RtcpMalformed, 1);
            return Err(Drop::Malformed);
        };
        for member in members.by_ref() {
            self.member(member, index, out);
        }
        if members.truncated {
            self.counters.add(Count::RtcpMalformed, 1);
        }
        Ok(())
    }

    fn member(&mut self, member: Member<'_>, index: u32, out: &mut dyn Outgoing) {
        match member {
            Member::SenderReport { ssrc, ntp, rtp, blocks } => {
                self.sender_report(index, ssrc, ntp, rtp);
                self.reports(index, blocks);
            }
            Member::ReceiverReport { blocks } => self.reports(index, blocks),
            Member::Nack { media, fci } => self.nack(index, media, fci, out),
            Member::Pli { media } => self.keyframe(index, media, out),
            Member::Fir(fci) => fci.chunks_exact(8).for_each(|entry| {
                self.keyframe(index, be32(entry, 0).unwrap_or(0), out);
            }),
            Member::Bye(ssrcs) => ssrcs.chunks_exact(4).for_each(|ssrc| {
                self.bye(index, be32(ssrc, 0).unwrap_or(0));
            }),
            Member::TransportFeedback { .. } | Member::Other => {}
        }
    }

    fn sender_report(&mut self, index: u32, ssrc: u32, ntp: u64, rtp: u32) {
        let transport = &mut self.transports[index];
        let Some(admitted) = transport.by_ssrc.get(&ssrc).filter(|one| !one.rtx && !one.retired) else {
            return;
        };
        let ingress = &mut self.ingresses[admitted.ingress];
        let encoding = &mut ingress.encodings[usize::from(admitted.encoding)];
        encoding.clock.on_sender_report(&mut transport.publisher, ntp, rtp, self.now.s);
        encoding.stats.on_sender_report(ntp, self.now.s);
    }

    /// Round trip from our own sender reports (RFC 3550 section 6.4.1).
    fn reports(&mut self, index: u32, raw: &[u8]) {
        let now_mid = (ntp_from_unix(self.now.unix_s) >> 16) as u32;
        let transport = &mut self.transports[index];
        for block in blocks(raw) {
            if block.last_sr != 0 && transport.seats.contains_key(&block.ssrc) {
                let ticks = now_mid.wrapping_sub(block.last_sr).wrapping_sub(block.delay);
                if ticks < 10 << 16 {
                    // More than ten seconds is nonsense, or an echo of the past.
                    transport.rtt_s += (f64::from(ticks) / 65_536.0 - transport.rtt_s) / 4.0;
                }
            }
        }
    }

    fn nack(&mut self, index: u32, media: u32, fci: &[u8], out: &mut dyn Outgoing) {
        self.counters.add(Count::NacksReceived, 1);
        let transport = &self.transports[index];
        let (Some(seat), rtt_s) = (transport.seats.get(&media).copied(), transport.rtt_s) else { return };
        for seq in lost(fci) {
            self.counters.add(Count::NackedPacketsReceived, 1);
            match self.seats[seat].resend(seq, self.now.s, rtt_s) {
                Ok(sent) => self.resend(index, seat, &sent, out),
                Err(Miss::Gone) => self.counters.add(Count::RtxMissed, 1),
                Err(Miss::OverBudget) => self.counters.add(Count::RtxOverBudget, 1),
                Err(Miss::TooSoon) => {}
            }
        }
    }

    fn resend(&mut self, index: u32, seat: u32, sent: &super::history::Sent, out: &mut dyn Outgoing) {
        let (ingress, serial) = sent.ingress;
        let from = self.ingresses.get(ingress).filter(|one| one.serial == serial);
        let kept = from.and_then(|one| one.encodings.get(usize::from(sent.encoding))?.ring.get(sent.number));
        let Some(kept) = kept else {
            self.counters.add(Count::RtxMissed, 1);
            return;
        };
        let slot = self.arena.slot(out, &mut self.counters);
        if let Some(written) = self.seats[seat].write_resent(sent, kept, slot) {
            self.counters.add(Count::RtxSent, 1);
            self.seal_and_commit(index, written);
        }
    }

    fn keyframe(&mut self, index: u32, media: u32, out: &mut dyn Outgoing) {
        self.counters.add(Count::PliReceived, 1);
        let now_s = self.now.s;
        let number = self.transports[index].seats.get(&media).copied();
        let seat = number.and_then(|number| self.seats.get_mut(number));
        let wanted = seat.and_then(|seat| {
            let current = seat.selector.current?;
            seat.budget.allows(now_s).then_some(current)
        });
        let Some(encoding) = wanted else {
            self.counters.add(Count::PliSuppressed, 1);
            return;
        };
        if self.request_keyframe(encoding, false, out) {
            if let Some(seat) = number.and_then(|number| self.seats.get_mut(number)) {
                seat.budget.pay(now_s);
            }
        }
    }

    /// The publisher said good-bye on this SSRC; packets that still come wake it again.
    fn bye(&mut self, index: u32, ssrc: u32) {
        let admitted = self.transports[index].by_ssrc.get(&ssrc).filter(|one| !one.rtx && !one.retired);
        let Some((ingress, encoding)) = admitted.map(|one| (one.ingress, one.encoding)) else { return };
        let one = &mut self.ingresses[ingress].encodings[usize::from(encoding)];
        if one.bye_s.is_some_and(|last| self.now.s - last < BYE_EVERY_S) {
            return;
        }
        one.bye_s = Some(self.now.s);
        if one.active {
            self.view_changed(ingress, encoding, false);
        }
    }
}
