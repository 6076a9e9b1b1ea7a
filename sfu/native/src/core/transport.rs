//! One participant's transport in the plane: its keys, published tracks and seats. All of it bounded.

use super::clock::PublisherClock;
use super::ingress::{no_extensions, ExtensionIds};
use super::operations::{Feedback, Limits};
use super::twcc::Recorder;
use super::Seconds;
use crate::srtp::{Inbound, Outbound, RtcpWindow, RxStream};
use std::collections::{HashMap, VecDeque};

const DEFAULT_RTT_S: f64 = 0.1;
/// Streams of withdrawn SSRCs whose windows are kept, as a multiple of those admitted at one time: one that
/// comes back keeps its roll-over counter, and its old packets stay refused.
const PARKED_PER_SSRC: usize = 3;
/// A camera with three encodings and a screen. This plane estimates nothing yet: publishers that want REMB get
/// this, less what they were seen to lose.
pub const REMB_TOP_BPS: f64 = 4_000_000.0;

/// What an SSRC was admitted as. Never changes afterwards (SECURITY B, extension smuggling).
#[derive(Debug)]
pub struct Admitted {
    /// Number of the track.
    pub ingress: u32,
    /// Which of its encodings.
    pub encoding: u8,
    /// Carries retransmissions.
    pub rtx: bool,
    /// Its encoding goes on with another SSRC.
    pub retired: bool,
    /// Roll-over counter and replay window.
    pub stream: RxStream,
}

/// State of one transport.
pub struct Transport {
    /// The port's id.
    pub id: u64,
    /// SSRC of our feedback.
    pub feedback_ssrc: u32,
    /// Opens what it sends; None before keys.
    pub rx: Option<Inbound>,
    /// Seals what it gets; None before keys.
    pub tx: Option<Outbound>,
    /// Its NTP clock.
    pub publisher: PublisherClock,
    /// Numbers of its tracks.
    pub ingresses: Vec<u32>,
    /// Numbers of its seats, by media SSRC, which is what RTCP names.
    pub seats: HashMap<u32, u32>,
    /// SSRCs admitted.
    pub by_ssrc: HashMap<u32, Admitted>,
    /// Arrivals for transport-wide feedback.
    pub recorder: Recorder,
    /// Round trip.
    pub rtt_s: f64,
    /// Extension ids of all its tracks.
    pub ids: ExtensionIds,
    /// The congestion feedback it wants: transport-wide wherever it was offered.
    pub feedback: Feedback,
    /// When its last report left.
    pub reported_s: Seconds,
    /// When its last REMB left.
    pub remb_s: Seconds,
    /// What that said.
    pub remb_bps: f64,
    reports: HashMap<u32, RtcpWindow>,
    parked: VecDeque<(u32, RxStream)>,
    ssrcs: usize,
}

impl Transport {
    /// No keys, no tracks, no seats.
    pub fn new(id: u64, feedback_ssrc: u32, limits: &Limits) -> Self {
        Self {
            id,
            feedback_ssrc,
            rx: None,
            tx: None,
            publisher: PublisherClock::default(),
            ingresses: Vec::new(),
            seats: HashMap::new(),
            by_ssrc: HashMap::new(),
            recorder: Recorder::default(),
            rtt_s: DEFAULT_RTT_S,
            ids: no_extensions(),
            feedback: Feedback::None,
            reported_s: 0.0,
            remb_s: 0.0,
            remb_bps: REMB_TOP_BPS,
            reports: HashMap::new(),
            parked: VecDeque::new(),
            ssrcs: limits.ssrcs,
        }
    }

    /// Roll-over counter and window of an SSRC not admitted now: as it was left, else fresh.
    pub fn parked_stream(&self, ssrc: u32) -> RxStream {
        self.parked.iter().find(|(one, _)| *one == ssrc).map(|(_, stream)| stream.clone()).unwrap_or_default()
    }

    /// A packet of an SSRC not admitted before has authenticated.
    pub fn begin(&mut self, ssrc: u32, admitted: Admitted) {
        self.parked.retain(|(one, _)| *one != ssrc);
        self.by_ssrc.insert(ssrc, admitted);
    }

    /// A track is withdrawn; its SSRCs are strangers again.
    pub fn withdraw(&mut self, ingress: u32) {
        self.ingresses.retain(|one| *one != ingress);
        let parked = &mut self.parked;
        self.by_ssrc.retain(|ssrc, admitted| {
            let stays = admitted.ingress != ingress;
            if !stays {
                parked.push_back((*ssrc, std::mem::take(&mut admitted.stream)));
            }
            stays
        });
        while self.parked.len() > PARKED_PER_SSRC * self.ssrcs {
            self.parked.pop_front();
        }
    }

    /// The replay window of an RTCP sender, None when there are too many that publish nothing.
    pub fn report_window(&mut self, ssrc: u32) -> Option<RtcpWindow> {
        if let Some(window) = self.reports.get(&ssrc) {
            return Some(*window);
        }
        let strangers = self.reports.keys().filter(|one| !self.by_ssrc.contains_key(one)).count();
        (self.by_ssrc.contains_key(&ssrc) || strangers < self.ssrcs).then(RtcpWindow::default)
    }

    /// RTCP of this sender has authenticated.
    pub fn reported(&mut self, ssrc: u32, window: RtcpWindow) {
        self.reports.insert(ssrc, window);
    }
}
