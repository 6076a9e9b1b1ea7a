"""Signalling adapter: Sotto. Each participant joins with a hand-written offer over one transport (ICE + DTLS as a client)."""
import asyncio, json
import websockets
from peer import Peer
from sig_janus import grab

ORIGIN = "http://bench.example"

def section(kind, mid, pt, codec, direction, peer, ssrc=None):
    lines = [f"m={kind} 9 UDP/TLS/RTP/SAVPF {pt}", "c=IN IP4 0.0.0.0", f"a=mid:{mid}", f"a={direction}", "a=rtcp-mux", "a=rtcp-rsize",
             f"a=rtpmap:{pt} {codec}", f"a=ice-ufrag:{peer.ufrag}", f"a=ice-pwd:{peer.pwd}",
             f"a=fingerprint:sha-256 {peer.fingerprint}", "a=setup:actpass"]
    if kind == "video":
        lines += [f"a=rtcp-fb:{pt} nack", f"a=rtcp-fb:{pt} nack pli"]
    return lines + ([f"a=ssrc:{ssrc} cname:bench"] if ssrc else [])

class Sig:
    def __init__(self, url, profiles=None, pubs=1):
        self.url, self.profiles, self.pubs, self.keep = url, profiles, pubs, []

    async def open(self):
        (await websockets.connect(self.url, origin=ORIGIN)).close_timeout = 1

    async def _join(self, sections, sources, seats, tracks):
        p = Peer(True, "client", self.profiles)
        await p.gather()
        body = [x for i, s in enumerate(sections) for x in section(mid=str(i), peer=p, **s)]
        mids = " ".join(str(i) for i in range(len(sections)))
        offer = "\r\n".join(["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mids}", *body]) + "\r\n"
        ws = await websockets.connect(self.url, origin=ORIGIN, max_size=None)
        await ws.send(json.dumps(dict(type="join", id=1, version=1, capabilities=[], room="bench", offer=offer, sources=sources, seats=seats, tracks=tracks)))
        while True:
            reply = json.loads(await ws.recv())
            if reply["type"] == "error":
                raise RuntimeError(reply)
            if reply["type"] == "joined":
                break
        remote, _ = grab(reply["answer"])
        await p.connect(**remote)
        self.keep.append((p, ws, asyncio.ensure_future(self._pump(ws))))
        return p.handover()

    async def _pump(self, ws):
        async for text in ws:
            m = json.loads(text)
            if m["type"] == "ping":
                await ws.send(json.dumps(dict(type="pong", nonce=m["nonce"])))

    async def publisher(self, idx, streams):
        kinds = dict(audio="opus/48000/2", video="VP8/90000")
        names = dict(audio="microphone", video="camera")
        sections = [dict(kind=s["kind"], pt=s["pt"], codec=kinds[s["kind"]], direction="sendonly", ssrc=s["ssrc"]) for s in streams]
        return await self._join(sections, [dict(mid=str(i), source=names[s["kind"]]) for i, s in enumerate(streams)], [],
                                [dict(source=names[s["kind"]], active=True) for s in streams])

    async def subscriber(self, idx):
        sections, seats = [], []
        for i in range(self.pubs):
            seats.append(dict(audio=str(2 * i), video=str(2 * i + 1)))
            sections += [dict(kind="audio", pt=111, codec="opus/48000/2", direction="recvonly"), dict(kind="video", pt=96, codec="VP8/90000", direction="recvonly")]
        return await self._join(sections, [], seats, [])

    async def close(self):
        for _, ws, task in self.keep:
            task.cancel()
            await ws.close()
