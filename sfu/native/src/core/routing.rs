//! Which seats are offered a track's packets, and what each of them aims at.

use super::engine::Engine;
use super::ingress::Ingress;
use super::operations::Feedback;
use super::selector::{EncodingRef, Source};
use super::slab::Slab;
use super::transport::Transport;

/// The congestion feedback a publisher wants: transport-wide wherever it was offered.
pub(super) fn refresh_feedback(transport: &mut Transport, ingresses: &Slab<Ingress>) {
    let kinds =
        transport.ingresses.iter().filter_map(|index| ingresses.get(*index)).map(|one| one.add.feedback);
    transport.feedback = kinds.fold(Feedback::None, |found, kind| match (found, kind) {
        (Feedback::TransportCc, _) | (_, Feedback::TransportCc) => Feedback::TransportCc,
        (Feedback::Remb, _) | (_, Feedback::Remb) => Feedback::Remb,
        _ => Feedback::None,
    });
}

impl Engine {
    /// Feed a seat from a track; what feeds it now goes on until the switch (unless `cut`).
    pub(super) fn route(&mut self, seat: u32, source: Source, cut: bool) {
        let active = &self.ingresses[source.ingress].active;
        let one = &mut self.seats[seat];
        one.selector.route(Some(source), active, self.now.s, cut);
        one.rerouted();
        self.settle(seat);
    }

    /// Feed a seat from nothing, at once.
    pub(super) fn unroute(&mut self, seat: u32) {
        let one = &mut self.seats[seat];
        one.selector.route(None, &[], self.now.s, true);
        one.rerouted();
        self.settle(seat);
    }

    /// Offer the seat what can matter to it now, and nothing else.
    pub(super) fn settle(&mut self, index: u32) {
        let seat = &mut self.seats[index];
        let of = |one: Option<EncodingRef>| one.map(|(ingress, _)| ingress);
        let mut wanted = [of(seat.selector.current), of(seat.selector.target)];
        if wanted[0] == wanted[1] {
            wanted[1] = None;
        }
        let before = std::mem::replace(&mut seat.offered_by, wanted);
        let waits = seat.selector.target.is_some();
        for gone in before.into_iter().flatten().filter(|one| !wanted.contains(&Some(*one))) {
            if let Some(ingress) = self.ingresses.get_mut(gone) {
                ingress.offered.retain(|one| *one != index);
            }
        }
        for new in wanted.into_iter().flatten().filter(|one| !before.contains(&Some(*one))) {
            if let Some(ingress) = self.ingresses.get_mut(new) {
                ingress.offered.push(index);
            }
        }
        let known = self.waiting.iter().position(|one| *one == index);
        match (waits, known) {
            (true, None) => self.waiting.push(index),
            (false, Some(at)) => drop(self.waiting.swap_remove(at)),
            _ => {}
        }
    }

    /// Whether a seat carries the encoding or waits for it.
    pub(super) fn is_watched(&self, encoding: EncodingRef) -> bool {
        let Some(ingress) = self.ingresses.get(encoding.0) else { return false };
        let selectors =
            ingress.offered.iter().filter_map(|seat| self.seats.get(*seat)).map(|seat| &seat.selector);
        selectors.into_iter().any(|one| one.current == Some(encoding) || one.target == Some(encoding))
    }

    /// An encoding came or went.
    pub(super) fn view_changed(&mut self, index: u32, encoding: u8, active: bool) {
        let Some(ingress) = self.ingresses.get_mut(index) else { return };
        ingress.encodings[usize::from(encoding)].active = active;
        ingress.active[usize::from(encoding)] = active;
        let (id, rid) = (ingress.add.ingress, ingress.rid(encoding));
        let offered = ingress.offered.clone();
        self.tell(super::Event::EncodingChanged { ingress: id, rid, active });
        for seat in offered {
            let view = &self.ingresses[index].active;
            let Some(one) = self.seats.get_mut(seat) else { continue };
            if one.selector.source.is_some_and(|source| source.ingress == index) {
                // Who waits now asks at the next tick: the packet in hand may be the key frame itself.
                one.selector.encodings_changed(view, self.now.s);
                self.settle(seat);
            }
        }
    }
}
