#!/usr/bin/env python3
"""Side-by-side SFU bench: signalling adapter (sig_*.py) + native RTP engine (rtpload) + CPU/RSS accounting of the server process.

  python bench.py --server janus|naive|tuned|fwd [--n 1,5,10,25,50] [--pubs 1] [--pps 250] [--size 1200] [--burst 1]
                  [--profile GCM128] [--secs 8] [--warm 3] [--audio] [--sample 0] [--ramp] [--srv-arg X ...] [--json out.jsonl]

The server runs pinned to CPU 0 in namespace pf_s (10.77.0.1), this client is expected on CPU 1 in pf_c:
  ip netns exec pf_c taskset -c 1 python bench.py ...
cpu_us = server CPU (user+sys of every thread, plus ksoftirqd/0) per packet delivered to a subscriber.
"""
import argparse, asyncio, importlib, json, os, signal, socket, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import procstat, rtpload

SRV_IP, CLI_IP = os.environ.get("SRV_IP", "10.77.0.1"), os.environ.get("CLI_IP", "10.77.0.2")
SRV_PREFIX = os.environ.get("SRV_PREFIX", "nsenter --net=/run/netns/pf_s taskset -c 0").split()
HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("BENCH_BUILD") or tempfile.gettempdir()

KS = 0

class Server:
    """starts a server process and gives a signalling adapter for it"""
    def __init__(self, a):
        self.a = a

    async def start(self):
        a, env = self.a, dict(os.environ)
        for kv in a.env:
            k, v = kv.split("=", 1)
            env[k] = v
        self.log = open(os.path.join(BUILD, "srv_%s.log" % (a.label or a.server).replace('/', '_').replace(' ', '_')), "w")
        kw = dict(env=env, stdout=self.log, stderr=subprocess.STDOUT)
        if a.server == "janus":
            import sig_janus
            cfg = tempfile.mkdtemp(prefix="janus", dir=BUILD)
            sig_janus.write_config(cfg, SRV_IP, 18188, event_loops=a.event_loops)
            self.p = subprocess.Popen(SRV_PREFIX + ["janus", "-F", cfg, "-C", cfg + "/janus.jcfg", "-o"] + a.srv_arg, **kw)
            self.sig = sig_janus.Sig(f"ws://{SRV_IP}:18188", a.profile.split(",") if a.profile != "any" else None)
        elif a.server == "sotto":
            import sig_sotto
            state = tempfile.mkdtemp(prefix="sotto", dir=BUILD)
            config = os.path.join(state, "config.yaml")
            with open(config, "w") as f:  # plain HTTP off loopback: the bench stands in for a proxy, in its own namespace
                f.write(f"state_dir: {state}\nserver: {{listen: '{SRV_IP}:18191', trusted_proxies: ['{CLI_IP}'], origins: ['{sig_sotto.ORIGIN}']}}\n"
                        f"media: {{listen: ['{SRV_IP}:17882']}}\nadmin: {{listen: '127.0.0.1:19464'}}\nrooms: {{creation: open, max_participants: 250}}\n"
                        f"limits: {{connections_per_address: 2000, handshakes_per_s: 2000}}\nlog: {{level: warning}}\n")
            env["PYTHONPATH"] = os.path.join(HERE, "..", "..", "..", "..")
            self.p = subprocess.Popen(SRV_PREFIX + [sys.executable, "-m", "sfu", "serve", "--config", config] + a.srv_arg, **kw)
            self.sig = sig_sotto.Sig(f"ws://{SRV_IP}:18191/ws", a.profile.split(",") if a.profile != "any" else None, a.pubs)
        elif a.server == "naive":
            import sig_mini
            self.p = subprocess.Popen(SRV_PREFIX + [sys.executable, HERE + "/srv_naive_aiortc.py", SRV_IP, "18189"] + a.srv_arg, **kw)
            self.sig = sig_mini.Sig(f"ws://{SRV_IP}:18189", a.profile.split(",") if a.profile != "any" else None)
        elif a.server == "mediasoup":
            import sig_mini
            self.p = subprocess.Popen(SRV_PREFIX + ["node", HERE + "/srv_mediasoup.mjs", SRV_IP, "18190"], cwd=os.environ["MEDIASOUP_DIR"], **kw)
            self.sig = sig_mini.Sig(f"ws://{SRV_IP}:18190", a.profile.split(",") if a.profile != "any" else None)
        else:
            import sig_static
            cmd = {"tuned": [sys.executable, HERE + "/srv_tuned.py", SRV_IP], "fwd": [BUILD + "/fwd", SRV_IP], "fwd_wheel": [sys.executable, HERE + "/srv_fwd_wheel.py", SRV_IP]}.get(a.server) or a.server.split() + [SRV_IP]
            self.p = subprocess.Popen(SRV_PREFIX + cmd + a.srv_arg, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log)
            self.sig = sig_static.Sig(self.p, SRV_IP, CLI_IP, a.profile.split(",")[0])
        await asyncio.sleep(0.5)
        for i in range(40):
            try:
                await self.sig.open()
                break
            except OSError:
                await asyncio.sleep(0.25)
        self.pid = self.p.pid
        if a.server == "mediasoup":
            self.pid = int(open(self.log.name).read().split("WORKER")[1].split()[0])

    async def stop(self):
        try:
            await asyncio.wait_for(self.sig.close(), 5)
        except Exception:
            pass
        self.p.send_signal(signal.SIGTERM)
        try:
            self.p.wait(5)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        self.log.close()

