//! The ICE-lite front: which address pairs are whose (RFC 8445 section 2.5).
//!
//! Nothing a stranger sends changes anything here: a check must name a local ufrag, carry a right
//! MESSAGE-INTEGRITY and a right FINGERPRINT before any state moves (DESIGN section 4).

use super::arena::Pair;
use super::counters::Drop;
use super::keyframes::TokenBucket;
use super::operations::{Credentials, Limits};
use super::Seconds;
use crate::wire::stun::{self, MAX_RESPONSE_BYTES};
use ring::hmac;
use std::collections::hash_map::RandomState;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;

/// Checks with a wrong integrity, per source prefix and ufrag, that may cost an HMAC.
const CHECKS_BURST: f64 = 200.0;
const CHECKS_PER_S: f64 = 100.0;
/// Prefixes and ufrags share so many buckets, by a keyed hash: memory is fixed, whatever strangers try.
const BUCKETS: usize = 4096;
/// A pair belongs to whom it was last validated for, unless it was silent for so long: a check with a forged
/// source address must not take a participant's path away. Browsers check every 2.5 to 6 s.
const HELD_S: f64 = 7.0;
/// Credentials kept from restarts that the browser has not followed yet.
const OLD_UFRAGS: usize = 4;

/// One transport's side of ICE.
#[derive(Debug, Default)]
pub struct Agent {
    ufrag: String,
    old_ufrags: Vec<String>,
    pairs: Vec<(Pair, Seconds)>,
    selected: Option<Pair>,
    last_check_s: Option<Seconds>,
    consent_lost: bool,
}

impl Agent {
    /// Where to send; None without a pair, or without consent (RFC 7675 section 5.1: cease).
    #[inline]
    pub fn path(&self) -> Option<Pair> {
        if self.consent_lost {
            None
        } else {
            self.selected
        }
    }

    /// True once, when no check came for the consent time.
    pub fn expire(&mut self, consent_s: f64, now_s: Seconds) -> bool {
        let silent = self.last_check_s.is_some_and(|last| now_s - last >= consent_s);
        let lost = silent && !self.consent_lost;
        self.consent_lost |= lost;
        lost
    }
}

struct Known {
    transport: u32,
    password: hmac::Key,
    remote: String,
}

/// An authenticated check: what to answer, and whether the selected pair moved.
#[derive(Debug)]
pub struct Checked {
    /// Whose.
    pub transport: u32,
    /// The answer.
    pub reply: ([u8; MAX_RESPONSE_BYTES], usize),
    /// The selected pair is another, or consent came back.
    pub moved: bool,
    /// It is the first.
    pub first: bool,
    /// A pair was forgotten to make room.
    pub evicted: bool,
}

/// All transports' agents, found by ufrag before a pair is known and by pair after.
pub struct Front {
    by_ufrag: HashMap<String, Known>,
    by_pair: HashMap<Pair, u32>,
    agents: Vec<Option<Agent>>,
    buckets: Box<[TokenBucket]>,
    hasher: RandomState,
    address_pairs: usize,
}

impl Front {
    /// Nobody is known.
    pub fn new(limits: &Limits) -> Self {
        Self {
            by_ufrag: HashMap::new(),
            by_pair: HashMap::new(),
            agents: Vec::new(),
            buckets: vec![TokenBucket::new(CHECKS_BURST, CHECKS_PER_S, 0.0); BUCKETS].into_boxed_slice(),
            hasher: RandomState::new(),
            address_pairs: limits.address_pairs,
        }
    }

    /// Whether a local ufrag is in use.
    pub fn knows(&self, ufrag: &str) -> bool {
        self.by_ufrag.contains_key(ufrag)
    }

    /// Answer checks for a transport from now on.
    pub fn add(&mut self, transport: u32, credentials: &Credentials) {
        if self.agents.len() <= transport as usize {
            self.agents.resize_with(transport as usize + 1, || None);
        }
        self.agents[transport as usize] =
            Some(Agent { ufrag: credentials.ufrag.clone(), ..Agent::default() });
        self.learn(transport, credentials);
    }

