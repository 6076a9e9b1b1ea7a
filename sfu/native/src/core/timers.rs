//! Everything that is due by time: NACKs, reports, transport-wide feedback, key-frame repeats, levels, consent.

use super::arena::Outgoing;
use super::counters::Count;
use super::engine::{Engine, Now};
use super::ingress::SILENT_AFTER_S;
use super::operations::{Event, Feedback};
use super::transport::REMB_TOP_BPS;
use crate::wire::rtcp_out::{ReportBlock, Writer};

/// How often `tick` is to be called. Lower: CPU; higher: NACKs and key-frame repeats come later.
pub(crate) const TICK_S: f64 = 0.02;
const EXPIRE_EVERY_S: f64 = 0.25;
const SLOW_TICK_S: f64 = 0.25;
const SENDER_REPORT_EVERY_S: f64 = 1.0;
const REPORT_EVERY_S: f64 = 1.0;
const REMB_EVERY_S: f64 = 0.5;
const REMB_LEAST_BPS: f64 = 150_000.0;
/// Asked for in one packet: at most 1 kB of them, however far apart they are.
const NACK_NUMBERS: usize = 256;

impl Engine {
    /// Do what is due; called about every `TICK_S`.
    pub fn tick(&mut self, now: Now, out: &mut dyn Outgoing) {
        self.now = now;
        let mut at = 0;
        while let Some(seat) = self.waiting.get(at).copied() {
            self.ask(seat, out);
            at += 1;
        }
        for index in 0..self.transports.bound() {
            if self.transports.get(index).is_some_and(|one| one.tx.is_some() && !one.ingresses.is_empty()) {
                self.feed_back(index, out);
            }
        }
        let heard = self.levels.poll(now.s);
        if !heard.is_empty() {
            let ids = heard.into_iter().filter_map(|(ingress, level)| {
                self.ingresses.get(ingress).map(|one| (one.add.ingress, level))
            });
            let levels = Event::Levels(ids.collect());
            self.tell(levels);
        }
        if now.s - self.slow_s >= SLOW_TICK_S {
            self.slow_s = now.s;
            self.expire_seats(out);
            self.expire_encodings();
        }
        if now.s - self.expired_s >= EXPIRE_EVERY_S {
            self.expired_s = now.s;
            self.expire_consent();
        }
        self.flush(out);
    }

    fn expire_consent(&mut self) {
        for index in 0..self.transports.bound() {
            let (consent_s, now_s) = (self.limits.consent_s, self.now.s);
            let lost = self.front.agent(index).is_some_and(|agent| agent.expire(consent_s, now_s));
            if let Some(transport) = self.transports.get(index).filter(|_| lost).map(|one| one.id) {
                self.tell(Event::ConsentLost { transport });
            }
        }
    }

    fn expire_seats(&mut self, out: &mut dyn Outgoing) {
        for index in 0..self.seats.bound() {
            let now_s = self.now.s;
            let Some(seat) = self.seats.get_mut(index).filter(|seat| seat.selector.source.is_some()) else {
                continue;
            };
            let due = now_s - seat.reported_s >= SENDER_REPORT_EVERY_S;
            if seat.selector.stall(now_s) {
                let egress = seat.add.egress;
                let target = seat.selector.target.and_then(|(of, encoding)| {
                    self.ingresses.get(of).map(|one| (one.add.ingress, one.rid(encoding)))
                });
                if let Some((ingress, rid)) = target {
                    self.counters.add(Count::SwitchesStalled, 1);
                    self.tell(Event::SeatStalled { egress, ingress, rid });
                }
            }
            if due {
                self.report_to(index, out);
            }
        }
    }

    fn expire_encodings(&mut self) {
        for index in 0..self.ingresses.bound() {
            let count = self.ingresses.get(index).map_or(0, |one| one.encodings.len());
            for encoding in 0..count {
                let one = &self.ingresses[index].encodings[encoding];
                if one.active && self.now.s - one.heard_s > SILENT_AFTER_S {
                    self.view_changed(index, encoding as u8, false);
                }
            }
        }
    }

