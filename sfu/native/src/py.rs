//! The Python module `sfu._plane`: as few names as `sfu.plane.native` needs. `sfu/_plane.pyi` says the types.

use crate::core::operations::{
    AddIngress, AddSeat, Codec, Credentials, Event, Extension, Feedback, Limits, Operation, PayloadType,
    RouteSource,
};
use crate::core::PlaneError;
use crate::io::NativePlane;
use crate::srtp::Profile;
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;

fn wrong(what: &str, found: &str) -> PyErr {
    PyValueError::new_err(format!("{what}: found {found}"))
}

fn named<T>(what: &str, name: &str, find: impl Fn(&str) -> Option<T>) -> PyResult<T> {
    find(name).ok_or_else(|| wrong(what, name))
}

type PtTuple = (String, u8, Option<u8>, u32);

fn payload_types(given: Vec<PtTuple>) -> PyResult<Vec<PayloadType>> {
    let one = |(codec, pt, rtx_pt, clock_hz): PtTuple| {
        Ok(PayloadType { codec: named("codec", &codec, Codec::from_name)?, pt, rtx_pt, clock_hz })
    };
    given.into_iter().map(one).collect()
}

/// One operation from a tuple whose first item is its name.
fn operation(given: &Bound<'_, PyTuple>) -> PyResult<Operation> {
    let name: String = given.get_item(0)?.extract()?;
    match name.as_str() {
        "add_transport" | "restart_ice" => {
            let (_, transport, ufrag, pwd, remote_ufrag): (String, u64, String, String, String) =
                given.extract()?;
            let credentials = Credentials { ufrag, pwd, remote_ufrag };
            Ok(if name == "add_transport" {
                Operation::AddTransport { transport, credentials }
            } else {
                Operation::RestartIce { transport, credentials }
            })
        }
        "set_keys" => {
            let (_, transport, profile, rx, tx): (String, u64, String, Vec<u8>, Vec<u8>) = given.extract()?;
            Ok(Operation::SetKeys {
                transport,
                profile: named("profile", &profile, Profile::from_name)?,
                rx,
                tx,
            })
        }
        "send_dtls" => {
            let (_, transport, datagram): (String, u64, Vec<u8>) = given.extract()?;
            Ok(Operation::SendDtls { transport, datagram })
        }
        "remove_transport" => Ok(Operation::RemoveTransport { transport: given.get_item(1)?.extract()? }),
        "add_ingress" => add_ingress(given),
        "remove_ingress" => Ok(Operation::RemoveIngress { ingress: given.get_item(1)?.extract()? }),
        "add_seat" => add_seat(given),
        "remove_seat" => Ok(Operation::RemoveSeat { egress: given.get_item(1)?.extract()? }),
        "set_route" => {
            type Source = Option<(u64, Option<String>, Option<u8>)>;
            let (_, egress, source, cut): (String, u64, Source, bool) = given.extract()?;
            let source =
                source.map(|(ingress, rid, max_temporal)| RouteSource { ingress, rid, max_temporal });
            Ok(Operation::SetRoute { egress, source, cut })
        }
        "request_keyframe" => {
            let (_, ingress, rid): (String, u64, Option<String>) = given.extract()?;
            Ok(Operation::RequestKeyframe { ingress, rid })
        }
        other => Err(wrong("operation", other)),
    }
}

fn add_ingress(given: &Bound<'_, PyTuple>) -> PyResult<Operation> {
    type Given =
        (String, u64, u64, String, bool, Vec<PtTuple>, Vec<(u8, String)>, Vec<String>, Vec<u32>, String);
    let (_, ingress, transport, mid, video, pts, extensions, rids, ssrcs, feedback): Given =
        given.extract()?;
    let meaning = |(id, name): (u8, String)| Ok((id, named("extension", &name, Extension::from_name)?));
    Ok(Operation::AddIngress(AddIngress {
        ingress,
        transport,
        mid,
        video,
        payload_types: payload_types(pts)?,
        extensions: extensions.into_iter().map(meaning).collect::<PyResult<_>>()?,
        rids,
        ssrcs,
        feedback: named("feedback", &feedback, Feedback::from_name)?,
    }))
}

fn add_seat(given: &Bound<'_, PyTuple>) -> PyResult<Operation> {
    type Given = (String, u64, u64, bool, u32, Option<u32>, Vec<PtTuple>, Vec<(String, u8)>, String);
    let (_, egress, transport, video, ssrc, rtx_ssrc, pts, extensions, cname): Given = given.extract()?;
    let meaning = |(name, id): (String, u8)| Ok((named("extension", &name, Extension::from_name)?, id));
    Ok(Operation::AddSeat(AddSeat {
        egress,
        transport,
        video,
        ssrc,
        rtx_ssrc,
        payload_types: payload_types(pts)?,
        extensions: extensions.into_iter().map(meaning).collect::<PyResult<_>>()?,
        cname,
    }))
}