    fn learn(&mut self, transport: u32, credentials: &Credentials) {
        let password = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, credentials.pwd.as_bytes());
        let remote = credentials.remote_ufrag.clone();
        self.by_ufrag.insert(credentials.ufrag.clone(), Known { transport, password, remote });
    }

    /// New credentials. The old ones stay until the new are first used: media must not stop.
    pub fn restart(&mut self, transport: u32, credentials: &Credentials) {
        let Some(agent) = self.agents.get_mut(transport as usize).and_then(Option::as_mut) else { return };
        let old = std::mem::replace(&mut agent.ufrag, credentials.ufrag.clone());
        agent.old_ufrags.push(old);
        if agent.old_ufrags.len() > OLD_UFRAGS {
            let gone = agent.old_ufrags.remove(0);
            self.by_ufrag.remove(&gone);
        }
        self.learn(transport, credentials);
    }

    /// Forget a transport; its addresses are strangers' again.
    pub fn remove(&mut self, transport: u32) {
        let Some(agent) = self.agents.get_mut(transport as usize).and_then(Option::take) else { return };
        for ufrag in agent.old_ufrags.iter().chain([&agent.ufrag]) {
            self.by_ufrag.remove(ufrag);
        }
        for (pair, _) in agent.pairs {
            self.by_pair.remove(&pair);
        }
    }

    /// Whose validated pair this is, None for a stranger's.
    #[inline]
    pub fn owner(&self, pair: &Pair) -> Option<u32> {
        self.by_pair.get(pair).copied()
    }

    /// One transport's side.
    #[inline]
    pub fn agent(&mut self, transport: u32) -> Option<&mut Agent> {
        self.agents.get_mut(transport as usize)?.as_mut()
    }

    /// Where to send to a transport.
    #[inline]
    pub fn path(&self, transport: u32) -> Option<Pair> {
        self.agents.get(transport as usize)?.as_ref()?.path()
    }

    /// Take one STUN datagram; on a refusal nothing has changed.
    pub fn check(&mut self, datagram: &[u8], pair: Pair, now_s: Seconds) -> Result<Checked, Drop> {
        let request = stun::parse_binding_request(datagram).map_err(|_| Drop::StunMalformed)?;
        let known = self.by_ufrag.get(request.local).filter(|known| known.remote == request.remote);
        let known = known.ok_or(Drop::StunUnknownUfrag)?;
        let transport = known.transport;
        let trusted = self.by_pair.get(&pair) == Some(&transport);
        let bucket = (self.hasher.hash_one((prefix(pair.1.ip()), request.local)) % BUCKETS as u64) as usize;
        if !trusted && self.buckets[bucket].is_empty(now_s) {
            return Err(Drop::StunRateLimited);
        }
        if !stun::integrity_ok(datagram, &known.password) {
            if !trusted {
                self.buckets[bucket].take(now_s); // only failures are paid for
            }
            return Err(Drop::StunBadIntegrity);
        }
        let mut reply = [0; MAX_RESPONSE_BYTES];
        if request.controlled {
            let conflict = (487, "Role Conflict"); // RFC 8445 section 7.3.1.1
            let size = stun::binding_error(&mut reply, &request.transaction, conflict, &known.password);
            let (moved, first, evicted) = (false, false, false);
            return Ok(Checked { transport, reply: (reply, size), moved, first, evicted });
        }
        let size = stun::binding_success(&mut reply, &request.transaction, pair.1, &known.password);
        if self.held_by_another(transport, &pair, now_s) {
            return Err(Drop::StunRateLimited);
        }
        let (moved, first, evicted) = self.validated(transport, pair, request.nominate, now_s);
        self.retire_old_credentials(transport, request.local);
        Ok(Checked { transport, reply: (reply, size), moved, first, evicted })
    }

    fn held_by_another(&self, transport: u32, pair: &Pair, now_s: Seconds) -> bool {
        let Some(owner) = self.by_pair.get(pair).filter(|owner| **owner != transport) else { return false };
        let agent = self.agents.get(*owner as usize).and_then(Option::as_ref);
        let validated = agent.and_then(|agent| agent.pairs.iter().find(|(one, _)| one == pair));
        validated.is_some_and(|(_, last_s)| now_s - last_s < HELD_S)
    }

    fn validated(
        &mut self,
        transport: u32,
        pair: Pair,
        nominate: bool,
        now_s: Seconds,
    ) -> (bool, bool, bool) {
        let before = self.by_pair.insert(pair, transport);
        if let Some(owner) = before.filter(|owner| *owner != transport) {
            // The address was silent, and now speaks for another transport: the authenticated newcomer has it.
            if let Some(agent) = self.agent(owner) {
                agent.pairs.retain(|(one, _)| *one != pair);
                agent.selected = agent.selected.filter(|selected| *selected != pair);
            }
        }
        let most = self.address_pairs;
        let Some(agent) = self.agents.get_mut(transport as usize).and_then(Option::as_mut) else {
            return (false, false, false);
        };
        agent.last_check_s = Some(now_s);
        agent.pairs.retain(|(one, _)| *one != pair);
        agent.pairs.push((pair, now_s));
        let first = agent.selected.is_none();
        let moved = first || (nominate && agent.selected != Some(pair));
        if nominate || first {
            agent.selected = Some(pair);
        }
        let mut evicted = false;
        if agent.pairs.len() > most {
            let selected = agent.selected;
            if let Some(at) = agent.pairs.iter().position(|(one, _)| Some(*one) != selected) {
                let (gone, _) = agent.pairs.remove(at);
                self.by_pair.remove(&gone);
                evicted = true;
            }
        }
        let came_back = std::mem::take(&mut agent.consent_lost);
        (moved || came_back, first, evicted)
    }

    fn retire_old_credentials(&mut self, transport: u32, used: &str) {
        let Some(agent) = self.agents.get_mut(transport as usize).and_then(Option::as_mut) else { return };
        if used == agent.ufrag {
            for old in agent.old_ufrags.drain(..) {
                self.by_ufrag.remove(&old);
            }
        }
    }
}

/// /24 of IPv4, /56 of IPv6: what one household or attacker usually holds.
fn prefix(address: IpAddr) -> [u8; 8] {
    let mut found = [0u8; 8];
    match address {
        IpAddr::V4(ip) => found[..3].copy_from_slice(&ip.octets()[..3]),
        IpAddr::V6(ip) => found[..7].copy_from_slice(&ip.octets()[..7]),
    }
    found[7] = u8::from(address.is_ipv6());
    found
}