    /// Send one publisher what is due: transport-wide feedback or REMB, NACKs, reports.
    fn feed_back(&mut self, index: u32, out: &mut dyn Outgoing) {
        let (now_s, transport) = (self.now.s, &mut self.transports[index]);
        let (own, kind) = (transport.feedback_ssrc, transport.feedback);
        if kind == Feedback::TransportCc {
            let mut recorder = std::mem::take(&mut transport.recorder);
            let live = transport.by_ssrc.iter().filter(|(_, one)| !one.rtx && !one.retired);
            let media = live.map(|(ssrc, _)| *ssrc).min().unwrap_or(0);
            recorder.poll((own, media), now_s, |writer| self.send_rtcp(index, writer, out));
            self.transports[index].recorder = recorder;
        }
        self.nacks(index, own, out);
        if now_s - self.transports[index].reported_s >= REPORT_EVERY_S {
            self.transports[index].reported_s = now_s;
            self.receiver_reports(index, own, out);
        }
        if kind == Feedback::Remb && now_s - self.transports[index].remb_s >= REMB_EVERY_S {
            self.transports[index].remb_s = now_s;
            self.remb(index, own, out);
        }
    }

    fn remb(&mut self, index: u32, own: u32, out: &mut dyn Outgoing) {
        let transport = &self.transports[index];
        let live = transport.by_ssrc.iter().filter(|(_, one)| !one.rtx && !one.retired);
        let seen = live.filter(|(_, one)| self.ingresses[one.ingress].add.video);
        let ssrcs: Vec<u32> = seen.map(|(ssrc, _)| *ssrc).collect();
        if !ssrcs.is_empty() {
            let mut writer = Writer::default();
            writer.remb(own, transport.remb_bps as u64, &ssrcs);
            self.send_rtcp(index, &writer, out);
        }
    }

    fn nacks(&mut self, index: u32, own: u32, out: &mut dyn Outgoing) {
        let rtt_s = self.transports[index].rtt_s;
        for place in 0..self.transports[index].ingresses.len() {
            let number = self.transports[index].ingresses[place];
            if !self.ingresses[number].add.video {
                continue;
            }
            for encoding in 0..self.ingresses[number].encodings.len() {
                let mut due = std::mem::take(&mut self.due);
                let one = &mut self.ingresses[number].encodings[encoding];
                if !one.nack.is_idle() {
                    one.nack.poll(self.now.s, rtt_s, &mut due);
                }
                let gave_up = std::mem::take(&mut one.nack.gave_up);
                let ssrc = one.ssrc;
                for part in due.chunks(NACK_NUMBERS) {
                    let Some(ssrc) = ssrc else { break };
                    self.counters.add(Count::NacksSent, 1);
                    self.counters.add(Count::NackedPacketsSent, part.len() as u64);
                    let mut writer = Writer::default();
                    writer.nack((own, ssrc), part);
                    self.send_rtcp(index, &writer, out);
                }
                due.clear();
                self.due = due;
                if gave_up && self.is_watched((number, encoding as u8)) {
                    self.request_keyframe((number, encoding as u8), false, out);
                }
            }
        }
    }

    fn receiver_reports(&mut self, index: u32, own: u32, out: &mut dyn Outgoing) {
        let mut blocks: Vec<ReportBlock> = Vec::new();
        for place in 0..self.transports[index].ingresses.len() {
            let number = self.transports[index].ingresses[place];
            for encoding in &mut self.ingresses[number].encodings {
                let Some(ssrc) = encoding.ssrc else { continue };
                blocks.extend(encoding.stats.block(ssrc, self.now.s));
            }
        }
        for part in blocks.chunks(31) {
            let mut writer = Writer::default();
            writer.receiver_report(own, part);
            self.send_rtcp(index, &writer, out);
        }
        let lost = blocks.iter().map(|block| block.fraction).max().unwrap_or(0);
        let lost = f64::from(lost) / 256.0;
        let transport = &mut self.transports[index];
        if lost > 0.1 {
            transport.remb_bps = (transport.remb_bps * (1.0 - lost / 2.0)).max(REMB_LEAST_BPS);
        } else if lost < 0.02 {
            transport.remb_bps = (transport.remb_bps * 1.08).min(REMB_TOP_BPS);
        }
    }
}