async def window(eng, srv, secs, nsub):
    eng.hist_reset()
    global KS
    KS = KS or procstat.ksoftirqd(0)
    k0 = procstat.cpu_s(KS) if KS else 0
    s0, c0, u0, x0, st0 = eng.snap(), procstat.cpu_s(srv.pid), procstat.user_sys_s(srv.pid), procstat.ctxt(srv.pid), procstat.steal()
    await asyncio.sleep(secs)
    s1, c1, u1, x1, st1 = eng.snap(), procstat.cpu_s(srv.pid), procstat.user_sys_s(srv.pid), procstat.ctxt(srv.pid), procstat.steal()
    got, sent, dt = s1["got"] - s0["got"], s1["sent"] - s0["sent"], s1["t"] - s0["t"]
    k = (procstat.cpu_s(KS) - k0) if KS else 0
    us = (u1[0] - u0[0]) + (u1[1] - u0[1])
    return dict(dt=round(dt, 2), in_pps=round(sent / dt), out_pps=round(got / dt), loss=round(1 - got / max(1, s1["span"] - s0["span"]), 5), deliv=round(got / max(1, sent * nsub), 4), cpu=round((c1 - c0) / dt, 3), ksoft=round(k / dt, 3),
                cpu_us=round((c1 - c0 + k) / max(1, got) * 1e6, 3), sys_share=round((u1[1] - u0[1]) / us, 2) if us else None,
                ctxt_per_pkt=round((x1 - x0) / max(1, got), 3), p50_us=s1["p50_us"], p99_us=s1["p99_us"], p999_us=s1["p999_us"],
                bad=s1["bad"] - s0["bad"], dup=s1["dup"] - s0["dup"], corrupt=s1["corrupt"], rtcp=s1["rtcp"] - s0["rtcp"], late=s1["late_ticks"] - s0["late_ticks"],
                steal=round(st1 - st0, 2))

def nft_drop(ports):
    """subscribers that are paid for by the server but dropped as they enter the clients' namespace: no delivery cost on the server's bill"""
    dev = os.environ.get("CLI_DEV", "pfc0")
    rule = f"table netdev bench {{\n chain c {{\n type filter hook ingress device {dev} priority 0 ;\n udp dport {{ {','.join(map(str, ports))} }} drop\n }}\n}}\n"
    subprocess.run(["nft", "-f", "-"], input=rule, text=True, check=True)