fn event<'py>(py: Python<'py>, event: Event) -> PyResult<Bound<'py, PyTuple>> {
    match event {
        Event::DtlsReceived { transport, datagram } => {
            ("dtls_received", transport, PyBytes::new(py, &datagram)).into_pyobject(py)
        }
        Event::PathChanged { transport, first } => ("path_changed", transport, first).into_pyobject(py),
        Event::ConsentLost { transport } => ("consent_lost", transport).into_pyobject(py),
        Event::EncodingChanged { ingress, rid, active } => {
            ("encoding_changed", ingress, rid, active).into_pyobject(py)
        }
        Event::SeatSwitched { egress, ingress, rid } => {
            ("seat_switched", egress, ingress, rid).into_pyobject(py)
        }
        Event::SeatStalled { egress, ingress, rid } => {
            ("seat_stalled", egress, ingress, rid).into_pyobject(py)
        }
        Event::Levels(levels) => {
            ("levels", levels.into_iter().map(|(id, level)| (id, u32::from(level))).collect::<Vec<_>>())
                .into_pyobject(py)
        }
    }
}

/// A plane of its own thread. See `sfu.plane.port` for what each method promises.
#[pyclass(module = "sfu._plane", frozen)]
struct Plane {
    limits: Limits,
    seed: u64,
    segments: bool,
    running: Mutex<Option<NativePlane>>,
}

impl Plane {
    /// Act on the running plane without holding the interpreter.
    fn with<T: Send>(&self, py: Python<'_>, act: impl FnOnce(&NativePlane) -> T + Send) -> PyResult<T> {
        py.detach(|| {
            let running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            running.as_ref().map(act)
        })
        .ok_or_else(|| PyRuntimeError::new_err("the plane is not running"))
    }
}

#[pymethods]
impl Plane {
    #[new]
    #[pyo3(signature = (limits, seed, *, segments = true))]
    fn new(
        limits: (usize, usize, f64, f64, usize, f64, usize, f64, f64, f64),
        seed: u64,
        segments: bool,
    ) -> Self {
        let (ssrcs, address_pairs, interval, retry, seat_keyframes, window, packets, age, share, consent) =
            limits;
        let limits = Limits {
            ssrcs,
            address_pairs,
            keyframe_interval_s: interval,
            keyframe_retry_s: retry,
            seat_keyframes,
            seat_keyframe_window_s: window,
            history_packets: packets,
            history_age_s: age,
            rtx_share: share,
            consent_s: consent,
        };
        Self { limits, seed, segments, running: Mutex::new(None) }
    }

    /// Bind and begin; returns the ports really bound. OSError names nothing: the caller knows the address by index.
    fn start(&self, addresses: Vec<(String, u16)>) -> PyResult<Vec<u16>> {
        let parse = |(host, port): &(String, u16)| {
            let ip: IpAddr = host.parse().map_err(|_| wrong("address", host))?;
            Ok(SocketAddr::new(ip, *port))
        };
        let addresses = addresses.iter().map(parse).collect::<PyResult<Vec<_>>>()?;
        let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let plane = NativePlane::start(&addresses, self.limits, self.seed, self.segments).map_err(
            |(address, error)| {
                let reason = error.to_string();
                let reason = reason.split(" (os error").next().unwrap_or_default().to_owned();
                PyOSError::new_err((error.raw_os_error().unwrap_or(0), reason, address.to_string()))
            },
        )?;
        let ports = plane.addresses().iter().map(SocketAddr::port).collect();
        *running = Some(plane);
        Ok(ports)
    }

    /// Carry out operations in order; ValueError says which could not be, and why.
    fn apply(&self, py: Python<'_>, operations: Vec<Bound<'_, PyTuple>>) -> PyResult<()> {
        let operations = operations.iter().map(operation).collect::<PyResult<Vec<_>>>()?;
        let done = self.with(py, move |plane| plane.apply(operations))?;
        done.map_err(|PlaneError(text)| PyValueError::new_err(text))
    }

    /// Events so far.
    fn take_events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let events = self.with(py, NativePlane::take_events)?;
        let tuples = events.into_iter().map(|one| event(py, one)).collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, tuples)
    }

    /// A descriptor that is readable when there are events.
    fn bell(&self, py: Python<'_>) -> PyResult<i32> {
        self.with(py, NativePlane::bell)
    }

    /// (counts, drops, transports, ingresses, seats, contained panics), in the order of the port's enums.
    #[allow(clippy::type_complexity)]
    fn counters(&self, py: Python<'_>) -> PyResult<(Vec<u64>, Vec<u64>, usize, usize, usize, u64)> {
        let (counters, (transports, ingresses, seats)) = self.with(py, NativePlane::counters)?;
        Ok((counters.counts.to_vec(), counters.drops.to_vec(), transports, ingresses, seats, counters.bugs))
    }

    /// Size of a socket buffer that is smaller than wanted, None when all are large enough.
    fn small_buffer_bytes(&self, py: Python<'_>) -> PyResult<Option<i32>> {
        self.with(py, NativePlane::small_buffer_bytes)
    }

    /// Stop the thread and close the sockets. Idempotent.
    fn stop(&self, py: Python<'_>) {
        py.detach(|| {
            let mut running = self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            drop(running.take());
        });
    }
}

#[pymodule]
fn _plane(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Plane>()
}
