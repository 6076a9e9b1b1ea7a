//! The engine: all state of the plane, and the operations that change it.

use super::arena::{Arena, Outgoing, Pair};
use super::counters::{Count, Counters, Drop};
use super::ice::Front;
use super::ingress::{Facts, Ingress};
use super::levels::LevelMeter;
use super::operations::{
    AddIngress, AddSeat, Credentials, Event, Limits, Operation, PlaneError, RouteSource,
};
use super::routing;
use super::seat::Seat;
use super::selector::Source;
use super::slab::Slab;
use super::transport::Transport;
use super::Seconds;
use crate::srtp::{Inbound, Outbound, Profile};
use std::collections::{HashMap, VecDeque};

/// Events that wait for control. More: it stands still, and the newest are counted and lost.
const MAX_EVENTS: usize = 65_536;

/// A packet that waits to be fanned out, with all others of its batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub ingress: u32,
    pub encoding: u8,
    pub number: i64,
    pub ring: u32,
    pub facts: Facts,
}

/// Time as the caller's clocks say it.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Monotonic, in seconds.
    pub s: Seconds,
    /// Seconds since the Unix epoch.
    pub unix_s: f64,
}

/// All state of a plane. One thread at a time.
pub struct Engine {
    pub(super) limits: Limits,
    pub(super) counters: Counters,
    pub(super) front: Front,
    pub(super) transports: Slab<Transport>,
    pub(super) ingresses: Slab<Ingress>,
    pub(super) seats: Slab<Seat>,
    pub(super) transport_ids: HashMap<u64, u32>,
    pub(super) ingress_ids: HashMap<u64, u32>,
    pub(super) seat_ids: HashMap<u64, u32>,
    pub(super) levels: LevelMeter,
    pub(super) events: VecDeque<Event>,
    pub(super) arena: Arena,
    pub(super) pending: Vec<Pending>,
    /// (transport, seat, place in `pending`) of the packets being fanned out.
    pub(super) work: Vec<(u32, u32, u32)>,
    /// Seats that wait for a switch.
    pub(super) waiting: Vec<u32>,
    pub(super) expired_s: Seconds,
    pub(super) slow_s: Seconds,
    pub(super) due: Vec<u16>,
    pub(super) now: Now,
    serial: u32,
    random: u64,
}