async def one(a, n):
    srv = Server(a)
    await srv.start()
    res = []
    try:
        eng = rtpload.Engine(tick=a.tick, decrypt_every=a.decrypt_every)
        rss0 = procstat.rss_kb(srv.pid)["Rss"]
        sids, prof = [], None
        for i in range(a.pubs):
            streams = [dict(kind="video", ssrc=1000 + 10 * i, pt=96)]
            if a.audio:
                streams = [dict(kind="audio", ssrc=1001 + 10 * i, pt=111)] + streams
            if a.audio_only:
                streams = [dict(kind="audio", ssrc=1001 + 10 * i, pt=111)]
            t = await srv.sig.publisher(i, streams)
            tid = eng.transport(t)
            prof = t["profile"]
            for s in streams:
                if s["kind"] == "video":
                    sids.append(eng.stream(tid, s["ssrc"], s["pt"], a.size, a.pps, a.burst))
                else:
                    eng.stream(tid, s["ssrc"], s["pt"], 100, 50, 1, 48000)
        rss1 = procstat.rss_kb(srv.pid)["Rss"]
        t0, c0, drop_ports = time.time(), procstat.cpu_s(srv.pid), []
        for j in range(n):
            t = await srv.sig.subscriber(j)
            tid = eng.transport(t)
            if a.drop and j >= a.full:
                so = socket.socket(fileno=os.dup(t["fd"]))
                drop_ports.append(so.getsockname()[1])
                so.close()
            if a.sample and j >= a.full:
                eng.sample(tid, (1 << a.sample) - 1)
        if a.drop:
            nft_drop(drop_ports)
        join_cpu = (procstat.cpu_s(srv.pid) - c0) / n
        if hasattr(srv.sig, "go"):
            await srv.sig.go()
        rss2 = procstat.rss_kb(srv.pid)["Rss"]
        mult = a.full + (n - a.full) / (1 << a.sample) if a.sample else a.full if a.drop else n
        fut = asyncio.ensure_future(eng.run(3600))
        base = dict(server=a.server, label=a.label, n=n, pubs=a.pubs, pps=a.pps, size=a.size, burst=a.burst, profile=prof, threads=procstat.threads(srv.pid), join_cpu_ms=round(join_cpu * 1e3, 2),
                    rss_base=rss0, rss_pub=rss1, rss_kb_per_sub=round((rss2 - rss1) / n))
        if not a.ramp:
            await asyncio.sleep(a.warm)
            for w in range(a.windows):
                r = await window(eng, srv, a.secs, mult)
                if a.sample or a.drop:
                    r["cpu_us"] = round((r["cpu"] + r["ksoft"]) / (r["in_pps"] * n * r["deliv"]) * 1e6, 3)
                r["rss_kb"] = procstat.rss_kb(srv.pid)["Rss"]
                res.append({**base, **r})
                print(json.dumps(res[-1]), flush=True)
        else:
            pps, best, fails = a.pps, None, 0
            while fails < 2:
                for s in sids:
                    eng.rate(s, pps / len(sids), a.burst)
                await asyncio.sleep(1.0)
                r = await window(eng, srv, a.secs, mult)
                if a.sample or a.drop:
                    r["cpu_us"] = round((r["cpu"] + r["ksoft"]) / (r["in_pps"] * n * r["deliv"]) * 1e6, 3)
                short = r["in_pps"] < 0.97 * pps
                ok = r["loss"] < 0.001 and r["deliv"] > 0.97 and r["p50_us"] < 20000 and not short
                print(json.dumps({**base, **r, "target_in": pps, "ok": ok}), flush=True)
                if ok:
                    best, fails = {**base, **r, "max_in_pps": pps, "max_out_pps": round(r["in_pps"] * n)}, 0
                else:
                    fails += 1
                pps = round(pps * a.step)
                if pps > a.max_pps:
                    break
            res.append(best or {**base, "max_in_pps": 0})
            print("MAX", json.dumps(res[-1]), flush=True)
        eng.stop()
        await fut
    finally:
        if a.drop:
            subprocess.call(["nft", "delete", "table", "netdev", "bench"], stderr=subprocess.DEVNULL)
        await srv.stop()
    if a.json:
        with open(a.json, "a") as f:
            for r in res:
                f.write(json.dumps(r) + "\n")
    return res

def main():
    p = argparse.ArgumentParser()
    p.add_argument("--server", default="janus")
    p.add_argument("--label", default="")
    p.add_argument("--n", default="10")
    p.add_argument("--pubs", type=int, default=1)
    p.add_argument("--pps", type=float, default=250)
    p.add_argument("--size", type=int, default=1200)
    p.add_argument("--burst", type=int, default=1)
    p.add_argument("--audio", action="store_true")
    p.add_argument("--audio-only", action="store_true", dest="audio_only")
    p.add_argument("--profile", default="GCM128")
    p.add_argument("--secs", type=float, default=4)
    p.add_argument("--windows", type=int, default=3)
    p.add_argument("--warm", type=float, default=2)
    p.add_argument("--tick", type=float, default=0.001)
    p.add_argument("--decrypt-every", type=int, default=8, dest="decrypt_every")
    p.add_argument("--sample", type=int, default=0, help="subscribers beyond --full keep 1 in 2^sample packets (kernel filter)")
    p.add_argument("--full", type=int, default=1)
    p.add_argument("--drop", action="store_true", help="drop the packets of subscribers beyond --full at the clients' ingress (needs nft, own namespace)")
    p.add_argument("--ramp", action="store_true")
    p.add_argument("--step", type=float, default=1.3)
    p.add_argument("--max-pps", type=float, default=400000, dest="max_pps")
    p.add_argument("--event-loops", type=int, default=0, dest="event_loops")
    p.add_argument("--srv-arg", action="append", default=[], dest="srv_arg")
    p.add_argument("--env", action="append", default=[])
    p.add_argument("--json", default="")
    a = p.parse_args()
    ns = [int(x) for x in a.n.split(",")]
    if len(ns) > 1:  # the native engine is a per-process singleton: one process per point
        for n in ns:
            subprocess.call([sys.executable, os.path.abspath(__file__)] + [x for x in drop_n(sys.argv[1:])] + ["--n", str(n)])
        return
    import peer
    peer.use_host(CLI_IP)
    asyncio.run(one(a, ns[0]))

def drop_n(args):
    out, skip = [], False
    for x in args:
        if skip:
            skip = False
        elif x == "--n":
            skip = True
        elif not x.startswith("--n="):
            out.append(x)
    return out

if __name__ == "__main__":
    main()