impl Engine {
    /// A plane without anybody. `seed` gives first numbers of streams, no secrets.
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            front: Front::new(&limits),
            limits,
            counters: Counters::default(),
            transports: Slab::default(),
            ingresses: Slab::default(),
            seats: Slab::default(),
            transport_ids: HashMap::new(),
            ingress_ids: HashMap::new(),
            seat_ids: HashMap::new(),
            levels: LevelMeter::default(),
            events: VecDeque::new(),
            arena: Arena::default(),
            pending: Vec::with_capacity(128),
            work: Vec::with_capacity(4096),
            waiting: Vec::new(),
            expired_s: 0.0,
            slow_s: 0.0,
            due: Vec::new(),
            now: Now { s: 0.0, unix_s: 0.0 },
            serial: 0,
            random: seed | 1,
        }
    }

    /// Counters now.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A panic was contained: what was half done is dropped.
    pub fn contain(&mut self) {
        self.counters.bugs += 1;
        self.pending.clear();
        self.work.clear();
        self.arena.clear();
    }

    /// Transports, ingresses and seats there are.
    pub fn sizes(&self) -> (usize, usize, usize) {
        (self.transports.len(), self.ingresses.len(), self.seats.len())
    }

    /// Hand over the events so far.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Whether there are events to hand over.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    pub(super) fn tell(&mut self, event: Event) {
        if self.events.len() >= MAX_EVENTS {
            self.counters.add(Count::EventsDropped, 1);
        } else {
            self.events.push_back(event);
        }
    }

    /// Send what is written.
    pub(super) fn flush(&mut self, out: &mut dyn Outgoing) {
        if !self.arena.is_empty() {
            out.flush(&mut self.arena, &mut self.counters);
            self.arena.clear();
        }
    }

    /// splitmix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    // ---- operations

    /// Carry out one operation.
    pub fn apply(
        &mut self,
        operation: Operation,
        now: Now,
        out: &mut dyn Outgoing,
    ) -> Result<(), PlaneError> {
        self.now = now;
        let done = self.carry_out(operation, out);
        self.flush(out);
        done
    }

    fn carry_out(&mut self, operation: Operation, out: &mut dyn Outgoing) -> Result<(), PlaneError> {
        match operation {
            Operation::AddTransport { transport, credentials } => self.add_transport(transport, &credentials),
            Operation::RestartIce { transport, credentials } => {
                let index = self.transport(transport)?;
                self.refuse_known_ufrag(&credentials.ufrag)?;
                self.front.restart(index, &credentials);
                Ok(())
            }
            Operation::SetKeys { transport, profile, rx, tx } => self.set_keys(transport, profile, &rx, &tx),
            Operation::SendDtls { transport, datagram } => {
                let index = self.transport(transport)?;
                self.send_plain(index, &datagram, out);
                Ok(())
            }
            Operation::RemoveTransport { transport } => self.remove_transport(transport),
            Operation::AddIngress(add) => self.add_ingress(add),
            Operation::RemoveIngress { ingress } => {
                let index = self.ingress(ingress)?;
                self.remove_ingress(index);
                Ok(())
            }
            Operation::AddSeat(add) => self.add_seat(add),
            Operation::RemoveSeat { egress } => {
                let index = self.seat(egress)?;
                self.remove_seat(index);
                Ok(())
            }
            Operation::SetRoute { egress, source, cut } => self.set_route(egress, source, cut, out),
            Operation::RequestKeyframe { ingress, rid } => {
                let index = self.ingress(ingress)?;
                let encoding = self.ingresses[index].encoding_of(rid.as_deref());
                let wanted = rid.unwrap_or_else(|| "without RID".into());
                let encoding =
                    encoding.ok_or_else(|| error(format!("ingress {ingress} has no encoding {wanted}")))?;
                self.request_keyframe((index, encoding), false, out);
                Ok(())
            }
        }
    }

    fn add_transport(&mut self, id: u64, credentials: &Credentials) -> Result<(), PlaneError> {
        if self.transport_ids.contains_key(&id) {
            return Err(error(format!("transport {id} is there already")));
        }
        self.refuse_known_ufrag(&credentials.ufrag)?;
        let ssrc = (self.next_random() as u32).max(1);
        let index = self.transports.insert(Transport::new(id, ssrc, &self.limits));
        self.transport_ids.insert(id, index);
        self.front.add(index, credentials);
        Ok(())
    }

    fn refuse_known_ufrag(&self, ufrag: &str) -> Result<(), PlaneError> {
        if self.front.knows(ufrag) {
            return Err(error("this ufrag is in use already".into()));
        }
        Ok(())
    }

    fn set_keys(&mut self, id: u64, profile: Profile, rx: &[u8], tx: &[u8]) -> Result<(), PlaneError> {
        let index = self.transport(id)?;
        let (key, salt) = profile.key_bytes();
        if let Some(wrong) = [rx, tx].iter().find(|one| one.len() != key + salt) {
            let wanted = key + salt;
            return Err(error(format!("SRTP key of {} bytes, {profile:?} wants {wanted}", wrong.len())));
        }
        let transport = &mut self.transports[index];
        (transport.rx, transport.tx) = (Inbound::new(profile, rx), Outbound::new(profile, tx));
        Ok(())
    }

    fn remove_transport(&mut self, id: u64) -> Result<(), PlaneError> {
        let index = self.transport(id)?;
        let seats: Vec<u32> = self.transports[index].seats.values().copied().collect();
        seats.into_iter().for_each(|seat| self.remove_seat(seat));
        let ingresses = self.transports[index].ingresses.clone();
        ingresses.into_iter().for_each(|ingress| self.remove_ingress(ingress));
        self.front.remove(index);
        self.transports.remove(index);
        self.transport_ids.remove(&id);
        Ok(())
    }

    fn add_ingress(&mut self, add: AddIngress) -> Result<(), PlaneError> {
        let transport = self.transport(add.transport)?;
        if self.ingress_ids.contains_key(&add.ingress) {
            return Err(error(format!("ingress {} is there already", add.ingress)));
        }
        let published = &self.transports[transport].ingresses;
        if published.iter().any(|one| self.ingresses[*one].add.mid == add.mid) {
            return Err(error(format!("transport {} publishes this MID already", add.transport)));
        }
        self.serial = self.serial.wrapping_add(1);
        let id = add.ingress;
        let ingress = Ingress::new(add, transport, self.serial, &self.limits, self.now.s);
        let extensions = ingress.add.extensions.clone();
        let index = self.ingresses.insert(ingress);
        self.ingress_ids.insert(id, index);
        let owner = &mut self.transports[transport];
        owner.ingresses.push(index);
        for (number, meaning) in extensions {
            owner.ids[usize::from(number)] = Some(meaning);
        }
        routing::refresh_feedback(owner, &self.ingresses);
        Ok(())
    }

    fn remove_ingress(&mut self, index: u32) {
        for seat in 0..self.seats.bound() {
            let routed = self.seats.get(seat).and_then(|seat| seat.selector.source);
            if routed.is_some_and(|source| source.ingress == index) {
                self.unroute(seat);
            }
            if let Some(seat) = self.seats.get_mut(seat) {
                seat.selector.forget(index);
                seat.offered_by.iter_mut().filter(|one| **one == Some(index)).for_each(|one| *one = None);
            }
        }
        self.levels.forget(index);
        let Some(ingress) = self.ingresses.remove(index) else { return };
        self.ingress_ids.remove(&ingress.add.ingress);
        let owner = &mut self.transports[ingress.transport];
        owner.withdraw(index);
        routing::refresh_feedback(owner, &self.ingresses);
    }

    fn add_seat(&mut self, add: AddSeat) -> Result<(), PlaneError> {
        let transport = self.transport(add.transport)?;
        if self.seat_ids.contains_key(&add.egress) {
            return Err(error(format!("egress {} is there already", add.egress)));
        }
        let taken = |ssrc: u32| {
            let seats = self.transports[transport].seats.values();
            seats.map(|seat| &self.seats[*seat].add).any(|one| one.ssrc == ssrc || one.rtx_ssrc == Some(ssrc))
        };
        if taken(add.ssrc) || add.rtx_ssrc.is_some_and(taken) {
            return Err(error(format!("transport {} has a seat with this SSRC already", add.transport)));
        }
        let random = self.next_random();
        let (egress, ssrc) = (add.egress, add.ssrc);
        let index = self.seats.insert(Seat::new(add, transport, &self.limits, random, self.now.s));
        self.seat_ids.insert(egress, index);
        self.transports[transport].seats.insert(ssrc, index);
        Ok(())
    }

    fn remove_seat(&mut self, index: u32) {
        self.unroute(index);
        let Some(seat) = self.seats.remove(index) else { return };
        self.seat_ids.remove(&seat.add.egress);
        self.transports[seat.transport].seats.remove(&seat.add.ssrc);
    }

    fn set_route(
        &mut self,
        egress: u64,
        source: Option<RouteSource>,
        cut: bool,
        out: &mut dyn Outgoing,
    ) -> Result<(), PlaneError> {
        let seat = self.seat(egress)?;
        let Some(source) = source else {
            self.unroute(seat);
            return Ok(());
        };
        let index = self.ingress(source.ingress)?;
        let ingress = &self.ingresses[index];
        if ingress.add.video != self.seats[seat].add.video {
            return Err(error(format!("egress {egress} cannot carry this kind of track")));
        }
        let ceiling = source.rid.as_deref().and_then(|rid| ingress.encoding_of(Some(rid)));
        let source = Source { ingress: index, ceiling, max_temporal: source.max_temporal };
        self.route(seat, source, cut);
        self.ask(seat, out);
        Ok(())
    }

    fn transport(&self, id: u64) -> Result<u32, PlaneError> {
        self.transport_ids.get(&id).copied().ok_or_else(|| error(format!("transport {id} is not there")))
    }

    fn ingress(&self, id: u64) -> Result<u32, PlaneError> {
        self.ingress_ids.get(&id).copied().ok_or_else(|| error(format!("ingress {id} is not there")))
    }

    fn seat(&self, id: u64) -> Result<u32, PlaneError> {
        self.seat_ids.get(&id).copied().ok_or_else(|| error(format!("egress {id} is not there")))
    }

    // ---- plain datagrams

    /// Send a DTLS datagram on the selected pair.
    fn send_plain(&mut self, transport: u32, datagram: &[u8], out: &mut dyn Outgoing) {
        let Some(pair) = self.front.path(transport) else {
            self.counters.dropped(Drop::NoPath);
            return;
        };
        let slot = self.arena.slot(out, &mut self.counters);
        if datagram.len() > slot.len() {
            self.counters.dropped(Drop::SendFailed);
            return;
        }
        slot[..datagram.len()].copy_from_slice(datagram);
        self.arena.commit(pair, datagram.len(), true);
    }

    /// Answer a check where it came from.
    pub(super) fn reply(&mut self, datagram: &[u8], pair: Pair, out: &mut dyn Outgoing) {
        let slot = self.arena.slot(out, &mut self.counters);
        slot[..datagram.len()].copy_from_slice(datagram);
        self.arena.commit(pair, datagram.len(), false);
    }
}

fn error(text: String) -> PlaneError {
    PlaneError(text)
}
